import type { Logger } from './logger.ts';

/**
 * Warnings that a stranger can bring about as often as he likes: one per interval, with how many there were before it
 * that were not written. A flood would else fill the journal and push out of it what matters.
 */
export class ThrottledLog {
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #monotonicMs: () => number;
  #nextMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(logger: Logger, intervalMs: number, monotonicMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
    this.#monotonicMs = monotonicMs;
  }

  warn(fields: object, message: string): void {
    const nowMs = this.#monotonicMs();
    if (nowMs < this.#nextMs) {
      this.#leftOut += 1;
      return;
    }
    this.#logger.warn(this.#leftOut === 0 ? fields : { ...fields, leftOut: this.#leftOut }, message);
    this.#nextMs = nowMs + this.#intervalMs;
    this.#leftOut = 0;
  }
}
