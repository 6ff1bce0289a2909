import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock } from '../../../src/world/world.ts';

/** Bounds the fills at one time: so many on their way, as many waiting in turn for so long, and no more. */
export class FillSlots {
  readonly #limit: number;
  readonly #maxWaitMs: number;
  readonly #clock: Clock;
  #taken = 0;
  readonly #queue: (() => void)[] = [];

  constructor(limit: number, maxWaitMs: number, clock: Clock) {
    this.#limit = limit;
    this.#maxWaitMs = maxWaitMs;
    this.#clock = clock;
  }

  /** Whether a fill could begin at once. */
  get hasFree(): boolean {
    return this.#taken < this.#limit;
  }

  /** Waits for a slot, which the caller must release. @throws OperationalError OVERLOADED when too many wait, or too long. */
  async acquire(): Promise<void> {
    if (this.#taken < this.#limit) {
      this.#taken += 1;
      return;
    }
    if (this.#queue.length >= this.#limit)
      throw new OperationalError('OVERLOADED', `${this.#limit} fills wait already`);
    // The slot passes from hand to hand, so the count stays.
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push(resolve);
    const timer = this.#clock.setTimer(this.#maxWaitMs, () => {
      const place = this.#queue.indexOf(resolve);
      if (place === -1) return;
      this.#queue.splice(place, 1);
      reject(new OperationalError('OVERLOADED', `a fill waited ${this.#maxWaitMs} ms for its turn`));
    });
    try {
      await promise;
    } finally {
      timer.cancel();
    }
  }

  release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }
}
