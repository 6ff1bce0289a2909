/**
 * What may be stored, and for how long it is fresh: RFC 9111, and RFC 9213 for CDN-Cache-Control.
 *
 * The trap is tolerance. Cache-Control is read leniently (quoted or bare arguments, unknown directives ignored,
 * duplicates by their first), yet lenience must never make an answer fresher than its origin meant: freshness
 * information that cannot be read counts as zero seconds, a qualified `private="..."` or `no-cache="..."` as the
 * unqualified one, and stores of errors need an explicit or configured lifetime. CDN-Cache-Control, in contrast, is a
 * structured field: one error and the whole field is as if absent.
 *
 * All functions take the facts as arguments; this is a shared cache throughout.
 */
import { parseHttpDate } from './http-date.ts';
import type { FieldValue } from './structured-fields.ts';
import { readDictionary } from './structured-fields.ts';

/** The directives we act on, of requests and responses alike (RFC 9111 section 5.2, RFC 5861, RFC 8246). */
export interface CacheControl {
  readonly maxAgeSeconds: number | undefined;
  readonly sMaxAgeSeconds: number | undefined;
  /** Request: accepts staleness up to this; Infinity without an argument. */
  readonly maxStaleSeconds: number | undefined;
  readonly minFreshSeconds: number | undefined;
  readonly staleWhileRevalidateSeconds: number | undefined;
  readonly staleIfErrorSeconds: number | undefined;
  readonly noCache: boolean;
  readonly noStore: boolean;
  readonly noTransform: boolean;
  readonly onlyIfCached: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly private: boolean;
  readonly public: boolean;
  readonly immutable: boolean;
}

/** What decides the caching of a response: its directives, and Expires unless a targeted field overrides it. */
export interface CachePolicy {
  readonly directives: CacheControl;
  readonly expires: string | undefined;
  /** True when the directives are those of CDN-Cache-Control. */
  readonly targeted: boolean;
}

/** Facts of a response that set its freshness lifetime. Times are milliseconds since 1970. */
export interface FreshnessFacts {
  readonly policy: CachePolicy;
  readonly statusCode: number;
  /** The Date of the response, or the time it was received when it has none (RFC 9110 section 6.6.1). */
  readonly dateMs: number;
  readonly lastModifiedMs: number | undefined;
}

/** The operator's lifetimes for responses that state none. */
export interface ImplicitFreshness {
  /** Part of the time since Last-Modified, for example 0.1 (RFC 9111 section 4.2.2). */
  readonly lastModifiedFraction: number;
  /** Upper bound of what the fraction gives. */
  readonly maxHeuristicMs: number;
  /** For cacheable responses below 400 without Last-Modified. */
  readonly defaultMs: number;
  /** For 404, 410 and other errors; 0 stores none of them. */
  readonly negativeMs: number;
}

/** Facts that set the age of a stored response. Times are milliseconds since 1970. */
export interface AgeFacts {
  /** The Age field value of the response. */
  readonly ageHeader: string | undefined;
  readonly dateMs: number | undefined;
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
  readonly nowMs: number;
}

/** Facts that decide whether a response may be stored. */
export interface StorageFacts {
  readonly method: string;
  readonly statusCode: number;
  readonly requestDirectives: CacheControl;
  readonly requestHasAuthorization: boolean;
  readonly policy: CachePolicy;
  /** The Vary field value. */
  readonly vary: string | undefined;
  /** Whether the operator set a lifetime for errors (ImplicitFreshness.negativeMs above 0). */
  readonly storesErrors: boolean;
}

/** Why a response is not stored. */
export type StorageRefusal =
  | 'method'
  | 'status-not-stored'
  | 'request-no-store'
  | 'response-no-store'
  | 'private'
  | 'authorization'
  | 'vary-any'
  | 'no-lifetime';

/** Whether a response may be stored, and why not. */
export type StorageDecision =
  | { readonly kind: 'store' }
  | { readonly kind: 'refused'; readonly reason: StorageRefusal };

