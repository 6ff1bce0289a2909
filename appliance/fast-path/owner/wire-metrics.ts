import type { Metrics } from '../../../src/telemetry/metrics.ts';
import { OVER_REASONS, type OverReason } from '../messages.ts';

/** What is counted of the way that requests took; what became of them is in the counters of both engines. */
export class WireMetrics {
  readonly #requests;
  readonly #bytes;
  readonly #over;
  readonly #back;
  readonly #counts = { requests: 0, bytes: 0, over: 0, back: 0 };

  /** @param threads how many send now; 0 where the reference engine serves alone */
  constructor(metrics: Metrics, threads: () => number) {
    metrics.gauge(
      'wire_threads',
      'Threads that send by the fast engine. 0: the reference engine serves alone, at several times the processor time; GET /v1/state says why.',
      [],
      (gauge) => gauge.set(threads()),
    );
    this.#requests = metrics.counter(
      'wire_requests_total',
      'Of all requests, those that the fast engine answered. Much fewer than `hit` in appliance_requests_total: see by which reason connections are handed over.',
    );
    this.#bytes = metrics.counter(
      'wire_served_bytes_total',
      'Of appliance_served_bytes_total, what the fast engine sent. Below nine tenths once titles are warm: see why connections are handed over.',
    );
    this.#over = metrics.counter(
      'wire_handed_over_total',
      'Requests that were handed to the reference engine, by why. `not-published`: a miss, or what may not be shown (Vary, no lifetime). `stale`: the origin gives short lifetimes. `field`: a client or proxy sends fields that need the reference engine.',
      ['reason'],
    );
    this.#back = metrics.counter(
      'wire_taken_back_total',
      'Connections that came back from the reference engine. Much fewer than were handed over: clients pipeline, or close after each answer.',
    );
    for (const reason of OVER_REASONS) this.#over.inc({ reason }, 0);
  }

  answered(requests: number, bytes: number): void {
    this.#requests.inc(requests);
    this.#bytes.inc(bytes);
    this.#counts.requests += requests;
    this.#counts.bytes += bytes;
  }

  wentOver(reason: OverReason): void {
    this.#over.inc({ reason });
    this.#counts.over += 1;
  }

  tookBack(): void {
    this.#back.inc();
    this.#counts.back += 1;
  }

  /** Since the process began. */
  counts(): { readonly requests: number; readonly bytes: number; readonly over: number; readonly back: number } {
    return { ...this.#counts };
  }
}
