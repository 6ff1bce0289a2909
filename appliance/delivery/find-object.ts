/**
 * Which object answers a request, and how it was come by: held and fresh, held and just confirmed, found at the origin,
 * or not ours to keep. RFC 9111 section 4 decides on freshness (`chooseReuse`); this file puts what it says into deeds.
 */
import type { HttpResponse } from '../../src/client/http-client.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import { selectCachePolicy } from '../../src/http/cache-control.ts';
import type { CacheStatus } from '../../src/http/cache-status.ts';
import { chooseReuse, type Reuse } from '../../src/http/reuse.ts';
import type { HeaderFields } from '../../src/http/stored-headers.ts';
import type { ObjectLease } from '../fill/blocks/open-object.ts';
import type { FillCoordinator } from '../fill/fill-coordinator.ts';
import type { Discovery, Need, ObjectDiscovery } from '../fill/origin/discover-object.ts';
import type { RequestOutcome } from '../metrics.ts';
import type { ObjectDescription } from '../store/object-description.ts';
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
  | { readonly kind: 'answer'; readonly status: number; readonly headers: HeaderFields; readonly body: Uint8Array }
  /** Handed through as it comes; the body is the caller's to read or discard. */
  | { readonly kind: 'stream'; readonly response: HttpResponse; readonly cacheStatus: CacheStatus }
  | { readonly kind: 'refused'; readonly status: 404 | 504; readonly reason: string };

export interface Finder {
  readonly fills: FillCoordinator;
  readonly discovery: ObjectDiscovery;
  readonly nowMs: () => number;
  /** Whether there is somebody to ask for what is not planned. */
  readonly hasOrigin: boolean;
}

/** @throws OperationalError when the origin is needed and fails. */
export async function findObject(request: DeliveryRequest, finder: Finder): Promise<Found> {
  const lease = finder.fills.find(request.key);
  if (lease === undefined) return findUpstream(request, finder);
  try {
    return await answerFrom(lease, request, finder);
  } catch (error) {
    lease[Symbol.dispose]();
    throw error;
  }
}

/** How old the object is now, in ms (RFC 9111 section 4.2.3). */
function ageOf(description: ObjectDescription, nowMs: number): number {
  return description.initialAgeMs + Math.max(0, nowMs - description.confirmedAtMs);
}

async function findUpstream(request: DeliveryRequest, finder: Finder): Promise<Found> {
  if (request.directives.onlyIfCached) return { kind: 'refused', status: 504, reason: 'not held' };
  if (!finder.hasOrigin) return { kind: 'refused', status: 404, reason: 'not planned, and there is no origin' };
  if (request.hasAuthorization || request.directives.noStore) return passThrough(request, finder, 'bypass');
  const { discovery, isShared } = await finder.discovery.ask(needOf(request), undefined);
  return fromDiscovery(request, finder, discovery, { isShared, wasStale: false });
}

async function answerFrom(lease: ObjectLease, request: DeliveryRequest, finder: Finder): Promise<Found> {
  const { description } = lease;
  const ageMs = ageOf(description, finder.nowMs());
  const reuse = reuseOf(description, request, ageMs);
  switch (reuse.kind) {
    case 'serve':
      return fromStore(lease, ageMs);
    case 'serve-and-revalidate':
      revalidateInBackground(request, finder, lease);
      return fromStore(lease, ageMs);
    case 'unavailable':
      lease[Symbol.dispose]();
      return { kind: 'refused', status: 504, reason: 'not fresh' };
    case 'validate':
      return validate(lease, request, finder, { reuse, ageMs });
  }
}

function reuseOf(description: ObjectDescription, request: DeliveryRequest, ageMs: number): Reuse {
  // Checked against a manifest, which names content: it cannot become stale, and nobody upstream knows better.
  if (description.manifestRoot !== undefined) return { kind: 'serve' };
  const { headers, freshnessMs, staleIfErrorMs } = description;
  const { directives } = selectCachePolicy({
    cacheControl: headers['cache-control'],
    cdnCacheControl: headers['cdn-cache-control'],
    expires: headers['expires'],
  });
  return chooseReuse({
    stored: { ...directives, staleIfErrorSeconds: staleIfErrorMs / 1000 },
    request: request.directives,
    lifetimeMs: freshnessMs,
    ageMs,
  });
}

function fromStore(lease: ObjectLease, ageMs: number): Found {
  const ttlSeconds = (lease.description.freshnessMs - ageMs) / 1000;
  return { kind: 'object', lease, ageMs, cacheStatus: { kind: 'hit', ttlSeconds }, outcome: 'hit' };
}

