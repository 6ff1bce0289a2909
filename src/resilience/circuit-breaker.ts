/**
 * Whether somebody who failed is worth asking now.
 *
 * Problem: a source that is down costs everybody who asks it a full time limit, and one that is overloaded is kept down
 * by those who keep asking. Counting failures in a row finds the dead one, not the one that fails every other time;
 * counting a share finds both, but only after many requests. So either opens it: so many in a row, or half of many of
 * late.
 *
 *   closed     everybody may ask
 *   open       nobody may, for a while that doubles each time and varies, so that a fleet does not come back together
 *   half-open  the while is over: one may ask, the probe. Its success closes, its failure opens for longer; a probe
 *              that says nothing for the longest while is forgotten, and the next who asks is the probe.
 *
 * Pure: time and chance are given. Results of requests that began before the last opening say nothing of the time after.
 */
import { backoffMs } from './backoff.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerSettings {
  readonly failuresInRow: number;
  /** Share of failures, 0 to 1, among at least so many results within about `windowMs`. */
  readonly failureShare: number;
  readonly minResults: number;
  readonly windowMs: number;
  /** How long it stays open: first, and at most. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** What was allowed: hand it back with the result. */
export interface BreakerPass {
  readonly isProbe: boolean;
  /** Of which opening it is. */
  readonly opening: number;
}

export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  #state: BreakerState = 'closed';
  #inRow = 0;
  /** Openings since it was last closed by a success. */
  #openings = 0;
  /** Openings ever: tells results of before from those of after. */
  #opening = 0;
  #untilMs = 0;
  #probeSinceMs: number | undefined;
  /** Results that fade. */
  #results = 0;
  #failures = 0;
  #fadedAtMs = 0;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
  }

  /** As it is now; the end of the wait needs nobody who asks. */
  state(nowMs: number): BreakerState {
    return this.#state === 'open' && nowMs >= this.#untilMs ? 'half-open' : this.#state;
  }

  /** How long nobody may ask, in ms; 0 when somebody may. */
  restMs(nowMs: number): number {
    const state = this.state(nowMs);
    if (state === 'closed') return 0;
    if (state === 'open') return this.#untilMs - nowMs;
    const probeSinceMs = this.#probeSinceMs;
    return probeSinceMs === undefined ? 0 : Math.max(0, probeSinceMs + this.#settings.maxMs - nowMs);
  }

  /** Leave to ask, or undefined. Whoever takes it must say how it went, by one of the three below. */
  tryPass(nowMs: number): BreakerPass | undefined {
    if (this.restMs(nowMs) > 0) return undefined;
    const state = this.state(nowMs);
    if (state === 'closed') return { isProbe: false, opening: this.#opening };
    this.#state = 'half-open';
    this.#probeSinceMs = nowMs;
    return { isProbe: true, opening: this.#opening };
  }

  succeeded(pass: BreakerPass, nowMs: number): void {
    if (pass.opening !== this.#opening) return;
    if (pass.isProbe) this.#close();
    if (this.#state !== 'closed') return;
    this.#inRow = 0;
    this.#count(nowMs, 0);
  }

  /** @param kind 'answered': it is there and says that it cannot: counts by the share alone. @param random in [0, 1) */
  failed(pass: BreakerPass, nowMs: number, random: number, kind: 'silent' | 'answered' = 'silent'): void {
    if (pass.opening !== this.#opening) return;
    if (pass.isProbe) {
      this.#open(nowMs, random);
      return;
    }
    if (this.#state !== 'closed') return;
    this.#count(nowMs, 1);
    if (kind === 'silent') this.#inRow += 1;
    const { failuresInRow, failureShare, minResults } = this.#settings;
    const isMostly = this.#results >= minResults && this.#failures >= this.#results * failureShare;
    if (this.#inRow >= failuresInRow || isMostly) this.#open(nowMs, random);
  }

  /** The request ended without telling anything of the other side. */
  abandoned(pass: BreakerPass): void {
    if (pass.isProbe && pass.opening === this.#opening) this.#probeSinceMs = undefined;
  }

  /** Opens it now, for a reason that needs no counting. */
  trip(nowMs: number, random: number): void {
    this.#open(nowMs, random);
  }

  #open(nowMs: number, random: number): void {
    const { firstMs, maxMs } = this.#settings;
    this.#openings += 1;
    this.#opening += 1;
    this.#state = 'open';
    this.#untilMs = nowMs + backoffMs(this.#openings, { firstMs, maxMs }, random);
    this.#reset();
  }

  #close(): void {
    this.#state = 'closed';
    this.#openings = 0;
    this.#reset();
  }

  #reset(): void {
    this.#inRow = 0;
    this.#results = 0;
    this.#failures = 0;
    this.#probeSinceMs = undefined;
  }

  #count(nowMs: number, failures: 0 | 1): void {
    const factor = 2 ** (Math.min(0, this.#fadedAtMs - nowMs) / this.#settings.windowMs);
    this.#fadedAtMs = Math.max(this.#fadedAtMs, nowMs);
    this.#results = this.#results * factor + 1;
    this.#failures = this.#failures * factor + failures;
  }
}
