/**
 * How long the slow ones of the last moments took: about the 95th percentile of latencies, of which newer ones count
 * more.
 *
 * Latencies fall into buckets of a quarter octave (19 % wide: enough to tell "twice as slow"), and all buckets fade
 * with a half-life. Of few latencies the 95th percentile is the slowest one, and one slow read among few is chance, not
 * load; so the answer is a latency that more than one of late has reached.
 */
export class LatencySketch {
  readonly #halfLifeMs: number;
  readonly #weights = new Float64Array(BUCKETS);
  #fadedAtMs: number;

  constructor(halfLifeMs: number, nowMs: number) {
    this.#halfLifeMs = halfLifeMs;
    this.#fadedAtMs = nowMs;
  }

  add(latencyMs: number): void {
    const bucket = bucketOf(latencyMs);
    this.#weights[bucket] = (this.#weights[bucket] ?? 0) + 1;
  }

  /** Lets what was added before fade up to now. */
  fade(nowMs: number): void {
    const factor = 2 ** ((this.#fadedAtMs - nowMs) / this.#halfLifeMs);
    this.#fadedAtMs = nowMs;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) this.#weights[bucket] = (this.#weights[bucket] ?? 0) * factor;
  }

  /** The latency that the slowest twentieth has reached; undefined when there were too few of late. */
  slowMs(): number | undefined {
    const total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    const wanted = Math.max(total * SLOW_SHARE, MORE_THAN_ONE);
    let above = 0;
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket -= 1) {
      above += this.#weights[bucket] ?? 0;
      if (above >= wanted) return latencyOf(bucket);
    }
    return undefined;
  }
}

const SLOW_SHARE = 0.05;
const MORE_THAN_ONE = 1.5;
const SMALLEST_MS = 0.1;
const BUCKETS_PER_OCTAVE = 4;
/** Up to 100 s. */
const BUCKETS = 20 * BUCKETS_PER_OCTAVE;

function bucketOf(latencyMs: number): number {
  const octaves = Math.log2(Math.max(latencyMs, SMALLEST_MS) / SMALLEST_MS);
  return Math.min(BUCKETS - 1, Math.floor(octaves * BUCKETS_PER_OCTAVE));
}

/** The middle of a bucket. */
const latencyOf = (bucket: number): number => SMALLEST_MS * 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE);