async function validate(
  lease: ObjectLease,
  request: DeliveryRequest,
  finder: Finder,
  judged: { readonly reuse: Reuse & { readonly kind: 'validate' }; readonly ageMs: number },
): Promise<Found> {
  const { reuse, ageMs } = judged;
  const serveStale = (forwardStatus: number | undefined): Found => ({
    ...fromStore(lease, ageMs),
    kind: 'object',
    lease,
    ageMs,
    cacheStatus: {
      kind: 'fwd',
      reason: reuse.reason,
      forwardStatus,
      ttlSeconds: (lease.description.freshnessMs - ageMs) / 1000,
      detail: 'stale-if-error',
    },
    outcome: 'stale',
  });
  let asked: Awaited<ReturnType<ObjectDiscovery['ask']>>;
  try {
    asked = await finder.discovery.ask(needOf(request), lease.object);
  } catch (error) {
    if (reuse.mayServeOnError && isOperational(error)) return serveStale(undefined);
    throw error;
  }
  const { discovery, isShared } = asked;
  if (discovery.kind === 'answer' && discovery.status >= 500 && reuse.mayServeOnError) {
    return serveStale(discovery.status);
  }
  lease[Symbol.dispose]();
  return fromDiscovery(request, finder, discovery, { isShared, wasStale: true });
}

async function fromDiscovery(
  request: DeliveryRequest,
  finder: Finder,
  discovery: Discovery,
  how: { readonly isShared: boolean; readonly wasStale: boolean },
): Promise<Found> {
  const collapsed = how.isShared ? true : undefined;
  switch (discovery.kind) {
    case 'object': {
      const { lease, originStatus } = discovery;
      const ageMs = ageOf(lease.description, finder.nowMs());
      const isRenewed = originStatus === 304;
      return {
        kind: 'object',
        lease,
        ageMs,
        cacheStatus: {
          kind: 'fwd',
          reason: how.wasStale ? 'stale' : 'uri-miss',
          forwardStatus: originStatus,
          ttlSeconds: (lease.description.freshnessMs - ageMs) / 1000,
          stored: isRenewed ? undefined : true,
          collapsed,
        },
        outcome: isRenewed ? 'revalidated' : how.isShared ? 'collapsed' : 'miss',
      };
    }
    case 'answer':
      return discovery;
    case 'private':
      if (discovery.response !== undefined) {
        const cacheStatus = forwarded(how.wasStale ? 'stale' : 'uri-miss', discovery.response);
        return { kind: 'stream', response: discovery.response, cacheStatus };
      }
      return passThrough(request, finder, how.wasStale ? 'stale' : 'uri-miss');
  }
}

/** A request of its own for one client, with its conditions and preferences, and never its credentials. */
async function passThrough(
  request: DeliveryRequest,
  finder: Finder,
  reason: 'bypass' | 'stale' | 'uri-miss',
): Promise<Found> {
  const response = await finder.fills.origin.ask({
    target: request.key,
    method: request.method,
    headers: request.forwardHeaders,
  });
  return { kind: 'stream', response, cacheStatus: forwarded(reason, response) };
}

const forwarded = (reason: 'bypass' | 'stale' | 'uri-miss', response: HttpResponse): CacheStatus => ({
  kind: 'fwd',
  reason,
  forwardStatus: response.status,
});

/** One question in the background; those who ask meanwhile join it (RFC 5861 section 3). */
function revalidateInBackground(request: DeliveryRequest, finder: Finder, lease: ObjectLease): void {
  const need: Need = { key: request.key, method: 'HEAD', range: undefined };
  finder.discovery.ask(need, lease.object).then(
    ({ discovery }) => {
      if (discovery.kind === 'object') discovery.lease[Symbol.dispose]();
      else if (discovery.kind === 'private') discovery.response?.discard();
    },
    (error: unknown) => {
      // The stale answer was allowed; who finds it too stale asks in the foreground and reports the failure.
      if (!(error instanceof OperationalError)) throw error;
    },
  );
}

/** The first range is what the origin is asked for first; the others are filled when they are read. */
function needOf(request: DeliveryRequest): Need {
  const { key, method, ranges } = request;
  const [spec] = ranges === 'ignore' ? [] : ranges;
  if (spec === undefined) return { key, method, range: undefined };
  if (spec.kind === 'suffix') return { key, method, range: 'suffix' };
  return { key, method, range: { first: spec.first, last: spec.last } };
}
