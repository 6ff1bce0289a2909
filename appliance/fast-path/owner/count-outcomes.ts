import type { RefusalReason } from '../../delivery/check-head.ts';
import { type AbandonReason, type ApplianceMetrics, FIRST_BYTE_BUCKETS_SEC } from '../../metrics.ts';
import type { ViewQueue } from '../../quality/view-queue.ts';
import type { OutcomeBatch } from '../messages.ts';

/** Who is told what of the answers that wire threads gave. */
export interface OutcomeSinks {
  readonly metrics: ApplianceMetrics;
  /** As of one answer, but of so many. */
  readonly recordDemand: (path: string, servedBytes: number, requests: number) => void;
  /** So that a disk that fills up knows what is read. */
  readonly served: (key: string, bytes: number) => void;
  readonly views: () => ViewQueue | undefined;
  /** A hit began to leave after so long. */
  readonly hitBegan: (firstByteMs: number) => void;
  readonly tokensChecked: (outcome: string, count: number) => void;
}

/** How many of a batch's times to the first byte are told on: the watch over viewers wants their spread, not each. */
const MOST_TIMES = 64;
const FIRST_BYTE_BOUNDS_MS = FIRST_BYTE_BUCKETS_SEC.map((sec) => sec * 1000);

/**
 * Enters what a wire thread did into everything that counts answers: the same counters as the reference engine's, once.
 * A request is counted where its answer was given, so a connection that goes over and comes back counts its requests
 * one by one, each on one side. Bytes for the egress are not from here (load-board.ts has them as they leave).
 */
export function countOutcomes(batch: OutcomeBatch, sinks: OutcomeSinks): { requests: number; bytes: number } {
  const { metrics, recordDemand, served, tokensChecked } = sinks;
  let [requests, bytes] = [0, 0];
  for (const outcome of batch.objects) {
    requests += outcome.requests;
    bytes += outcome.bytes;
    if (outcome.bytes === 0) continue;
    recordDemand(outcome.path, outcome.bytes, outcome.requests);
    served(outcome.key, outcome.bytes);
  }
  metrics.requestsEnded('hit', requests, bytes, { counts: batch.firstByteMs, sumMs: batch.firstByteSumMs });
  if (batch.shed > 0) metrics.requestsEnded('shed', batch.shed, 0);
  for (const [reason, count] of Object.entries(batch.refused)) metrics.refused(reason as RefusalReason, count);
  for (const [reason, count] of Object.entries(batch.abandoned))
    metrics.answerAbandoned(reason as AbandonReason, count);
  for (const [outcome, count] of Object.entries(batch.tokens)) tokensChecked(outcome, count);
  tellTimes(batch.firstByteMs, sinks.hitBegan);
  tellViews(batch, sinks.views());
  return { requests, bytes };
}

/** Times that are spread evenly within each bucket stand for those that were counted in it. */
function tellTimes(counts: readonly number[], hitBegan: (firstByteMs: number) => void): void {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const each = Math.max(1, total / MOST_TIMES);
  for (const [at, count] of counts.entries()) {
    const told = Math.round(count / each);
    const fromMs = FIRST_BYTE_BOUNDS_MS[at - 1] ?? 0;
    const toMs = FIRST_BYTE_BOUNDS_MS[at] ?? fromMs * 2;
    for (let time = 0; time < told; time += 1) hitBegan(fromMs + ((time + 0.5) / told) * (toMs - fromMs));
  }
}

function tellViews({ views, viewsLeftOut }: OutcomeBatch, queue: ViewQueue | undefined): void {
  if (queue === undefined) return;
  for (const { address, target, headers, bytes, durationMs, ending } of views) {
    queue.put({ address, target, headers }, bytes, durationMs, ending);
  }
  queue.leaveOut(viewsLeftOut);
}
