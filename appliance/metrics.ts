import type { ErrorCode } from '../src/errors/error-codes.ts';
import type { BreakerState } from '../src/resilience/circuit-breaker.ts';
import type { Metrics } from '../src/telemetry/metrics.ts';
import type { RefusalReason } from './delivery/check-head.ts';

/** How a request ended, for counters and the log line. A closed set. */
export const REQUEST_OUTCOMES = [
  'hit',
  'partial',
  'miss',
  'collapsed',
  'revalidated',
  'stale',
  'negative',
  'pass',
  'refused',
  'shed',
  'failed',
] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

/** Why an answer ended early. A closed set. */
export type AbandonReason = 'client-left' | 'client-slow' | 'source-failed' | 'purged';

export interface ManyFirstBytes {
  readonly counts: readonly number[];
  readonly sumMs: number;
}

export type SourceKind = 'peer' | 'tier' | 'origin';

export const FIRST_BYTE_BUCKETS_SEC = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the appliance counts. Label sets are closed: no URL, key or client is ever a label. */
export class ApplianceMetrics {
  readonly #requests;
  readonly #servedBytes;
  readonly #firstByteSec;
  readonly #fillBytes;
  readonly #sourceFailures;
  readonly #wastedBytes;
  readonly #breakerChanges;
  readonly #troubledSources;
  readonly #wrongBytes;
  readonly #hedges;
  readonly #unkeptBlocks;
  readonly #abandoned;
  readonly #refused;

  constructor(metrics: Metrics) {
    this.#requests = metrics.counter(
      'requests_total',
      'Requests by how they ended. Much `miss` and `partial` against `hit`: content does not fit or is not planned. Any `shed`: the appliance is full, add one or raise its limits.',
      ['outcome'],
    );
    this.#servedBytes = metrics.counter('served_bytes_total', 'Body bytes sent to clients, by how the request ended.', [
      'outcome',
    ]);
    this.#firstByteSec = metrics.bucketCounts(
      'first_byte_seconds',
      'From a complete request head to the first byte of the answer. Look at disks when `hit` is slow, at sources when `miss` is.',
      FIRST_BYTE_BUCKETS_SEC,
      'outcome',
    );
    this.#fillBytes = metrics.counter(
      'fill_bytes_total',
      'Bytes that came in, by kind of source. Origin bytes in the evening mean that the plan misses what people watch.',
      ['source'],
    );
    this.#sourceFailures = metrics.counter(
      'source_failures_total',
      'Requests to sources that failed, by code of the table of failures. Rising SOURCE_UNREACHABLE: is the origin up?',
      ['code'],
    );
    this.#wastedBytes = metrics.counter(
      'fill_wasted_bytes_total',
      'Bytes that came in and were of no use, by kind of source: sent again after a break, or outrun by another source. More than a few percent of fill bytes: a source breaks off or does not know ranges.',
      ['source'],
    );
    this.#breakerChanges = metrics.counter(
      'source_breaker_changes_total',
      'How often a source was left alone (open), tried again (half-open) and used again (closed). Many: the log names the source; look at it and at the way there.',
      ['source', 'state'],
    );
    this.#troubledSources = metrics.gauge(
      'troubled_sources',
      'Sources that are left alone or on trial now, by kind. The origin among them: misses fail at once until it answers again.',
      ['source'],
    );
    this.#wrongBytes = metrics.counter(
      'wrong_bytes_total',
      'Blocks and files of a source that did not match their checksum or digest, by kind of source. Any: the log names the source; its disk, memory or software changes bytes.',
      ['source'],
    );
    this.#hedges = metrics.counter(
      'hedged_blocks_total',
      'Blocks that a second source was asked for because the first was late, by who gave it: the second (won) or the first (lost). Many: the first sources are slow.',
      ['result'],
    );
    this.#unkeptBlocks = metrics.counter(
      'unkept_blocks_total',
      'Blocks that were served but could not be stored. More than none: a volume is full, failing or too slow; see /readyz and the log.',
    );
    this.#abandoned = metrics.counter(
      'abandoned_answers_total',
      'Answers that ended early, by why: the client left, was too slow, the source failed half-way, or a purge cut them.',
      ['reason'],
    );
    this.#refused = metrics.counter(
      'refused_requests_total',
      'Requests and connections refused for what they are, by why. A flood of `malformed` or `body`: somebody tries things. `connections`: raise --max-connections; `connections-of-address`: a NAT or proxy in front, or one greedy client.',
      ['reason'],
    );
  }

  refused(reason: RefusalReason, count = 1): void {
    this.#refused.inc({ reason }, count);
  }

  /** One request has ended. Times are from the complete head; `firstByteMs` undefined when no byte was sent. */
  requestEnded(outcome: RequestOutcome, servedBytes: number, firstByteMs: number | undefined): void {
    this.#requests.inc({ outcome });
    if (servedBytes > 0) this.#servedBytes.inc({ outcome }, servedBytes);
    if (firstByteMs !== undefined) this.#firstByteSec.observe(outcome, firstByteMs / 1000);
  }

  /** Many requests have ended alike. @param firstBytes how many fell into each of FIRST_BYTE_BUCKETS_SEC and above */
  requestsEnded(outcome: RequestOutcome, requests: number, servedBytes: number, firstBytes?: ManyFirstBytes): void {
    this.#requests.inc({ outcome }, requests);
    if (servedBytes > 0) this.#servedBytes.inc({ outcome }, servedBytes);
    if (firstBytes !== undefined) this.#firstByteSec.observeMany(outcome, firstBytes.counts, firstBytes.sumMs / 1000);
  }

  answerAbandoned(reason: AbandonReason, count = 1): void {
    this.#abandoned.inc({ reason }, count);
  }

  filled(kind: SourceKind, bytes: number): void {
    this.#fillBytes.inc({ source: kind }, bytes);
  }

  wasted(kind: SourceKind, bytes: number): void {
    this.#wastedBytes.inc({ source: kind }, bytes);
  }

  breakerChanged(kind: SourceKind, from: BreakerState, to: BreakerState): void {
    this.#breakerChanges.inc({ source: kind, state: to });
    if (from === 'closed') this.#troubledSources.inc({ source: kind });
    if (to === 'closed') this.#troubledSources.dec({ source: kind });
  }

  wrongBytes(kind: SourceKind): void {
    this.#wrongBytes.inc({ source: kind });
  }

  hedged(result: 'won' | 'lost'): void {
    this.#hedges.inc({ result });
  }

  sourceFailed(code: ErrorCode): void {
    this.#sourceFailures.inc({ code });
  }

  blockUnkept(): void {
    this.#unkeptBlocks.inc();
  }
}
