import { LatencySketch } from './latency-sketch.ts';

/**
 * How much of its rate bulk work (planned fill, scrub) may use now, so that viewers do not feel it.
 *
 * Problem: the plan's rate was chosen for an hour, not for this second. When viewers come, bulk work has to be gone
 * before they notice, and it has to find back by itself.
 *
 * The obvious, a fixed latency above which filling stops, is wrong on every disk but one: 10 ms is idle for a
 * spinning disk and overload for an SSD. Stopping above a rate of egress alone does not see a disk that is slow for
 * other reasons.
 *
 * Idea: what viewers wait for is measured where they wait (each volume's reads, the first byte of hits), and compared
 * with what is usual there. Usual is learned: it follows downwards within a minute and upwards in ten, because while
 * bulk work runs a rise may be its own doing; while none runs it cannot be, and the usual follows within half a minute.
 * When somewhere it takes twice as long as usual, the share goes down by 0.4 every tenth of a second, and is nothing
 * after half a second. When it has been calm for three seconds, the share comes back by a tenth of the whole per
 * second; calm is below one and a half times the usual, so that it does not flap at the edge.
 *
 * Limits: bulk work that slows viewers by less than half, or by less than five ms, is not noticed, and is meant not to
 * be. Without viewers there is nothing to measure, and nothing to be careful of.
 */
export class BulkShare {
  readonly #places = new Map<string, Place>();
  #share = 1;
  #cause: YieldCause | undefined;
  #calmSinceMs: number | undefined;
  #decidedAtMs: number;

  constructor(nowMs: number) {
    this.#decidedAtMs = nowMs;
  }

  /** 0: begin nothing new; 1: the full rate. */
  get share(): number {
    return this.#share;
  }

  /** What the share was lowered for last; undefined at the full share. */
  get cause(): YieldCause | undefined {
    return this.#cause;
  }

  /** A viewer has waited so long. @param place what he waited for: of one place all latencies are alike */
  observe(kind: Place['kind'], place: string, latencyMs: number): void {
    const known = this.#places.get(place);
    if (known !== undefined) return known.sketch.add(latencyMs);
    const sketch = new LatencySketch(HALF_LIFE_MS, this.#decidedAtMs);
    sketch.add(latencyMs);
    this.#places.set(place, { kind, sketch, usualMs: undefined });
  }

  /**
   * To be asked about every tenth of a second. @param egress what is sent, as a share of the soft limit
   * @returns what lowers the share now, if anything does
   */
  decide(nowMs: number, egress: number): YieldCause | undefined {
    const passedMs = nowMs - this.#decidedAtMs;
    this.#decidedAtMs = nowMs;
    const judgement = this.#judge(nowMs, passedMs, egress);
    if (judgement.cause !== undefined) {
      this.#cause = judgement.cause;
      this.#calmSinceMs = undefined;
      const share = this.#share * BACK_OFF ** (passedMs / STEP_MS);
      this.#share = share < SMALLEST_SHARE ? 0 : share;
    } else if (judgement.isCalm) {
      this.#calmSinceMs ??= nowMs;
      if (nowMs - this.#calmSinceMs >= CALM_MS) this.#giveBack(passedMs);
    } else this.#calmSinceMs = undefined;
    return judgement.cause;
  }

  #giveBack(passedMs: number): void {
    this.#share = Math.min(1, this.#share + passedMs / RETURN_MS);
    if (this.#share === 1) this.#cause = undefined;
  }

  #judge(nowMs: number, passedMs: number, egress: number): Judgement {
    let cause: YieldCause | undefined = egress > 1 ? 'egress' : undefined;
    let isCalm = egress < CALM_EGRESS;
    for (const place of this.#places.values()) {
      const { sketch, kind } = place;
      sketch.fade(nowMs);
      const slowMs = sketch.slowMs();
      if (slowMs === undefined) continue;
      place.usualMs ??= slowMs;
      const { usualMs } = place;
      if (slowMs > Math.max(usualMs * 2, usualMs + 10)) cause ??= kind;
      if (slowMs > Math.max(usualMs * 1.5, usualMs + 5)) isCalm = false;
      place.usualMs = this.#learned(usualMs, slowMs, passedMs);
    }
    return { cause, isCalm };
  }

  /** In ratios: from 1 to 2 ms is as far as from 10 to 20. */
  #learned(usualMs: number, slowMs: number, passedMs: number): number {
    const isUp = slowMs > usualMs;
    const within = isUp ? (this.#share === 0 ? LEARN_UP_IDLE_MS : LEARN_UP_MS) : LEARN_DOWN_MS;
    return usualMs * (slowMs / usualMs) ** (1 - Math.exp(-passedMs / within));
  }
}

/** What made bulk work yield: a volume answers late, hits begin late, or the links are full. */
export type YieldCause = 'disk' | 'first-byte' | 'egress';

interface Place {
  readonly kind: 'disk' | 'first-byte';
  readonly sketch: LatencySketch;
  /** The slow ones of ordinary times. */
  usualMs: number | undefined;
}

interface Judgement {
  readonly cause: YieldCause | undefined;
  readonly isCalm: boolean;
}

const HALF_LIFE_MS = 500;
const STEP_MS = 100;
const BACK_OFF = 0.4;
/** 0.4 to the fifth: half a second of backing off from the full rate. */
const SMALLEST_SHARE = 0.011;
const CALM_MS = 3000;
const RETURN_MS = 10_000;
const CALM_EGRESS = 0.95;
const LEARN_DOWN_MS = 60_000;
const LEARN_UP_MS = 600_000;
const LEARN_UP_IDLE_MS = 30_000;
