import { BoundedMap } from '../../../src/memory/bounded-map.ts';
import type { Clock } from '../../../src/world/world.ts';

/** Long enough that a burst of viewers asks a peer once for what it lacks; it may have it soon after. */
const LACK_MS = 5000;
const MAX_LACKS = 10_000;

/** Who lacked what a moment ago. */
export class LackMemory {
  readonly #clock: Clock;
  readonly #untilMs = new BoundedMap<string, number>(MAX_LACKS);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  lacked(sourceId: string, target: string): void {
    this.#untilMs.set(nameOf(sourceId, target), this.#clock.monotonicMs() + LACK_MS);
  }

  isLacking(sourceId: string, target: string): boolean {
    const untilMs = this.#untilMs.get(nameOf(sourceId, target));
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs;
  }
}

const nameOf = (sourceId: string, target: string): string => `${sourceId}\n${target}`;
