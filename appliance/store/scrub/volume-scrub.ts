import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { Alarm } from '../../../src/resilience/alarm.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import type { Generation } from '../generation.ts';
import type { StoreMetrics } from '../store-metrics.ts';
import { type ScrubCursor, ScrubOrder, type ScrubPick } from './scrub-order.ts';
import { scrubRate } from './scrub-pace.ts';
import type { ScrubProgress } from './scrub-progress.ts';
import { IdRoster } from './scrub-roster.ts';
import { loadScrubState, saveScrubState } from './scrub-state.ts';

/** What a scrub asks of its volume. */
export interface ScrubbedVolume {
  /** Whether there is a disk to read from. */
  isReadable(): boolean;
  heldBytes(): number;
  /** Whether reads come from the disk itself, past what the kernel has in memory. */
  readsDisk(): boolean;
  /**
   * Reads a block from the disk and compares its checksum.
   * @throws OperationalError OVERLOADED when the disk has no time for a scrub now
   */
  check(generation: Generation, block: number): Promise<BlockCheck>;
}

/** Gone: it is not held any more. Good tells how long the read itself took. */
export type BlockCheck =
  | { readonly kind: 'good'; readonly tookMs: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'gone' };

export interface VolumeScrubOptions {
  readonly volume: ScrubbedVolume;
  readonly stateFile: string;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: StoreMetrics;
  readonly periodMs: number;
  /** What viewers leave over, 0 to 1. */
  readonly bulkShare: () => number;
  /** A bad block was found, by whomever: the other volumes should hurry. */
  readonly onFound: () => void;
}

/**
 * The scrub of one volume: takes block after block in the order of scrub-order.ts at the pace of scrub-pace.ts. What is
 * lost is dropped by the volume and filled again by whoever wants it.
 */
export class VolumeScrub {
  readonly #options: VolumeScrubOptions;
  readonly #roster = new IdRoster<Generation>();
  readonly #alarm: Alarm;
  readonly #ended = new AbortController();
  #order = new ScrubOrder(this.#roster);
  #loop: Promise<void> = Promise.resolve();
  #passBeganAtMs: number;
  #passesEnded = 0;
  #sequentialBytesPerSec: number | undefined;
  #readTimesMs: number[] = [];
  #checkedBytes = 0;
  #lostBlocks = 0;
  #urgentUntilMs = Number.NEGATIVE_INFINITY;
  #saved: ScrubCursor | undefined;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  /** What the rate has earned and no check has used yet. */
  #creditBytes = 0;
  #creditedAtMs = 0;

