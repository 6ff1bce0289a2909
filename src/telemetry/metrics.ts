import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { BucketCounts } from './bucket-counts.ts';

/**
 * Metrics by the naming rule `<service>_<noun>_<unit>[_total]`, with closed label sets and help that tells the operator
 * what to do. One registry per service instance, never the global one, so that two instances in a test do not mix.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #service: string;

  constructor(service: string) {
    this.#service = service;
  }

  /** Adds what Node itself knows: memory, event-loop delay, garbage collection, descriptors. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: `${this.#service}_` });
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name: `${this.#service}_${name}`, help, labelNames, registers: [this.#registry] });
  }

  /** A gauge; `read` is called at each scrape when given. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    read?: (gauge: Gauge<L>) => void,
  ): Gauge<L> {
    return new Gauge({
      name: `${this.#service}_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      ...(read === undefined
        ? {}
        : {
            collect(this: Gauge<L>) {
              read(this);
            },
          }),
    });
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({
      name: `${this.#service}_${name}`,
      help,
      labelNames,
      buckets: [...buckets],
      registers: [this.#registry],
    });
  }

  /** A histogram of one label that takes in what others have counted. */
  bucketCounts<L extends string>(name: string, help: string, bounds: readonly number[], label: L): BucketCounts<L> {
    const counts = new BucketCounts(`${this.#service}_${name}`, help, bounds, label);
    // The registry wants no more of a metric than its name and `get`.
    this.#registry.registerMetric(counts as unknown as Metric);
    return counts;
  }

  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';

  /** The exposition text of all metrics. */
  expose(): Promise<string> {
    return this.#registry.metrics();
  }
}
