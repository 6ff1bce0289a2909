import type { Clock } from '../../src/world/world.ts';

/** Some milliseconds of work, then others may: decisions wait behind a slice. */
const ROWS_PER_SLICE = 500;

/** Cuts a long piece of work into slices, and says how long the work itself took. */
export class SlicePause {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #rows = 0;
  #beganAtMs: number;
  #busyMs = 0;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#beganAtMs = clock.monotonicMs();
  }

  /** @param rows that were done since it was asked last */
  isDue(rows: number): boolean {
    this.#rows += rows;
    return this.#rows >= ROWS_PER_SLICE;
  }

  async wait(): Promise<void> {
    this.#busyMs = this.busyMs();
    this.#rows = 0;
    await this.#clock.delay(1, this.#signal);
    this.#beganAtMs = this.#clock.monotonicMs();
  }

  /** Without the waits. */
  busyMs(): number {
    return this.#busyMs + this.#clock.monotonicMs() - this.#beganAtMs;
  }
}
