/**
 * Whether a stored response answers a request: RFC 9111 sections 4 and 5.2.1, RFC 5861 and RFC 8246.
 *
 * Three parties have a say: the origin (lifetime, must-revalidate, stale-while-revalidate), the client (max-age,
 * no-cache, only-if-cached) and the clock. Asking "is it fresh?" loses the client and the two permissions to be stale;
 * here all of them meet in one decision. An origin's explicit stale-while-revalidate or stale-if-error counts even
 * beside s-maxage, since the same header states both; must-revalidate, proxy-revalidate and no-cache always win.
 */
import type { CacheControl } from './cache-control.ts';

/** A stored response, the request, and the time that has passed. */
export interface ReuseFacts {
  /** The directives of the stored response (CachePolicy.directives). */
  readonly stored: CacheControl;
  readonly request: CacheControl;
  readonly lifetimeMs: number;
  readonly ageMs: number;
}

/**
 * serve: answer from the store. serve-and-revalidate: answer now and refresh in the background, once. validate: ask
 * upstream first, for the Cache-Status reason given; `mayServeOnError` says that the stored response may be sent if
 * upstream fails with a 5xx, a timeout or no connection. unavailable: the client wanted only what is cached, so 504.
 */
export type Reuse =
  | { readonly kind: 'serve' }
  | { readonly kind: 'serve-and-revalidate' }
  | { readonly kind: 'validate'; readonly reason: 'stale' | 'request'; readonly mayServeOnError: boolean }
  | { readonly kind: 'unavailable' };

/** Decides on a stored response that matches the request's key (RFC 9111 sections 4, 4.2.4, 5.2.1). */
export function chooseReuse(facts: ReuseFacts): Reuse {
  const { stored, request, lifetimeMs, ageMs } = facts;
  const staleForMs = ageMs - lifetimeMs;
  const isFresh = staleForMs < 0;
  if (isFresh && !stored.noCache && clientAcceptsFresh(facts)) return { kind: 'serve' };
  const mayBeStale = !stored.noCache && !stored.mustRevalidate && !stored.proxyRevalidate;
  if (!isFresh && mayBeStale && !request.noCache) {
    const clientAcceptsAge = request.maxAgeSeconds === undefined || ageMs <= request.maxAgeSeconds * 1000;
    const clientSetsFreshness = request.maxAgeSeconds !== undefined || request.minFreshSeconds !== undefined;
    if (clientAcceptsAge && stored.sMaxAgeSeconds === undefined && isWithin(staleForMs, request.maxStaleSeconds)) {
      return { kind: 'serve' };
    }
    if (!clientSetsFreshness && isWithin(staleForMs, stored.staleWhileRevalidateSeconds)) {
      return request.onlyIfCached ? { kind: 'serve' } : { kind: 'serve-and-revalidate' };
    }
  }
  if (request.onlyIfCached) return { kind: 'unavailable' };
  const staleIfErrorSeconds = request.staleIfErrorSeconds ?? stored.staleIfErrorSeconds;
  return {
    kind: 'validate',
    reason: isFresh && !stored.noCache ? 'request' : 'stale',
    mayServeOnError: isFresh ? !stored.noCache : mayBeStale && isWithin(staleForMs, staleIfErrorSeconds),
  };
}

function clientAcceptsFresh(facts: ReuseFacts): boolean {
  const { stored, request, lifetimeMs, ageMs } = facts;
  if (request.noCache) return false;
  if (request.minFreshSeconds !== undefined && lifetimeMs - ageMs < request.minFreshSeconds * 1000) return false;
  // RFC 8246 section 2.1: a reload (max-age=0) of something that cannot change needs no trip upstream.
  if (stored.immutable) return true;
  return request.maxAgeSeconds === undefined || ageMs <= request.maxAgeSeconds * 1000;
}

function isWithin(staleForMs: number, allowedSeconds: number | undefined): boolean {
  return allowedSeconds !== undefined && staleForMs <= allowedSeconds * 1000;
}
