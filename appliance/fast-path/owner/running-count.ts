import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';

interface Asked {
  left: number;
  bodies: number;
  readonly done: PromiseWithResolvers<number>;
  readonly timer: Timer;
}

/** Adds up what all threads answer to one question about the bodies they send. */
export class RunningCount {
  readonly #clock: Clock;
  readonly #maxMs: number;
  readonly #asked = new Map<number, Asked>();
  #ticket = 0;

  /** @param maxMs how long the slowest thread may take */
  constructor(clock: Clock, maxMs: number) {
    this.#clock = clock;
    this.#maxMs = maxMs;
  }

  /** `count` rejects with OperationalError OVERLOADED when one does not answer. */
  ask(threads: number): { readonly ticket: number; readonly count: Promise<number> } {
    this.#ticket += 1;
    const ticket = this.#ticket;
    const done = Promise.withResolvers<number>();
    const timer = this.#clock.setTimer(this.#maxMs, () => {
      this.#asked.delete(ticket);
      done.reject(new OperationalError('OVERLOADED', `a wire thread says nothing for ${this.#maxMs} ms`));
    });
    this.#asked.set(ticket, { left: threads, bodies: 0, done, timer });
    if (threads === 0) this.#settle(ticket);
    return { ticket, count: done.promise };
  }

  answered(ticket: number, bodies: number): void {
    const asked = this.#asked.get(ticket);
    if (asked === undefined) return;
    asked.bodies += bodies;
    asked.left -= 1;
    if (asked.left === 0) this.#settle(ticket);
  }

  #settle(ticket: number): void {
    const asked = this.#asked.get(ticket);
    this.#asked.delete(ticket);
    asked?.timer.cancel();
    asked?.done.resolve(asked.bodies);
  }
}