  constructor(options: VolumeScrubOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.world.clock);
    this.#passBeganAtMs = options.world.clock.nowMs();
  }

  start(): void {
    this.#loop = this.#run(this.#ended.signal);
  }

  /** Ends after the check in hand. */
  async stop(): Promise<void> {
    this.#ended.abort(new Error('the scrub was stopped'));
    await this.#loop;
  }

  /** What the volume held when it was opened; replaces what was known. */
  opened(generations: readonly Generation[]): void {
    this.#roster.clear();
    this.#roster.addAll(generations);
  }

  adopted(generation: Generation): void {
    this.#roster.add(generation);
  }

  forgotten(): void {
    this.#roster.noteGone();
  }

  /** A block was lost, whoever found it: its neighbourhood is next. */
  found(generation: Generation, block: number): void {
    this.#order.found(generation.id, block, false);
    this.hurry();
    this.#options.onFound();
  }

  /** Errors are correlated over the disks of a machine: for a while this one goes as fast as it may. */
  hurry(): void {
    this.#urgentUntilMs = this.#options.world.clock.monotonicMs() + URGENT_MS;
    this.#alarm.ring();
  }

  progress(): ScrubProgress {
    return {
      passShare: this.#order.progress,
      passBeganAtMs: this.#passBeganAtMs,
      passDueAtMs: this.#passBeganAtMs + this.#options.periodMs,
      passesEnded: this.#passesEnded,
      checkedBytes: this.#checkedBytes,
      lostBlocks: this.#lostBlocks,
      bytesPerSec: Math.round(this.#rate()),
      sequentialBytesPerSec: this.#sequentialBytesPerSec,
      isSearching: this.#order.isSearching,
      readsDisk: this.#options.volume.readsDisk(),
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    await this.#load();
    this.#creditedAtMs = this.#options.world.clock.monotonicMs();
    while (!signal.aborted) {
      const waitMs = this.#untilEarnedMs();
      if (waitMs > 0) await this.#alarm.wait(waitMs, signal);
      else await this.#turn();
      await this.#save(SAVE_INTERVAL_MS);
    }
    await this.#save(0);
  }

  async #turn(): Promise<void> {
    const next = this.#order.next();
    if (next === 'unfinished') {
      // A place or ten thousand without a block of this round: others go first.
      await new Promise<void>((resolve) => setImmediate(resolve));
    } else if (next === 'pass-ended') this.#endPass();
    else await this.#check(next);
  }

  async #check({ item, block }: ScrubPick<Generation>): Promise<void> {
    const bytes = item.blockBytes(block);
    try {
      const outcome = await this.#options.volume.check(item, block);
      if (outcome.kind === 'gone') return;
      this.#creditBytes -= bytes;
      this.#checkedBytes += bytes;
      this.#options.metrics.scrubbedBytes.inc(bytes);
      if (outcome.kind === 'lost') {
        // The volume has told so through `found`.
        this.#lostBlocks += 1;
        return;
      }
      this.#order.found(item.id, block, true);
      if (bytes === BLOCK_BYTES) this.#measure(outcome.tookMs);
    } catch (error) {
      if (!isOperational(error)) throw error;
      // No time for it now. It is taken again with the next pass, or by who reads it.
      this.#creditBytes = -BLOCK_BYTES;
    }
  }

  /** The disk's speed is that of its median read of a whole block in a row of some: a busy moment does not count. */
  #measure(tookMs: number): void {
    if (this.#sequentialBytesPerSec !== undefined) return;
    this.#readTimesMs.push(tookMs);
    if (this.#readTimesMs.length < READS_TO_MEASURE) return;
    const medianMs = this.#readTimesMs.sort((a, b) => a - b)[READS_TO_MEASURE >> 1] ?? 1;
    this.#sequentialBytesPerSec = Math.round((BLOCK_BYTES * 1000) / Math.max(medianMs, 0.01));
    this.#readTimesMs = [];
  }

  #endPass(): void {
    const { world, logger } = this.#options;
    const nowMs = world.clock.nowMs();
    const tookHours = Math.round((nowMs - this.#passBeganAtMs) / 360_000) / 10;
    this.#passesEnded += 1;
    if (this.#roster.length > 0)
      logger.info({ passes: this.#passesEnded, tookHours }, 'scrub: every block was checked');
    this.#passBeganAtMs = nowMs;
    // The next pass earns its first block, too.
    this.#creditBytes = -BLOCK_BYTES;
  }

  #rate(): number {
    const { volume, world, periodMs, bulkShare } = this.#options;
    const heldBytes = volume.heldBytes();
    if (!volume.isReadable() || heldBytes === 0) return 0;
    return scrubRate({
      heldBytes,
      progress: this.#order.progress,
      passBeganMsAgo: world.clock.nowMs() - this.#passBeganAtMs,
      periodMs,
      sequentialBytesPerSec: this.#sequentialBytesPerSec,
      bulkShare: bulkShare(),
      isUrgent: this.#order.isSearching || world.clock.monotonicMs() < this.#urgentUntilMs,
    });
  }

  /** Ms until the next block is paid for; 0 when it is. */
  #untilEarnedMs(): number {
    const nowMs = this.#options.world.clock.monotonicMs();
    // A pass over nothing is always on time.
    if (this.#options.volume.heldBytes() === 0) this.#passBeganAtMs = this.#options.world.clock.nowMs();
    const rate = this.#rate();
    const earned = ((nowMs - this.#creditedAtMs) / 1000) * rate;
    this.#creditedAtMs = nowMs;
    this.#creditBytes = Math.min(BLOCK_BYTES, this.#creditBytes + earned);
    if (this.#creditBytes > 0 && rate > 0) return 0;
    if (rate === 0) return LOOK_AGAIN_MS;
    return Math.min(LONGEST_WAIT_MS, Math.max(1, (-this.#creditBytes / rate) * 1000 + 1));
  }

  async #load(): Promise<void> {
    const state = await loadScrubState(this.#options.stateFile);
    if (state === undefined) return;
    this.#order = new ScrubOrder(this.#roster, state.cursor);
    this.#passBeganAtMs = Math.min(state.passBeganAtMs, this.#options.world.clock.nowMs());
    this.#passesEnded = state.passes;
    this.#sequentialBytesPerSec = state.sequentialBytesPerSec;
  }

  async #save(everyMs: number): Promise<void> {
    const { cursor } = this.#order;
    const nowMs = this.#options.world.clock.monotonicMs();
    if (cursor === this.#saved || nowMs - this.#savedAtMs < everyMs || !this.#options.volume.isReadable()) return;
    this.#savedAtMs = nowMs;
    this.#saved = cursor;
    try {
      await saveScrubState(this.#options.stateFile, {
        cursor,
        passBeganAtMs: this.#passBeganAtMs,
        passes: this.#passesEnded,
        sequentialBytesPerSec: this.#sequentialBytesPerSec,
      });
    } catch (error) {
      this.#options.logger.debug({ error }, 'where the scrub stands was not written');
    }
  }
}

const READS_TO_MEASURE = 16;
const URGENT_MS = 3_600_000;
const SAVE_INTERVAL_MS = 60_000;
const LOOK_AGAIN_MS = 5000;
const LONGEST_WAIT_MS = 60_000;
