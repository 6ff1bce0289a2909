import { BoundedMap } from '../../../src/memory/bounded-map.ts';
import type { Clock } from '../../../src/world/world.ts';

const MAX_KEYS = 10_000;

/** Keys of which something is known for a while. The one that was put in first makes room. */
export class KeyMemo {
  readonly #clock: Clock;
  readonly #untilMs = new BoundedMap<string, number>(MAX_KEYS);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(key: string, forMs: number): void {
    if (forMs > 0) this.#untilMs.set(key, this.#clock.monotonicMs() + forMs);
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
