import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { Machine } from './generated-fleet.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Blocks that one appliance holds of one file. */
export class HeldFile {
  readonly sizeBytes: number;
  readonly blockCount: number;
  readonly #held: Uint8Array;
  heldBytes = 0;
  heldBlocks = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.blockCount = Math.ceil(sizeBytes / BLOCK_BYTES);
    this.#held = new Uint8Array(this.blockCount);
  }

  holds(blockIndex: number): boolean {
    return this.#held[blockIndex] === 1;
  }

  blockBytes(blockIndex: number): number {
    return Math.min(BLOCK_BYTES, this.sizeBytes - blockIndex * BLOCK_BYTES);
  }

  hold(blockIndex: number): void {
    if (this.#held[blockIndex] === 1) return;
    this.#held[blockIndex] = 1;
    this.heldBlocks += 1;
    this.heldBytes += this.blockBytes(blockIndex);
  }
}

/** What one machine is in the network: what it holds and how busy its way out is. */
interface Host {
  readonly siteId: string;
  readonly serveBytesPerMs: number;
  readonly files: Map<string, HeldFile>;
  /** Its way out is taken until then. */
  busyUntilMs: number;
  isGone: boolean;
}

const LAN_RTT_MS = 1;
const WAN_RTT_MS = 15;
const LAN_BYTES_PER_MS = 10e9 / 8 / 1000;
const WAN_BYTES_PER_MS = 1e9 / 8 / 1000;
const CONNECT_TIMEOUT_MS = 3000;

/** Who gives whom which block, how long it takes, and what crosses each site's link in every second. */
export class SimulatedNetwork {
  readonly #clock: VirtualClock;
  readonly #hosts = new Map<string, Host>();
  /** Bytes across the site's link by second since the start. */
  readonly linkBytes = new Map<string, Float64Array>();
  /** Bytes that the origin sent, by site. */
  readonly originBytes = new Map<string, number>();
  readonly asks = { given: 0, lacked: 0, dead: 0 };

  constructor(clock: VirtualClock, machines: readonly Machine[], seconds: number) {
    this.#clock = clock;
    for (const { id, siteId, serveBitsPerSec } of machines) {
      this.#hosts.set(id, {
        siteId,
        serveBytesPerMs: serveBitsPerSec / 8 / 1000,
        files: new Map(),
        busyUntilMs: 0,
        isGone: false,
      });
      this.linkBytes.set(siteId, new Float64Array(seconds));
    }
  }

  filesOf(id: string): Map<string, HeldFile> {
    return this.#host(id).files;
  }

  file(id: string, path: string, sizeBytes: number): HeldFile {
    const { files } = this.#host(id);
    const known = files.get(path) ?? new HeldFile(sizeBytes);
    files.set(path, known);
    return known;
  }

  heldBytes(id: string): number {
    let total = 0;
    for (const { heldBytes } of this.#host(id).files.values()) total += heldBytes;
    return total;
  }

  /** Switches a machine off: it gives nothing more, and what it was giving ends. */
  lose(id: string): void {
    this.#host(id).isGone = true;
  }

  isGone(id: string): boolean {
    return this.#host(id).isGone;
  }

  /** @throws OperationalError SOURCE_LACKS, SOURCE_UNREACHABLE, SOURCE_TRUNCATED; the signal's reason */
  async bring(
    asker: string,
    source: FillPlanSource,
    path: string,
    block: { readonly index: number; readonly bytes: number },
    signal: AbortSignal,
  ): Promise<void> {
    const clock = this.#clock;
    const to = this.#host(asker);
    if (source.kind === 'origin') {
      const fromMs = clock.monotonicMs() + WAN_RTT_MS;
      await clock.delay(WAN_RTT_MS + block.bytes / WAN_BYTES_PER_MS, signal);
      this.#crossed(to.siteId, block.bytes, fromMs);
      this.originBytes.set(to.siteId, (this.originBytes.get(to.siteId) ?? 0) + block.bytes);
      this.asks.given += 1;
      return;
    }
    const from = this.#host(source.id);
    if (from.isGone) {
      await clock.delay(CONNECT_TIMEOUT_MS, signal);
      this.asks.dead += 1;
      throw new OperationalError('SOURCE_UNREACHABLE', source.id);
    }
    const isNear = from.siteId === to.siteId;
    const rttMs = isNear ? LAN_RTT_MS : WAN_RTT_MS;
    if (from.files.get(path)?.holds(block.index) !== true) {
      await clock.delay(rttMs, signal);
      this.asks.lacked += 1;
      throw new OperationalError('SOURCE_LACKS', `${source.id} ${path}`);
    }
    const beginsMs = Math.max(clock.monotonicMs() + rttMs, from.busyUntilMs);
    from.busyUntilMs = beginsMs + block.bytes / from.serveBytesPerMs;
    const wayMs = block.bytes / (isNear ? LAN_BYTES_PER_MS : WAN_BYTES_PER_MS);
    await clock.delay(Math.max(from.busyUntilMs, beginsMs + wayMs) - clock.monotonicMs(), signal);
    if (from.isGone) throw new OperationalError('SOURCE_TRUNCATED', source.id);
    if (!isNear) this.#crossed(to.siteId, block.bytes, beginsMs);
    this.asks.given += 1;
  }

  /** Counts bytes evenly from a moment until now. */
  #crossed(siteId: string, bytes: number, fromMs: number): void {
    const seconds = this.linkBytes.get(siteId);
    if (seconds === undefined) return;
    const untilMs = this.#clock.monotonicMs();
    const lengthMs = Math.max(1e-6, untilMs - fromMs);
    for (let at = fromMs; at < untilMs; ) {
      const second = Math.floor(at / 1000);
      const endMs = Math.min(untilMs, (second + 1) * 1000);
      seconds[second] = (seconds[second] ?? 0) + (bytes * (endMs - at)) / lengthMs;
      at = endMs;
    }
  }

  #host(id: string): Host {
    const host = this.#hosts.get(id);
    if (host === undefined) throw new Error(`there is no machine ${id}`);
    return host;
  }
}
