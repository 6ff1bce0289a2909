import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { ByteRange } from '../../../src/http/byte-range.ts';
import type { ObjectDescription } from '../../store/object-description.ts';
import type { StoredObject, Urgency } from '../../store/object-store.ts';
import type { PlannedFile } from '../block-filler.ts';
import type { FillSource } from '../fill-source.ts';
import { BlockFlight, type Patience } from './block-flight.ts';
import type { ObjectCheck } from './check-digest.ts';

/** Where a reader stands: blocks `next` to `last` are still to be read. Keeps fills going, and going no further. */
export interface ReaderPlace {
  next: number;
  last: number;
}

/** What an open object asks of the coordinator. */
export interface ObjectKeeper {
  /** Begins to fill blocks `firstBlock` to `lastBlock`, none of which is held or on its way, for a viewer. */
  fill(object: OpenObject, firstBlock: number, lastBlock: number): void;
  /** Stores a block that is complete. Never rejects. */
  keep(object: OpenObject, flight: BlockFlight): Promise<void>;
  /** Bytes of a block that could not be stored and is still in memory. */
  unkept(object: OpenObject, blockIndex: number): Uint8Array | undefined;
  /** Nobody uses the object any more. */
  closed(object: OpenObject): void;
}

const MAX_TRIES_PER_BLOCK = 3;

/**
 * One generation of an object while somebody reads or fills it: what is held, what is on its way, who waits for what.
 * There is at most one flight per block, found here by all who want the block.
 */
export class OpenObject {
  readonly stored: StoredObject;
  /** Set when blocks are checked against a manifest; its sources follow the plan. */
  planned: PlannedFile | undefined;
  /** Whether single blocks of exactly these bytes can be asked for; learned to be false from an origin's answer. */
  fillsByRange: boolean;
  readonly flights = new Map<number, BlockFlight>();
  readonly #readers = new Set<ReaderPlace>();
  readonly #keeper: ObjectKeeper;
  readonly #readAheadBlocks: number;
  readonly #patience: Patience;
  /** Of the whole, where the origin gave a digest of it. */
  readonly check: ObjectCheck | undefined;
  /** Who gave bytes of it since it was opened. */
  readonly givers = new Set<FillSource>();
  /** Appliances that said by their tag that the path has another planned content there: plans do not reach all at once. */
  readonly otherwise = new WeakSet<FillSource>();
  /** Why nobody gets more of it. */
  #condemned: OperationalError | undefined;
  #users = 0;

  constructor(
    stored: StoredObject,
    options: {
      readonly planned: PlannedFile | undefined;
      readonly fillsByRange: boolean;
      readonly keeper: ObjectKeeper;
      readonly readAheadBlocks: number;
      readonly patience: Patience;
      readonly check: ObjectCheck | undefined;
    },
  ) {
    this.stored = stored;
    this.planned = options.planned;
    this.fillsByRange = options.fillsByRange;
    this.#keeper = options.keeper;
    this.#readAheadBlocks = options.readAheadBlocks;
    this.#patience = options.patience;
    this.check = options.check;
  }

  get key(): string {
    return this.stored.description.key;
  }

  get description(): ObjectDescription {
    return this.stored.description;
  }

  get lastBlock(): number {
    return this.stored.blockCount - 1;
  }

  retain(): void {
    this.#users += 1;
  }

