import type { Clock } from '../world/world.ts';

/** Node's timers fire at once beyond 2^31 ms. */
const LONGEST_WAIT_MS = 86_400_000;

/**
 * A rate as a bucket: `take` waits until that many units have flowed in. Takers are served in turn. The bucket holds
 * one second's worth at most, so an idle hour buys no burst.
 */
export class TokenBucket {
  readonly #clock: Clock;
  #unitsPerSec: number;
  #level: number;
  #filledAtMs: number;
  #turn: Promise<void> = Promise.resolve();

  constructor(clock: Clock, unitsPerSec: number) {
    this.#clock = clock;
    this.#unitsPerSec = unitsPerSec;
    this.#level = 0;
    this.#filledAtMs = clock.monotonicMs();
  }

  setRate(unitsPerSec: number): void {
    this.#fill();
    this.#unitsPerSec = unitsPerSec;
  }

  /** Resolves when `units` may pass; rejects with the signal's reason. More than a second's worth simply waits longer. */
  take(units: number, signal?: AbortSignal): Promise<void> {
    const mine = this.#turn.then(() => this.#take(units, signal));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Gives back what was taken and not used. */
  giveBack(units: number): void {
    this.#fill();
    this.#level = Math.min(this.#unitsPerSec, this.#level + units);
  }

  async #take(units: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#fill();
    // The debt is paid after the fact, so that a take larger than the bucket needs no splitting.
    this.#level -= units;
    try {
      while (this.#level < 0) {
        const waitMs = Math.ceil((-this.#level / this.#unitsPerSec) * 1000);
        await this.#clock.delay(Math.min(LONGEST_WAIT_MS, Math.max(1, waitMs)), signal);
        this.#fill();
      }
    } catch (error) {
      // What did not pass is not owed: without this, a cut-off taker would make the next one pay.
      this.#level += units;
      throw error;
    }
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#filledAtMs) / 1000) * this.#unitsPerSec;
    this.#level = Math.min(this.#unitsPerSec, this.#level + gained);
    this.#filledAtMs = nowMs;
  }
}
