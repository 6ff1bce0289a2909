/**
 * A histogram that takes in many observations at once. prom-client's takes them one by one, and threads that answer
 * fifty thousand requests a second count for themselves and tell the sums. Bounds ascend and are inclusive, as in the
 * exposition format.
 */
export class BucketCounts<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #bounds: readonly number[];
  readonly #label: L;
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string, bounds: readonly number[], label: L) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
    this.#label = label;
  }

  observe(labelValue: string, value: number): void {
    const series = this.#of(labelValue);
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? 0)) at += 1;
    series.counts[at] = (series.counts[at] ?? 0) + 1;
    series.sum += value;
  }

  /** @param counts for each bound how many were above the one before and not above it, and last those above all */
  observeMany(labelValue: string, counts: readonly number[], sum: number): void {
    const series = this.#of(labelValue);
    for (const [at, count] of counts.entries()) {
      const place = Math.min(at, this.#bounds.length);
      series.counts[place] = (series.counts[place] ?? 0) + count;
    }
    series.sum += sum;
  }

  /** As a registry of prom-client asks for it. */
  get(): Promise<{ name: string; help: string; type: 'histogram'; aggregator: string; values: readonly Sample[] }> {
    const { name, help, type, aggregator } = this;
    return Promise.resolve({ name, help, type, aggregator, values: [...this.#samples()] });
  }

  reset(): void {
    this.#series.clear();
  }

  #of(labelValue: string): Series {
    const known = this.#series.get(labelValue);
    if (known !== undefined) return known;
    const series = { counts: new Float64Array(this.#bounds.length + 1), sum: 0 };
    this.#series.set(labelValue, series);
    return series;
  }

  *#samples(): Generator<Sample> {
    for (const [labelValue, { counts, sum }] of this.#series) {
      let total = 0;
      for (const [at, count] of counts.entries()) {
        total += count;
        const labels = { le: this.#bounds[at] ?? '+Inf', [this.#label]: labelValue };
        yield { metricName: `${this.name}_bucket`, labels, value: total };
      }
      yield { metricName: `${this.name}_sum`, labels: { [this.#label]: labelValue }, value: sum };
      yield { metricName: `${this.name}_count`, labels: { [this.#label]: labelValue }, value: total };
    }
  }
}

interface Series {
  readonly counts: Float64Array;
  sum: number;
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}
