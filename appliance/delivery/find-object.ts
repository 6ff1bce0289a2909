/**
 * Which object answers a request, and how it was come by: held and fresh, held and just confirmed, found at the origin,
 * coming in at this moment, remembered as not being there, or not ours to keep. RFC 9111 section 4 decides on freshness
 * (`judgeReuse`); this file puts what it says into deeds.
 */
import type { HttpResponse } from '../../src/client/http-client.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import { formatAge } from '../../src/http/cache-control.ts';
import type { CacheStatus, ForwardReason } from '../../src/http/cache-status.ts';
import { evaluatePreconditions } from '../../src/http/conditional.ts';
import type { Reuse } from '../../src/http/reuse.ts';
import type { HeaderFields } from '../../src/http/stored-headers.ts';
import type { ObjectLease } from '../fill/blocks/open-object.ts';
import type { FillCoordinator } from '../fill/fill-coordinator.ts';
import type { KeptAnswer } from '../fill/origin/answer-memory.ts';
import type { Answered, ObjectDiscovery } from '../fill/origin/discover-object.ts';
import type { Growth } from '../fill/origin/discovery.ts';
import type { Need } from '../fill/origin/question.ts';
import { growingValidators } from '../fill/origin/read-answer.ts';
import type { Held } from '../fill/origin/variant-index.ts';
import type { RequestOutcome } from '../metrics.ts';
import { ageOf, judgeReuse } from './judge-reuse.ts';
import type { DeliveryRequest } from './parse-request.ts';

export type Found =
  /** The lease is the caller's to end. `cacheStatus` is of a hit until a block turns out to be missing. */
  | {
      readonly kind: 'object';
      readonly lease: ObjectLease;
      readonly ageMs: number;
      readonly cacheStatus: CacheStatus;
      readonly outcome: RequestOutcome;
    }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: HeaderFields;
      readonly body: Uint8Array;
      readonly cacheStatus: CacheStatus;
      readonly outcome: RequestOutcome;
    }
  /** Handed through as it comes; the body is the caller's to read or discard. */
  | {
      readonly kind: 'stream';
      readonly response: HttpResponse;
      readonly cacheStatus: CacheStatus;
      readonly outcome: RequestOutcome;
    }
  | { readonly kind: 'refused'; readonly status: 404 | 504; readonly reason: string };

export interface Finder {
  readonly fills: FillCoordinator;
  readonly discovery: ObjectDiscovery;
  readonly nowMs: () => number;
  /** Whether there is somebody to ask for what is not planned. */
  readonly hasOrigin: boolean;
}

/** For one request; `left` aborts when its client leaves, and ends what is asked for this client alone. */
interface RequestFinder extends Finder {
  readonly left: AbortSignal;
}

/** How it came to a question to the origin. */
interface Asking {
  readonly reason: ForwardReason;
  readonly isShared: boolean;
}

/** The failures for which RFC 5861 section 4 allows a stale answer; others are answers. */
const SERVER_FAILURES = new Set([500, 502, 503, 504]);

/**
 * @param left aborts when the client leaves: what was being asked for it alone is given up
 * @throws OperationalError when the origin is needed and fails; the reason of `left`
 */
export async function findObject(request: DeliveryRequest, shared: Finder, left: AbortSignal): Promise<Found> {
  const finder: RequestFinder = { ...shared, left };
  const held = finder.discovery.find(request);
  if (held.lease === undefined) return findUpstream(request, finder, held);
  try {
    return await answerFrom(held.lease, request, finder, held);
  } catch (error) {
    held.lease[Symbol.dispose]();
    throw error;
  }
}

async function findUpstream(request: DeliveryRequest, finder: RequestFinder, held: Held): Promise<Found> {
  if (!finder.hasOrigin) {
    const status = request.directives.onlyIfCached ? 504 : 404;
    return { kind: 'refused', status, reason: 'not planned, and there is no origin' };
  }
  const recalled = recallAnswer(request, finder) ?? joinGrowing(request, finder);
  if (recalled !== undefined) return recalled;
  if (request.directives.onlyIfCached) return { kind: 'refused', status: 504, reason: 'not held' };
  const reason = held.variants.length > 0 ? 'vary-miss' : 'uri-miss';
  if (request.hasAuthorization || request.directives.noStore) return passThrough(request, finder, 'bypass');
  return fromAnswer(request, finder, await finder.discovery.ask(needOf(request), held), reason);
}

