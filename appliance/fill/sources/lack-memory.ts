import type { Clock } from '../../../src/world/world.ts';

/** Long enough that a burst of viewers asks a peer once for what it lacks; it may have it soon after. */
const LACK_MS = 5000;
const MAX_LACKS = 10_000;

/** Who lacked what a moment ago. Bounded; the oldest are forgotten first. */
export class LackMemory {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  lacked(sourceId: string, target: string): void {
    const name = nameOf(sourceId, target);
    this.#untilMs.delete(name);
    this.#untilMs.set(name, this.#clock.monotonicMs() + LACK_MS);
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size > MAX_LACKS && oldest !== undefined) this.#untilMs.delete(oldest);
  }

  isLacking(sourceId: string, target: string): boolean {
    const untilMs = this.#untilMs.get(nameOf(sourceId, target));
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs;
  }
}

const nameOf = (sourceId: string, target: string): string => `${sourceId}\n${target}`;
