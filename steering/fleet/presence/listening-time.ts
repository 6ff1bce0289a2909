import type { Clock } from '../../../src/world/world.ts';

/**
 * Time in which we could have heard something.
 *
 * A lease runs out when nothing was heard for so long. But a process that stood still (a machine that swaps, a virtual
 * one that was moved, one long computation) heard nothing because it did not listen: its clock jumps by seconds, and
 * the first thing that it looks at may be the leases and not the heartbeats that wait in its sockets. Judged by the
 * clock it would expire everybody. So this time is counted in small ticks, and of a gap between two ticks that is
 * longer than it should be only the beginning counts. After such a gap it stands still for a grace: an appliance whose
 * heartbeat was lost with a full queue or a broken connection sends its next one only after its interval.
 */
export class ListeningTime {
  readonly #clock: Clock;
  readonly #graceMs: number;
  #countedMs = 0;
  /** Up to when (monotonic) the time is counted; ahead of the clock during a grace. */
  #countedUntilMs: number;
  #stalledMs = 0;

  /** @param graceMs how long it stands still after a stall: longer than the interval of heartbeats */
  constructor(clock: Clock, graceMs: number) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#countedUntilMs = clock.monotonicMs();
  }

  /** Never goes back, and goes on only as long as `tick` is called in time. */
  nowMs(): number {
    return this.#countedMs + this.#uncounted(this.#clock.monotonicMs());
  }

  /** How long this process has stood still since it began, without the graces. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /** Called every `TICK_MS` by a timer. @returns how long the process stood still before it; 0 normally */
  tick(): number {
    const nowMs = this.#clock.monotonicMs();
    const gapMs = nowMs - this.#countedUntilMs;
    this.#countedMs += this.#uncounted(nowMs);
    if (gapMs <= LONGEST_GAP_MS) {
      this.#countedUntilMs = Math.max(this.#countedUntilMs, nowMs);
      return 0;
    }
    this.#countedUntilMs = nowMs + this.#graceMs;
    const stalledMs = gapMs - TICK_MS;
    this.#stalledMs += stalledMs;
    return stalledMs;
  }

  #uncounted(nowMs: number): number {
    return Math.min(Math.max(0, nowMs - this.#countedUntilMs), LONGEST_GAP_MS);
  }
}

export const TICK_MS = 250;
/** A tick may be late by as much as a busy machine makes timers late. */
const LONGEST_GAP_MS = 1000;