async function answerFrom(
  lease: ObjectLease,
  request: DeliveryRequest,
  finder: RequestFinder,
  held: Held,
): Promise<Found> {
  const { description } = lease;
  const ageMs = ageOf(description, finder.nowMs());
  const reuse = judgeReuse(description, request.directives, ageMs);
  switch (reuse.kind) {
    case 'serve':
      return fromStore(lease, ageMs);
    case 'serve-and-revalidate':
      revalidateInBackground(request, finder, held);
      return fromStore(lease, ageMs);
    case 'unavailable':
      lease[Symbol.dispose]();
      return { kind: 'refused', status: 504, reason: 'not fresh' };
    case 'validate':
      return validate(lease, request, finder, { reuse, ageMs, held });
  }
}

function fromStore(lease: ObjectLease, ageMs: number): Found {
  const ttlSeconds = (lease.description.freshnessMs - ageMs) / 1000;
  return { kind: 'object', lease, ageMs, cacheStatus: { kind: 'hit', ttlSeconds }, outcome: 'hit' };
}

/** An answer without content that still counts, unless the client wants a newer one (RFC 9111 section 5.2.1). */
function recallAnswer(request: DeliveryRequest, finder: Finder): Found | undefined {
  const kept: KeptAnswer | undefined = finder.discovery.recall(needOf(request));
  if (kept === undefined) return undefined;
  const ageMs = ageOf(kept, finder.nowMs());
  if (judgeReuse({ ...kept, staleIfErrorMs: 0 }, request.directives, ageMs).kind !== 'serve') return undefined;
  return {
    ...kept,
    kind: 'answer',
    headers: { ...kept.headers, age: formatAge(ageMs) },
    cacheStatus: { kind: 'hit', ttlSeconds: (kept.freshnessMs - ageMs) / 1000 },
    outcome: kept.status < 400 ? 'hit' : 'negative',
  };
}

/** A body that comes in at this moment, read from its start, where it would be served if it were complete. */
function joinGrowing(request: DeliveryRequest, finder: Finder): Found | undefined {
  if (request.method === 'HEAD') return undefined;
  const growth = finder.discovery.findGrowing(needOf(request));
  if (growth === undefined) return undefined;
  const { kind } = judgeReuse(growth.description, request.directives, ageOf(growth.description, finder.nowMs()));
  if (kind !== 'serve' && kind !== 'serve-and-revalidate') return undefined;
  return fromGrowing(growth, request, finder, { kind: 'fwd', reason: 'uri-miss', collapsed: true });
}

async function validate(
  lease: ObjectLease,
  request: DeliveryRequest,
  finder: RequestFinder,
  judged: { readonly reuse: Reuse & { readonly kind: 'validate' }; readonly ageMs: number; readonly held: Held },
): Promise<Found> {
  const { reuse, ageMs, held } = judged;
  const { reason, mayServeOnError } = reuse;
  const ttlSeconds = (lease.description.freshnessMs - ageMs) / 1000;
  const serveStale = (forwardStatus: number | undefined): Found => {
    const cacheStatus: CacheStatus = { kind: 'fwd', reason, forwardStatus, ttlSeconds, detail: 'stale-if-error' };
    return { kind: 'object', lease, ageMs, cacheStatus, outcome: 'stale' };
  };
  const instead = (found: Found): Found => {
    lease[Symbol.dispose]();
    return found;
  };
  if (mayServeOnError && finder.discovery.isFailing(request.key)) {
    const cacheStatus: CacheStatus = { kind: 'hit', ttlSeconds, detail: 'stale-if-error' };
    return { kind: 'object', lease, ageMs, cacheStatus, outcome: 'stale' };
  }
  if (request.directives.noStore) return instead(await passThrough(request, finder, 'bypass'));
  const known = recallAnswer(request, finder) ?? joinGrowing(request, finder);
  const isKnownFailure = known?.kind === 'answer' && SERVER_FAILURES.has(known.status);
  if (known !== undefined && !(isKnownFailure && mayServeOnError)) return instead(known);
  if (known?.kind === 'answer') return serveStale(known.status);
  let answered: Answered;
  try {
    answered = await finder.discovery.ask(needOf(request), held);
  } catch (error) {
    if (!mayServeOnError || !isOperational(error) || isOperational(error, 'PURGED')) throw error;
    finder.discovery.noteFailure(request.key);
    return serveStale(undefined);
  }
  const { discovery } = answered;
  const failedStatus = failureOf(discovery);
  if (failedStatus !== undefined && mayServeOnError) {
    if (discovery.kind === 'private') discovery.response?.discard();
    finder.discovery.noteFailure(request.key);
    return serveStale(failedStatus);
  }
  return instead(await fromAnswer(request, finder, answered, reason));
}

function failureOf(discovery: Answered['discovery']): number | undefined {
  const status =
    discovery.kind === 'answer'
      ? discovery.status
      : discovery.kind === 'private'
        ? discovery.response?.status
        : undefined;
  return status !== undefined && SERVER_FAILURES.has(status) ? status : undefined;
}

