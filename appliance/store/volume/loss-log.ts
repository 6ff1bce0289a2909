import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { Generation } from '../generation.ts';
import type { StoreMetrics } from '../store-metrics.ts';

/** Rotten: the checksum is wrong. Unreadable: the disk said so. Missing: the file is gone or too short. */
export type Loss = 'rotten' | 'unreadable' | 'missing';

const INTERVAL_MS = 10_000;

/** Counts lost blocks. One line stands for all losses of some seconds: a disk that rots would bury the log. */
export class LossLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #metrics: StoreMetrics;
  #unlogged = 0;
  #nextLineMs = 0;

  constructor(logger: Logger, clock: Clock, metrics: StoreMetrics) {
    this.#logger = logger;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  note(generation: Generation, block: number, why: Loss, error: unknown): void {
    this.#metrics.lostBlocks.inc({ why });
    this.#unlogged += 1;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextLineMs) return;
    const { key } = generation;
    this.#logger.warn({ key, block, why, error, losses: this.#unlogged }, 'block lost: it will be filled again');
    this.#unlogged = 0;
    this.#nextLineMs = nowMs + INTERVAL_MS;
  }
}
