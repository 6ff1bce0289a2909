import type { Clock } from '../world/world.ts';

/** Node's timers overflow at 2^31 ms; who waits for longer than a day looks at the world once a day. */
const LONGEST_WAIT_MS = 86_400_000;

/** A wait that ends early when somebody rings. A ring while nobody waits ends the next wait at once. */
export class Alarm {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #rung = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    if (this.#waiting.size === 0) this.#rung = true;
    for (const wake of this.#waiting) wake();
  }

  /** Resolves after `delayMs`, when rung, or when the signal aborts: look at the world again then. Never rejects. */
  async wait(delayMs: number, signal: AbortSignal): Promise<void> {
    if (this.#rung || signal.aborted) {
      this.#rung = false;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const timer = this.#clock.setTimer(Math.min(delayMs, LONGEST_WAIT_MS), wake);
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake);
    await promise;
    timer.cancel();
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }
}