  release(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    if (this.#users < 0) throw new Error(`released ${this.key} too often`);
    this.stored[Symbol.dispose]();
    this.#keeper.closed(this);
  }

  blockLengthBytes(blockIndex: number): number {
    return Math.min(BLOCK_BYTES, this.description.sizeBytes - blockIndex * BLOCK_BYTES);
  }

  /** Whether the block is neither held nor on its way. */
  lacks(blockIndex: number): boolean {
    return !this.flights.has(blockIndex) && !this.stored.holds(blockIndex);
  }

  /** Whether the block's bytes are here, checked, in a store or in memory on their way there. */
  has(blockIndex: number): boolean {
    if (this.stored.holds(blockIndex)) return true;
    return this.flights.get(blockIndex)?.isComplete === true || this.#keeper.unkept(this, blockIndex) !== undefined;
  }

  /** Whether the block is kept, or will be when it comes: a full volume may want to see it asked for again first. */
  keeps(blockIndex: number): boolean {
    if (this.stored.holds(blockIndex)) return true;
    return this.#keeper.unkept(this, blockIndex) === undefined && this.stored.admits(blockIndex);
  }

  /** Whether somebody still wants the block, and wants it soon. */
  isWanted(blockIndex: number): boolean {
    for (const { next, last } of this.#readers) {
      if (next <= blockIndex && blockIndex <= last && blockIndex - next <= this.#readAheadBlocks) return true;
    }
    return false;
  }

  beginFlight(blockIndex: number, audience: 'viewers' | 'plan' = 'viewers'): BlockFlight {
    if (!this.lacks(blockIndex)) throw new Error(`block ${blockIndex} of ${this.key} has a flight or is held`);
    const flight = new BlockFlight(blockIndex, this.blockLengthBytes(blockIndex), this.planned !== undefined, audience);
    this.flights.set(blockIndex, flight);
    return flight;
  }

  /** Who gave all of it that was filled since it was opened; undefined when it was several, or nobody. */
  get soleGiver(): FillSource | undefined {
    const [giver] = this.givers;
    return this.givers.size === 1 ? giver : undefined;
  }

  get condemned(): OperationalError | undefined {
    return this.#condemned;
  }

  /** Its bytes are not what they should be: nobody gets more of them. */
  condemn(error: OperationalError): void {
    this.#condemned = error;
    for (const flight of this.flights.values()) flight.fail(error);
  }

  endFlight(flight: BlockFlight): void {
    if (this.flights.get(flight.blockIndex) === flight) this.flights.delete(flight.blockIndex);
  }

  keep(flight: BlockFlight): Promise<void> {
    return this.#keeper.keep(this, flight);
  }

  /** Says that blocks will be wanted, until the place is handed to `leave`. */
  enter(place: ReaderPlace): void {
    this.#readers.add(place);
  }

  leave(place: ReaderPlace): void {
    this.#readers.delete(place);
  }

  /**
   * The bytes of a range, piece by piece, as they can be had: from the store, or from flights while they arrive. Fills
   * run ahead by the read-ahead limit. A held block that turns out to be lost on its disk is filled again meanwhile, and
   * told to `onLost`. Rejects with an OperationalError, or the signal's reason.
   */
  async *read(
    range: ByteRange,
    signal: AbortSignal,
    onLost?: (blockIndex: number) => void,
    urgency: Urgency = 'viewer',
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const place: ReaderPlace = {
      next: Math.floor(range.first / BLOCK_BYTES),
      last: Math.floor(range.last / BLOCK_BYTES),
    };
    this.enter(place);
    try {
      for (; place.next <= place.last; place.next += 1) {
        this.#fillAhead(place);
        const blockStart = place.next * BLOCK_BYTES;
        const start = Math.max(0, range.first - blockStart);
        const end = Math.min(BLOCK_BYTES, range.last - blockStart + 1);
        yield* this.#readBlock(place.next, { start, end, signal, onLost, urgency });
      }
    } finally {
      this.leave(place);
    }
  }

  async *#readBlock(
    blockIndex: number,
    { start, end, signal, onLost, urgency }: BlockRead,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let offset = start;
    for (let tries = 1; ; tries += 1) {
      signal.throwIfAborted();
      if (this.#condemned !== undefined) throw this.#condemned;
      const isHeld = !this.flights.has(blockIndex) && this.stored.holds(blockIndex);
      const bytes = this.flights.has(blockIndex) ? undefined : await this.#readHeld(blockIndex, urgency);
      if (bytes !== undefined) {
        yield bytes.subarray(offset, end);
        return;
      }
      if (isHeld) onLost?.(blockIndex);
      if (tries > MAX_TRIES_PER_BLOCK) {
        throw new OperationalError('BLOCK_ROTTEN', `block ${blockIndex} of ${this.key} does not stay readable`);
      }
      if (this.lacks(blockIndex)) this.#fillGap(blockIndex, blockIndex);
      const flight = this.flights.get(blockIndex);
      if (flight === undefined) continue;
      try {
        while (offset < end) {
          const piece = (await flight.beyond(offset, signal, this.#patience)).subarray(0, end - offset);
          offset += piece.length;
          yield piece;
        }
        return;
      } catch (error) {
        // What the plan's few sources did not give, the viewer's may.
        if (flight.audience === 'viewers' || !isOperational(error)) throw error;
      }
    }
  }

  async #readHeld(blockIndex: number, urgency: Urgency): Promise<Uint8Array | undefined> {
    const unkept = this.#keeper.unkept(this, blockIndex);
    if (unkept !== undefined || !this.stored.holds(blockIndex)) return unkept;
    return this.stored.read(blockIndex, urgency);
  }

  /** Keeps the fill ahead of the reader, in requests of several blocks: asking for each alone would cost a trip each. */
  #fillAhead(place: ReaderPlace): void {
    const horizon = Math.min(place.last, place.next + this.#readAheadBlocks);
    let missing = place.next;
    while (missing <= horizon && !this.#wantsFill(missing)) missing += 1;
    if (missing > horizon || missing - place.next > this.#readAheadBlocks / 2) return;
    this.#fillGap(missing, horizon);
  }

  #wantsFill(blockIndex: number): boolean {
    return this.lacks(blockIndex) && this.#keeper.unkept(this, blockIndex) === undefined;
  }

  #fillGap(firstBlock: number, horizon: number): void {
    let lastBlock = firstBlock;
    while (lastBlock < horizon && this.#wantsFill(lastBlock + 1)) lastBlock += 1;
    this.#keeper.fill(this, firstBlock, lastBlock);
  }
}

/** The part of a block that a reader wants: from `start` to before `end`. */
interface BlockRead {
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal;
  readonly onLost: ((blockIndex: number) => void) | undefined;
  readonly urgency: Urgency;
}

/** One user's hold on an open object; ends with `using` or dispose. */
export class ObjectLease implements Disposable {
  readonly object: OpenObject;
  readonly #lost = new Set<number>();
  #isEnded = false;

  constructor(object: OpenObject) {
    object.retain();
    this.object = object;
  }

  get description(): ObjectDescription {
    return this.object.description;
  }

  /** Whether the range can be had without asking anybody. */
  holds(range: ByteRange): boolean {
    const lastBlock = Math.floor(range.last / BLOCK_BYTES);
    for (let blockIndex = Math.floor(range.first / BLOCK_BYTES); blockIndex <= lastBlock; blockIndex += 1) {
      if (!this.object.has(blockIndex)) return false;
    }
    return true;
  }

  /** Whether what is fetched for the range is kept, judged by where it begins. */
  keeps(range: ByteRange): boolean {
    return this.object.keeps(Math.floor(range.first / BLOCK_BYTES));
  }

  /** @param urgency who waits: for a disk viewers go before others */
  read(range: ByteRange, signal: AbortSignal, urgency?: Urgency): AsyncGenerator<Uint8Array, void, undefined> {
    return this.object.read(range, signal, (blockIndex) => this.#lost.add(blockIndex), urgency);
  }

  /** Blocks that `read` met rotten or unreadable and had filled again. It grows while a body is read. */
  get repairedBlocks(): number {
    return this.#lost.size;
  }

  [Symbol.dispose](): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.object.release();
  }
}
