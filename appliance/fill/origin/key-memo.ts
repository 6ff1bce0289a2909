import type { Clock } from '../../../src/world/world.ts';

const MAX_KEYS = 10_000;

/** Keys of which something is known for a while. Bounded: the one that was put in first goes first. */
export class KeyMemo {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(key: string, forMs: number): void {
    if (forMs <= 0) return;
    this.#untilMs.delete(key);
    if (this.#untilMs.size >= MAX_KEYS) {
      const [oldest] = this.#untilMs.keys();
      if (oldest !== undefined) this.#untilMs.delete(oldest);
    }
    this.#untilMs.set(key, this.#clock.monotonicMs() + forMs);
  }

  has(key: string): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#untilMs.delete(key);
    return false;
  }

  forgetWhere(means: (key: string) => boolean): void {
    for (const key of this.#untilMs.keys()) if (means(key)) this.#untilMs.delete(key);
  }
}
