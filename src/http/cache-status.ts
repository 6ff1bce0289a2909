/**
 * The Cache-Status field: RFC 9211. Each cache on the way adds one member at the end; ours is written from a closed
 * vocabulary, so a few lines of serialisation replace a structured-fields library, and no text of a client gets in.
 */

/** Why a request went forward, from most to least specific (RFC 9211 section 2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial';

/** How this cache handled the request: served from the store, or forwarded; never both (RFC 9211 sections 2.1-2.8). */
export type CacheStatus = CacheHit | CacheForward;

/** Served without going forward; a 206 or 304 made from the store is a hit. */
export interface CacheHit {
  readonly kind: 'hit';
  /** Remaining freshness, whole seconds; negative when stale. */
  readonly ttlSeconds?: number | undefined;
  readonly detail?: string | undefined;
}

/** Went forward. */
export interface CacheForward {
  readonly kind: 'fwd';
  readonly reason: ForwardReason;
  /** What the next hop answered, where it differs from our own status or is worth saying. */
  readonly forwardStatus?: number | undefined;
  readonly ttlSeconds?: number | undefined;
  readonly stored?: boolean | undefined;
  /** True when an answer of another request was used, false when sharing was tried in vain; absent when neither. */
  readonly collapsed?: boolean | undefined;
  readonly detail?: string | undefined;
}

const token = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/;
const printableAscii = /^[\x20-\x7e]*$/;
const maxIntegerSeconds = 999_999_999_999_999;
/** A chain longer than this is not ours to carry: the upstream part is dropped, our own member stays. */
const maxUpstreamChars = 2048;

/**
 * Writes our member, for example `oca-a1;hit;ttl=1100` or `oca-a1;fwd=partial;fwd-status=206;stored`. `identifier` is
 * the configured name of this cache and `detail` one of our own words: printable ASCII, else a TypeError.
 */
export function formatCacheStatus(identifier: string, status: CacheStatus): string {
  let member = tokenOrString(identifier);
  if (status.kind === 'hit') {
    member += ';hit';
  } else {
    member += `;fwd=${status.reason}`;
    if (status.forwardStatus !== undefined) member += `;fwd-status=${status.forwardStatus}`;
  }
  if (status.ttlSeconds !== undefined) member += `;ttl=${integer(status.ttlSeconds)}`;
  if (status.kind === 'fwd') {
    if (status.stored === true) member += ';stored';
    if (status.collapsed !== undefined) member += status.collapsed ? ';collapsed' : ';collapsed=?0';
  }
  if (status.detail !== undefined) member += `;detail=${tokenOrString(status.detail)}`;
  return member;
}

/**
 * Puts our member behind what upstream sent (RFC 9211 section 2: the last member is the cache closest to the user).
 * An upstream value that is too long or not printable ASCII is dropped.
 */
export function appendCacheStatus(upstreamValue: string | undefined, member: string): string {
  const upstream = upstreamValue?.trim() ?? '';
  if (upstream === '' || upstream.length > maxUpstreamChars || !printableAscii.test(upstream)) return member;
  return `${upstream}, ${member}`;
}

function tokenOrString(text: string): string {
  if (token.test(text)) return text;
  if (!printableAscii.test(text)) throw new TypeError('a Cache-Status string is printable ASCII');
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** An sf-integer (RFC 8941 section 3.3.1): whole, at most 15 digits. */
function integer(seconds: number): number {
  return Math.max(-maxIntegerSeconds, Math.min(maxIntegerSeconds, Math.floor(seconds)));
}