/** RFC 9111 section 1.2.2: what an overflowing number of seconds becomes. */
const maxDeltaSeconds = 2_147_483_648;
// RFC 9110 section 15.1; we implement the caching of each of them, 206 included.
const heuristicallyCacheable = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
const directiveAt = /([!#$%&'*+.^_`|~0-9a-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^,]*)))?/iy;

/**
 * Reads a Cache-Control value, several lines joined by commas (RFC 9111 section 5.2). Never fails: unknown directives
 * and stray text are skipped, names are compared without case, arguments may be quoted, the first of duplicates counts.
 * An unreadable max-age or s-maxage is 0; other unreadable numbers are as if absent.
 */
export function parseCacheControl(value: string | undefined): CacheControl {
  return toCacheControl(value === undefined ? new Map() : readDirectives(value));
}

/**
 * Selects what decides the caching of a response (RFC 9213 section 2.2): a CDN-Cache-Control that parses and is not
 * empty replaces Cache-Control and Expires; otherwise those count as if it were absent.
 */
export function selectCachePolicy(fields: {
  readonly cacheControl: string | undefined;
  readonly cdnCacheControl: string | undefined;
  readonly expires: string | undefined;
}): CachePolicy {
  const targeted = fields.cdnCacheControl === undefined ? undefined : readDictionary(fields.cdnCacheControl);
  if (targeted !== undefined && targeted.size > 0) {
    const directives = new Map([...targeted].flatMap(([name, value]) => targetedArgument(name, value)));
    return { directives: toCacheControl(directives), expires: undefined, targeted: true };
  }
  return { directives: parseCacheControl(fields.cacheControl), expires: fields.expires, targeted: false };
}

/** Whether the response itself states a lifetime (RFC 9111 section 4.2.1); heuristics are then forbidden. */
export function hasExplicitLifetime(policy: CachePolicy): boolean {
  const { sMaxAgeSeconds, maxAgeSeconds } = policy.directives;
  return sMaxAgeSeconds !== undefined || maxAgeSeconds !== undefined || policy.expires !== undefined;
}

/**
 * The freshness lifetime in milliseconds, counted from the response's generation (RFC 9111 section 4.2.1): s-maxage,
 * else max-age, else Expires minus Date, else what `implicit` grants (section 4.2.2). Never negative. An Expires that
 * is no date, such as `0`, means expired (section 5.3).
 */
export function freshnessLifetimeMs(facts: FreshnessFacts, implicit: ImplicitFreshness): number {
  const { directives, expires } = facts.policy;
  const explicitSeconds = directives.sMaxAgeSeconds ?? directives.maxAgeSeconds;
  if (explicitSeconds !== undefined) return explicitSeconds * 1000;
  if (expires !== undefined) {
    const expiresMs = parseHttpDate(expires, facts.dateMs);
    return expiresMs === undefined ? 0 : Math.max(0, expiresMs - facts.dateMs);
  }
  if (facts.statusCode >= 400) return implicit.negativeMs;
  if (!heuristicallyCacheable.has(facts.statusCode) && !directives.public) return 0;
  if (facts.lastModifiedMs === undefined) return implicit.defaultMs;
  const heuristicMs = Math.floor((facts.dateMs - facts.lastModifiedMs) * implicit.lastModifiedFraction);
  return Math.max(0, Math.min(heuristicMs, implicit.maxHeuristicMs));
}

/**
 * The current age of a stored response in milliseconds (RFC 9111 section 4.2.3), for Age and for freshness: the larger
 * of what its Date and its Age claim, corrected by the time the request took, plus the time it lay here. Never
 * negative, also when clocks run apart.
 */
export function currentAgeMs(facts: AgeFacts): number {
  const { dateMs, requestTimeMs, responseTimeMs, nowMs } = facts;
  const apparentAgeMs = dateMs === undefined ? 0 : Math.max(0, responseTimeMs - dateMs);
  const responseDelayMs = Math.max(0, responseTimeMs - requestTimeMs);
  const correctedAgeMs = parseAgeMs(facts.ageHeader) + responseDelayMs;
  const residentMs = Math.max(0, nowMs - responseTimeMs);
  return Math.max(apparentAgeMs, correctedAgeMs) + residentMs;
}

/** The Age field value for an age in milliseconds: whole seconds, at most 2^31 (RFC 9111 sections 1.2.2, 5.1). */
export function formatAge(ageMs: number): string {
  return String(Math.min(maxDeltaSeconds, Math.max(0, Math.floor(ageMs / 1000))));
}

/**
 * Whether a final response may be stored (RFC 9111 section 3). GET only. Errors (400 and above) need a lifetime of
 * their own or one of the operator's. The stored request must not hold Authorization unless the response allows a
 * shared cache (section 3.5). `Vary: *` could never be selected again (section 4.1), so it is not stored.
 */
export function mayStore(facts: StorageFacts): StorageDecision {
  const { statusCode, requestDirectives, policy } = facts;
  const { directives } = policy;
  const isUnderstood = heuristicallyCacheable.has(statusCode);
  if (facts.method !== 'GET') return refused('method');
  if (statusCode < 200 || statusCode === 304) return refused('status-not-stored');
  if (directives.mustUnderstand && !isUnderstood) return refused('status-not-stored');
  if (requestDirectives.noStore) return refused('request-no-store');
  // RFC 9111 section 5.2.2.3: must-understand lifts the no-store that is there for caches that do not know it.
  if (directives.noStore && !directives.mustUnderstand) return refused('response-no-store');
  if (directives.private) return refused('private');
  if (facts.requestHasAuthorization && !allowsSharedAfterAuthorization(directives)) return refused('authorization');
  if (varyNames(facts.vary).includes('*')) return refused('vary-any');
  if (hasExplicitLifetime(policy)) return { kind: 'store' };
  if (statusCode >= 400) return facts.storesErrors ? { kind: 'store' } : refused('no-lifetime');
  return isUnderstood || directives.public ? { kind: 'store' } : refused('no-lifetime');
}

/** The names in a Vary value, lower case, sorted, each once; holds `*` when the value does (RFC 9110 section 12.5.5). */
export function varyNames(vary: string | undefined): readonly string[] {
  const names = (vary ?? '').split(',').map((name) => name.trim().toLowerCase());
  return [...new Set(names.filter((name) => name !== ''))].sort();
}

function refused(reason: StorageRefusal): StorageDecision {
  return { kind: 'refused', reason };
}

function allowsSharedAfterAuthorization(directives: CacheControl): boolean {
  return directives.public || directives.mustRevalidate || directives.sMaxAgeSeconds !== undefined;
}

/** RFC 9111 section 5.1: the first member of a list counts, anything that is no number of seconds is ignored. */
function parseAgeMs(ageHeader: string | undefined): number {
  const seconds = deltaSeconds(ageHeader?.split(',', 1)[0]?.trim());
  return seconds === undefined ? 0 : seconds * 1000;
}

/** Name to argument; undefined where there is none. */
function readDirectives(value: string): Map<string, string | undefined> {
  const directives = new Map<string, string | undefined>();
  let at = 0;
  while (at < value.length) {
    directiveAt.lastIndex = at;
    const match = directiveAt.exec(value);
    if (match !== null) {
      const name = (match[1] ?? '').toLowerCase();
      const argument = match[2]?.replace(/\\(.)/g, '$1') ?? match[3]?.trim();
      if (!directives.has(name)) directives.set(name, argument);
      at += match[0].length;
    }
    // Past blanks to the next directive; past stray text to the next comma.
    const isBlank = match === null && (value[at] === ' ' || value[at] === '\t');
    at = isBlank ? at + 1 : afterNextComma(value, at);
  }
  return directives;
}

function afterNextComma(value: string, from: number): number {
  const commaAt = value.indexOf(',', from);
  return commaAt === -1 ? value.length : commaAt + 1;
}

/** RFC 9213 section 2.1: values of another type than the directive's are not coerced. */
function targetedArgument(name: string, value: FieldValue): [string, string | undefined][] {
  if (value.kind === 'boolean') return value.value ? [[name, undefined]] : [];
  if (value.kind === 'number') return [[name, String(value.value)]];
  if (value.kind === 'string' && (name === 'no-cache' || name === 'private')) return [[name, value.value]];
  return [[name, '']];
}

function toCacheControl(directives: ReadonlyMap<string, string | undefined>): CacheControl {
  const seconds = (name: string): number | undefined => deltaSeconds(directives.get(name));
  const freshness = (name: string): number | undefined => (directives.has(name) ? (seconds(name) ?? 0) : undefined);
  const anyStaleness = directives.has('max-stale') && directives.get('max-stale') === undefined;
  return {
    maxAgeSeconds: freshness('max-age'),
    sMaxAgeSeconds: freshness('s-maxage'),
    maxStaleSeconds: anyStaleness ? Number.POSITIVE_INFINITY : seconds('max-stale'),
    minFreshSeconds: seconds('min-fresh'),
    staleWhileRevalidateSeconds: seconds('stale-while-revalidate'),
    staleIfErrorSeconds: seconds('stale-if-error'),
    noCache: directives.has('no-cache'),
    noStore: directives.has('no-store'),
    noTransform: directives.has('no-transform'),
    onlyIfCached: directives.has('only-if-cached'),
    mustRevalidate: directives.has('must-revalidate'),
    proxyRevalidate: directives.has('proxy-revalidate'),
    mustUnderstand: directives.has('must-understand'),
    private: directives.has('private'),
    public: directives.has('public'),
    immutable: directives.has('immutable'),
  };
}

function deltaSeconds(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]+$/.test(text)) return undefined;
  return Math.min(Number(text), maxDeltaSeconds);
}
