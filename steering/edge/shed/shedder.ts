import type { Service } from '../../../src/lifecycle/service.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import { admits, afterWindow, NOTHING_SHED, type ShedState, shedShare } from './shed-controller.ts';
import type { WorkClass } from './work-class.ts';

export interface ShedderOptions {
  readonly clock: Clock;
  readonly targetDelayMs: number;
  /** Rankings beyond it in one second are shed whatever the loop says. */
  readonly maxPerSec: number;
  /** Heartbeats that are taken in each second whatever the load is: about what the largest fleet sends. */
  readonly fleetPerSec: number;
}

/** What operators see of it. */
export interface ShedReport {
  readonly shedShare: number;
  readonly standingDelayMs: number;
  readonly rankingsThisSecond: number;
}

const PROBE_MS = 25;
const PROBES_PER_WINDOW = 10;
const SECOND_MS = 1000;
/** Beyond it heartbeats have to keep within their share too. */
const TIGHT_SHARE = 0.5;

/**
 * Measures how late the event loop is and sheds by it. Heartbeats are outside the order of the classes: they are what
 * makes answers true, so players must not push them out, and they must not push out players. They have a rate of their
 * own that always passes, and what is beyond it waits for the next beat while much is shed.
 */
export class Shedder implements Service {
  readonly #options: ShedderOptions;
  #state: ShedState = NOTHING_SHED;
  #timer: Timer | undefined;
  #leastLateMs = Number.POSITIVE_INFINITY;
  #probes = 0;
  #standingDelayMs = 0;
  #overLimit = false;
  #secondEndsMs = 0;
  #ranked = 0;
  #heartbeats = 0;

  constructor(options: ShedderOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#probe();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#timer?.cancel();
    return Promise.resolve();
  }

  /** Counts one question. @returns whether it is ranked */
  admit(work: WorkClass, sessionId: string): boolean {
    this.#beginSecond();
    if (!admits(this.#state, work, sessionId)) return false;
    if (this.#ranked >= this.#options.maxPerSec) {
      this.#overLimit = true;
      return false;
    }
    this.#ranked += 1;
    return true;
  }

  /** Counts one heartbeat. @returns whether it is taken */
  admitHeartbeat(): boolean {
    this.#beginSecond();
    this.#heartbeats += 1;
    return this.#heartbeats <= this.#options.fleetPerSec || shedShare(this.#state) < TIGHT_SHARE;
  }

  report(): ShedReport {
    return {
      shedShare: shedShare(this.#state),
      standingDelayMs: this.#standingDelayMs,
      rankingsThisSecond: this.#ranked,
    };
  }

  #beginSecond(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#secondEndsMs) return;
    this.#secondEndsMs = nowMs + SECOND_MS;
    this.#ranked = 0;
    this.#heartbeats = 0;
  }

  #probe(): void {
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() + PROBE_MS;
    this.#timer = clock.setTimer(PROBE_MS, () => {
      this.#take(Math.max(0, clock.monotonicMs() - dueMs));
      this.#probe();
    });
  }

  #take(lateMs: number): void {
    this.#leastLateMs = Math.min(this.#leastLateMs, lateMs);
    this.#probes += 1;
    if (this.#probes < PROBES_PER_WINDOW) return;
    this.#standingDelayMs = this.#leastLateMs;
    const { targetDelayMs } = this.#options;
    const window = { standingDelayMs: this.#leastLateMs, overLimit: this.#overLimit };
    this.#state = afterWindow(this.#state, window, { targetDelayMs });
    this.#leastLateMs = Number.POSITIVE_INFINITY;
    this.#probes = 0;
    this.#overLimit = false;
  }
}
