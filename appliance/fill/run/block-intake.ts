import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { ApplianceMetrics } from '../../metrics.ts';
import type { BlockFlight } from '../blocks/block-flight.ts';
import type { OpenObject } from '../blocks/open-object.ts';
import { isGenuineBlock } from '../blocks/verify-blocks.ts';
import type { FillSource } from '../fill-source.ts';
import type { BanJudge, LinkMeter, TrafficMeter } from './run-meters.ts';

/**
 * The block in hand of one run: puts the bytes of streams in their places, each byte once, and remembers whose they are
 * until the block has passed its check. When the check fails on bytes of several sources nobody can tell who lied; then
 * the block is taken anew from one alone, who can answer for it.
 */
export class BlockIntake {
  readonly #object: OpenObject;
  readonly #metrics: ApplianceMetrics;
  readonly #bans: BanJudge | undefined;
  readonly #link: LinkMeter | undefined;
  readonly #traffic: TrafficMeter | undefined;
  #wrongBlock = '';
  readonly #givers = new Set<FillSource>();
  #isUnmixed = false;

  constructor(object: OpenObject, { metrics, bans, link, traffic }: IntakeMeters) {
    this.#object = object;
    this.#metrics = metrics;
    this.#bans = bans;
    this.#link = link;
    this.#traffic = traffic;
  }

  /** Whether the block must come from one source alone. */
  get isUnmixed(): boolean {
    return this.#isUnmixed;
  }

  /** To be called before another source goes on with a block. */
  prepare(flight: BlockFlight): void {
    if (!this.#isUnmixed || flight.arrivedBytes === 0) return;
    flight.restart();
    this.#givers.clear();
  }

  /** A stream that began before the missing byte brings bytes again that are here: they are passed over. @returns bytes dealt with */
  append(flight: BlockFlight, position: number, bytes: Uint8Array, source: FillSource): number {
    const here = flight.blockIndex * BLOCK_BYTES + flight.arrivedBytes;
    if (position > here) throw new OperationalError('SOURCE_TRUNCATED', `${source.id}: the block was begun anew`);
    if (position < here) return this.skip(bytes.subarray(0, here - position), source);
    this.#givers.add(source);
    const taken = flight.append(bytes);
    this.#metrics.filled(source.kind, taken);
    const purpose = flight.audience === 'plan' ? 'fill' : 'miss';
    this.#traffic?.took(purpose, source.kind, taken);
    if (source.kind !== 'peer') this.#link?.crossed(purpose, taken);
    return taken;
  }

  /** Bytes that nobody needs. */
  skip(bytes: Uint8Array, source: FillSource): number {
    this.#metrics.wasted(source.kind, bytes.length);
    return bytes.length;
  }

  /** A full block: it is complete now. @throws OperationalError CHECKSUM_MISMATCH, SOURCE_LACKS; nobody has seen its bytes */
  complete(flight: BlockFlight, source: FillSource): void {
    const { planned, key, givers, otherwise } = this.#object;
    if (planned !== undefined && !isGenuineBlock(planned.manifest, flight.blockIndex, flight.bytes)) {
      flight.restart();
      const block = `block ${flight.blockIndex} of ${key} from ${source.id}`;
      // It said so itself, and is honest.
      if (source.kind !== 'origin' && this.#givers.size === 1 && otherwise.has(source)) {
        this.#givers.clear();
        throw new OperationalError('SOURCE_LACKS', `${block} is of another content`);
      }
      this.#wrongBlock = nameOf(key, flight);
      throw new OperationalError('CHECKSUM_MISMATCH', block);
    }
    if (planned !== undefined && this.#givers.size === 1) this.#bans?.gaveRight(source, nameOf(key, flight));
    for (const giver of this.#givers) givers.add(giver);
    this.#givers.clear();
    this.#isUnmixed = false;
    flight.givenBy = source.kind;
    flight.complete();
  }

  /** After a mismatch: whether all of the block was the source's own. Then it is held against the source. */
  isAnswerable(source: FillSource): boolean {
    if (this.#givers.size <= 1) {
      this.#givers.clear();
      this.#bans?.gaveWrong(source, this.#wrongBlock);
      return true;
    }
    this.#isUnmixed = true;
    this.#givers.clear();
    return false;
  }
}

interface IntakeMeters {
  readonly metrics: ApplianceMetrics;
  readonly bans?: BanJudge | undefined;
  readonly link?: LinkMeter | undefined;
  readonly traffic?: TrafficMeter | undefined;
}

const nameOf = (key: string, { blockIndex }: BlockFlight): string => `${key} ${blockIndex}`;