async function fromAnswer(
  request: DeliveryRequest,
  finder: RequestFinder,
  { discovery, isShared }: Answered,
  reason: ForwardReason,
): Promise<Found> {
  const how: Asking = { reason, isShared };
  switch (discovery.kind) {
    case 'object': {
      const { lease, originStatus } = discovery;
      const ageMs = ageOf(lease.description, finder.nowMs());
      const isRenewed = originStatus === 304;
      const stored = isRenewed || request.method === 'HEAD' ? undefined : true;
      const ttlSeconds = (lease.description.freshnessMs - ageMs) / 1000;
      return {
        kind: 'object',
        lease,
        ageMs,
        cacheStatus: { ...forwarded(how, originStatus), ttlSeconds, stored },
        outcome: isRenewed ? 'revalidated' : isShared ? 'collapsed' : 'miss',
      };
    }
    case 'answer':
      return {
        ...discovery,
        cacheStatus: { ...forwarded(how, discovery.status), stored: discovery.kept === undefined ? undefined : true },
        outcome: 'pass',
      };
    case 'growing':
      return fromGrowing(discovery.growth, request, finder, forwarded(how, discovery.originStatus));
    case 'private':
      if (discovery.response === undefined) return passThrough(request, finder, reason);
      return {
        kind: 'stream',
        response: discovery.response,
        cacheStatus: forwarded(how, discovery.response.status),
        outcome: 'pass',
      };
  }
}

/** Its length is not known, so it is sent whole, and a range is for later (RFC 9110 section 14.2 allows that). */
function fromGrowing(growth: Growth, request: DeliveryRequest, finder: Finder, cacheStatus: CacheStatus): Found {
  const { body, description } = growth;
  const ageMs = ageOf(description, finder.nowMs());
  const validators = growingValidators(description);
  const headers: Record<string, string> = { ...description.headers, age: formatAge(ageMs) };
  delete headers['etag'];
  if (validators.etag !== undefined) headers['etag'] = validators.etag;
  const outcome = cacheStatus.kind === 'fwd' && cacheStatus.collapsed === true ? 'collapsed' : 'miss';
  const precondition = evaluatePreconditions({ ...validators, ...request.conditions, method: 'GET' });
  if (precondition !== 'proceed') {
    const status = precondition === 'not-modified' ? 304 : 412;
    return { kind: 'answer', status, headers, body: new Uint8Array(), cacheStatus, outcome };
  }
  const reader = body.read();
  const response: HttpResponse = { status: 200, headers, setCookies: [], body: reader, discard: () => reader.leave() };
  return { kind: 'stream', response, cacheStatus, outcome };
}

/** A request of its own for one client, with its conditions and preferences, and never its credentials. */
async function passThrough(request: DeliveryRequest, finder: RequestFinder, reason: ForwardReason): Promise<Found> {
  const response = await finder.fills.origin.ask({
    target: request.key,
    method: request.method,
    headers: request.forwardHeaders,
    signal: finder.left,
  });
  const cacheStatus = forwarded({ reason, isShared: false }, response.status);
  return { kind: 'stream', response, cacheStatus, outcome: 'pass' };
}

const forwarded = ({ reason, isShared }: Asking, forwardStatus: number) => ({
  kind: 'fwd' as const,
  reason,
  forwardStatus,
  collapsed: isShared ? true : undefined,
});

/**
 * One question in the background; those who ask meanwhile join it (RFC 5861 section 3). A conditional GET, since some
 * origins know no HEAD; the first block is asked for, so that a film that has changed is not sent for it.
 */
function revalidateInBackground(request: DeliveryRequest, finder: Finder, held: Held): void {
  const { discovery } = finder;
  if (discovery.isFailing(request.key)) return;
  discovery.ask({ ...needOf(request), method: 'GET', range: { first: 0, last: 0 } }, held).then(
    ({ discovery: found }) => {
      if (failureOf(found) !== undefined) discovery.noteFailure(request.key);
      if (found.kind === 'object') found.lease[Symbol.dispose]();
      else if (found.kind === 'private') found.response?.discard();
    },
    (error: unknown) => {
      // The stale answer was allowed; who finds it too stale asks in the foreground and reports the failure.
      if (!(error instanceof OperationalError)) throw error;
      discovery.noteFailure(request.key);
    },
  );
}

/** The first range is what the origin is asked for first; the others are filled when they are read. */
function needOf(request: DeliveryRequest): Need {
  const { key, method, ranges, sharedHeaders: headers, field } = request;
  const [spec] = ranges === 'ignore' ? [] : ranges;
  const range: Need['range'] =
    spec === undefined ? undefined : spec.kind === 'suffix' ? 'suffix' : { first: spec.first, last: spec.last };
  return { key, method, range, headers, field };
}
