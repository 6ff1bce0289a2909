import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { Generation } from '../generation.ts';
import type { StoreMetrics } from '../store-metrics.ts';

/** Rotten: the checksum is wrong. Unreadable: the disk said so. Missing: the file is gone or too short. */
export type Loss = 'rotten' | 'unreadable' | 'missing';

const INTERVAL_MS = 10_000;
/** A burst is tens of blocks; a disk that loses more of them within an hour is not one to trust. */
const LOSSES_AN_HOUR = 64;
const HOUR_MS = 3_600_000;

/**
 * What a volume has lost: counted, logged, and beyond a burst held against the disk.
 *
 * A lost block is filled again into the same place of the same file. That this can serve no wrong byte and lose no good
 * block rests on the order of four things:
 *
 * 1. The block leaves the map in memory, in the turn in which it was found bad. From now on nobody begins to read it;
 *    who reads it already compares it with the checksum of before, and what is half old and half new matches nothing.
 *    Bytes that were given out are copies in memory, which nothing rewrites.
 * 2. The row without it goes to the index, some time later.
 * 3. The new bytes are written over the old ones, then the tail's entry (file-tail.ts), then
 * 4. the row with the block and its new checksum is committed, and only now is it held again.
 *
 * A process that is killed between any two of them leaves at worst a row, or a tail, that says "held" of bytes that do
 * not match: they are found lost once more, and filled once more. A write that hung in the kernel and lands later, after
 * the block was filled again, is the same case: bytes of the same generation, or a mismatch that is found.
 *
 * One line stands for all losses of some seconds: a disk that rots would bury the log.
 */
export class LossLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #metrics: StoreMetrics;
  #unlogged = 0;
  #nextLineMs = 0;
  #hourBeganMs = Number.NEGATIVE_INFINITY;
  #lossesOfHour = 0;

  constructor(logger: Logger, clock: Clock, metrics: StoreMetrics) {
    this.#logger = logger;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /** @returns a failure of the disk when it has lost more than a burst */
  note(generation: Generation, block: number, why: Loss, error: unknown): OperationalError | undefined {
    this.#metrics.lostBlocks.inc({ why });
    this.#unlogged += 1;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#nextLineMs) {
      const { key } = generation;
      this.#logger.warn({ key, block, why, error, losses: this.#unlogged }, 'block lost: it will be filled again');
      this.#unlogged = 0;
      this.#nextLineMs = nowMs + INTERVAL_MS;
    }
    return this.#beyondBurst(nowMs);
  }

  #beyondBurst(nowMs: number): OperationalError | undefined {
    if (nowMs - this.#hourBeganMs >= HOUR_MS) {
      this.#hourBeganMs = nowMs;
      this.#lossesOfHour = 0;
    }
    this.#lossesOfHour += 1;
    if (this.#lossesOfHour <= LOSSES_AN_HOUR) return undefined;
    return new OperationalError('VOLUME_IO', `${this.#lossesOfHour} blocks were lost within an hour`);
  }
}
