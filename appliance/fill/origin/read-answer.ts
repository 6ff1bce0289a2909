/**
 * What an answer of the origin means for the store: a representation to keep, one to hand through, a status, or
 * nonsense. Pure, so that the table of cases can be tested without a network.
 *
 * The traps: a 206 without a strong validator cannot be combined with anything and is worth nothing to a store; a 200
 * to a ranged request says that ranges do not work there; a `Last-Modified` is a validator only when it is older than
 * the answer by a second; freshness belongs to the answer, so it is computed here once, when it arrives.
 */

import { parseContentRange } from '../../../src/http/byte-range.ts';
import {
  currentAgeMs,
  freshnessLifetimeMs,
  hasExplicitLifetime,
  mayStore,
  parseCacheControl,
  selectCachePolicy,
} from '../../../src/http/cache-control.ts';
import { isStrongLastModified, type ObjectValidators, sharesStrongValidator } from '../../../src/http/conditional.ts';
import { parseEtag } from '../../../src/http/etag.ts';
import { formatHttpDate, parseHttpDate } from '../../../src/http/http-date.ts';
import { freshenedHeaders, freshens, type HeaderFields, storableHeaders } from '../../../src/http/stored-headers.ts';
import { decidingFields } from '../../../src/http/vary.ts';
import type { ObjectDescription } from '../../store/object-description.ts';

/** An answer as it came, with the wall-clock times around it. */
export interface AnswerFacts {
  readonly key: string;
  readonly status: number;
  readonly headers: HeaderFields;
  readonly requestTimeMs: number;
  readonly responseTimeMs: number;
  /** Whether a Range was asked for. */
  readonly askedRange: boolean;
}

/** The operator's lifetimes, and a tag for an object whose origin gives no strong one; new for every call. */
export interface StoragePolicy {
  readonly defaultTtlMs: number;
  /** For 404, 405, 410, 414 and 501, which RFC 9110 section 15.1 lets a cache keep without being told for how long. */
  readonly negativeTtlMs: number;
  /** For the other failures of a server. */
  readonly failureTtlMs: number;
  readonly staleIfErrorMs: number;
  readonly fallbackTag: string;
}

export type OriginAnswer =
  /** To be stored. The body holds bytes `first` to `last`, which is -1 for an empty one. */
  | {
      readonly kind: 'representation';
      readonly description: ObjectDescription;
      readonly first: number;
      readonly last: number;
      /** Whether the origin can be asked for single blocks of exactly these bytes. */
      readonly fillsByRange: boolean;
      readonly varyOn: readonly string[];
    }
  /** To be stored, of a size that only the end of the body tells. */
  | {
      readonly kind: 'unsized';
      readonly describe: (sizeBytes: number) => ObjectDescription;
      readonly varyOn: readonly string[];
    }
  | { readonly kind: 'not-modified' }
  /** The range begins beyond the end. */
  | { readonly kind: 'unsatisfied' }
  /** A part that cannot be combined with others: ask for the whole. */
  | { readonly kind: 'lone-part' }
  /** Not to be stored or shared: each client gets an answer of its own. */
  | { readonly kind: 'private'; readonly reason: string }
  /** Neither content nor a validation: a redirect or an error, good for all who wait now, and for later if it is kept. */
  | { readonly kind: 'status'; readonly kept: Lifetimes | undefined; readonly varyOn: readonly string[] }
  | { readonly kind: 'broken'; readonly detail: string };

/** Since when and for how long an answer is good; as of an ObjectDescription. */
export type Lifetimes = Pick<ObjectDescription, 'confirmedAtMs' | 'initialAgeMs' | 'freshnessMs' | 'staleIfErrorMs'>;

// What we write ourselves (ranges, age, leave for other sites), what speaks of one body, of another server (Alt-Svc),
// and what may not be given to others.
const NOT_KEPT = new Set([
  'accept-ranges',
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'age',
  'alt-svc',
  'content-digest',
  'content-length',
  'content-range',
  'set-cookie',
  'set-cookie2',
  'timing-allow-origin',
]);
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What is larger is handed through: no store takes it, and a length like 2^53 is a slip of the origin. */
const MAX_KEPT_BYTES = 2 ** 40;
/** What comes in one piece has all its blocks open at once: 2^16 of them are enough. */
const MAX_UNRANGED_BYTES = 2 ** 36;
const DIGITS = /^[0-9]{1,16}$/;
const MAY_BE_KEPT_UNTOLD = new Set([404, 405, 410, 414, 501]);

/** Classifies a final answer to a GET, or to a HEAD that stands for one. Never throws. */
export function readAnswer(facts: AnswerFacts, policy: StoragePolicy): OriginAnswer {
  const { status, headers } = facts;
  if (status === 304) return { kind: 'not-modified' };
  if (status === 416) return { kind: 'unsatisfied' };
  if (status !== 200 && status !== 206) return readStatus(facts, policy);
  const varyOn = decidingFields(headers['vary']);
  const refusal = refusalToStore(facts);
  if (refusal !== undefined) return { kind: 'private', reason: refusal };
  if (status === 206) return readPart(facts, policy, varyOn);
  const length = headers['content-length'];
  if (length === undefined) {
    return { kind: 'unsized', describe: (sizeBytes) => describeAnswer(facts, policy, sizeBytes), varyOn };
  }
  const sizeBytes = DIGITS.test(length) ? Number(length) : Number.NaN;
  if (!Number.isSafeInteger(sizeBytes)) return { kind: 'broken', detail: `content-length '${length.slice(0, 40)}'` };
  const takesRanges = !facts.askedRange && headers['accept-ranges']?.toLowerCase() !== 'none';
  const description = describeAnswer(facts, policy, sizeBytes);
  const fillsByRange = takesRanges && strongValidator(description) !== undefined;
  if (sizeBytes > (fillsByRange ? MAX_KEPT_BYTES : MAX_UNRANGED_BYTES)) return { kind: 'private', reason: 'size' };
  return { kind: 'representation', description, first: 0, last: sizeBytes - 1, fillsByRange, varyOn };
}

/**
 * A redirect, an error, an answer without content. What the origin forbids to share is not shared; but the text of an
 * error that is only not to be stored goes to all who wait for it: a question without any viewer's credentials was
 * answered, and a failing origin must not get a thousand more of them.
 */
function readStatus(facts: AnswerFacts, policy: StoragePolicy): OriginAnswer {
  const { headers, status } = facts;
  const varyOn = decidingFields(headers['vary']);
  const refusal = refusalToStore(facts);
  if (refusal === undefined) {
    const told = lifetimes(facts, policy);
    // The operator's time runs from when the answer came, whatever a clock says that is off.
    const untoldMs = hasExplicitLifetime(policyOf(headers)) ? 0 : told.initialAgeMs;
    const kept = { ...told, freshnessMs: told.freshnessMs === 0 ? 0 : told.freshnessMs + untoldMs };
    const isReusable = kept.freshnessMs > kept.initialAgeMs && !policyOf(headers).directives.noCache;
    return { kind: 'status', kept: isReusable ? kept : undefined, varyOn };
  }
  const isForWaiting = refusal === 'no-lifetime' || (refusal === 'response-no-store' && status >= 400);
  return isForWaiting ? { kind: 'status', kept: undefined, varyOn } : { kind: 'private', reason: refusal };
}

/**
 * The fields to keep: end-to-end, sendable, and not ours to write. `etag` is the origin's own, weak or strong; what
 * clients get is the description's.
 */
export function keptHeaders(headers: HeaderFields): HeaderFields {
  return Object.fromEntries(
    Object.entries(storableHeaders(headers)).filter(([name, value]) => !NOT_KEPT.has(name) && SENDABLE.test(value)),
  );
}

/**
 * What names exactly these bytes at the origin: its strong entity tag, or, where it sends no tag, a Last-Modified that
 * is strong (RFC 9110 sections 8.8.1, 8.8.2.2, 13.1.5). For If-Range; undefined when the origin gave neither.
 */
export function strongValidator({ headers, confirmedAtMs }: ObjectDescription): string | undefined {
  const tag = headers['etag'];
  if (tag !== undefined) return parseEtag(tag)?.weak === false ? tag : undefined;
  return isStrongLastModified(sourceValidators(headers, confirmedAtMs)) ? headers['last-modified'] : undefined;
}

/** What preconditions of clients are checked against. */
export function clientValidators({ headers, etag, confirmedAtMs }: ObjectDescription): ObjectValidators {
  return { ...sourceValidators(headers, confirmedAtMs), etag };
}

/** What preconditions of clients are checked against while the size is not known, of which some tags are made. */
export function growingValidators({ headers, sourceEtag, confirmedAtMs }: ObjectDescription): ObjectValidators {
  return { ...sourceValidators(headers, confirmedAtMs), etag: sourceEtag };
}

/** Whether a 200 or 206 carries bytes of the very generation described (RFC 9110 section 15.3.7.3). */
export function isSameGeneration({ headers, confirmedAtMs }: ObjectDescription, received: HeaderFields): boolean {
  return sharesStrongValidator(sourceValidators(headers, confirmedAtMs), sourceValidators(received, confirmedAtMs));
}

/** The description after a 304 (RFC 9111 section 4.3.4): newer fields, fresh anew. Undefined when it is not of ours. */
export function renewDescription(
  description: ObjectDescription,
  facts: AnswerFacts,
  policy: StoragePolicy,
): ObjectDescription | undefined {
  const ours = sourceValidators(description.headers, description.confirmedAtMs);
  const theirs = sourceValidators(facts.headers, facts.responseTimeMs);
  // A 304 that names nothing answers the one question that was asked.
  const isNamed = theirs.etag !== undefined || theirs.lastModifiedMs !== undefined;
  if (isNamed && !freshens(theirs, ours)) return undefined;
  return renewed(description, facts, policy);
}

/** The description after a whole answer of the same generation, which an origin sends that knows no conditions. */
export function renewed(description: ObjectDescription, facts: AnswerFacts, policy: StoragePolicy): ObjectDescription {
  const headers = freshenedHeaders(description.headers, keptHeaders(withDate(facts)));
  const age = facts.headers['age'];
  const asReceived = age === undefined ? headers : { ...headers, age };
  return { ...description, headers, ...lifetimes({ ...facts, status: 200, headers: asReceived }, policy) };
}

/** A recipient with a clock records when an answer came that has no date (RFC 9110 section 6.6.1). */
const withDate = ({ headers, responseTimeMs }: AnswerFacts): HeaderFields => ({
  date: formatHttpDate(responseTimeMs),
  ...headers,
});

function sourceValidators(headers: HeaderFields, nowMs: number): ObjectValidators {
  const { etag, date, 'last-modified': lastModified } = headers;
  return {
    etag,
    lastModifiedMs: lastModified === undefined ? undefined : parseHttpDate(lastModified, nowMs),
    dateMs: date === undefined ? undefined : parseHttpDate(date, nowMs),
  };
}

function readPart(facts: AnswerFacts, policy: StoragePolicy, varyOn: readonly string[]): OriginAnswer {
  const text = facts.headers['content-range'];
  const range = text === undefined ? undefined : parseContentRange(text);
  if (!facts.askedRange || range?.kind !== 'range') {
    return { kind: 'broken', detail: `206 with content-range '${text?.slice(0, 60) ?? ''}'` };
  }
  if (range.sizeBytes === undefined) return { kind: 'lone-part' };
  if (range.sizeBytes > MAX_KEPT_BYTES) return { kind: 'private', reason: 'size' };
  const description = describeAnswer(facts, policy, range.sizeBytes);
  if (strongValidator(description) === undefined) return { kind: 'lone-part' };
  return { kind: 'representation', description, first: range.first, last: range.last, fillsByRange: true, varyOn };
}

function refusalToStore(facts: AnswerFacts): string | undefined {
  const { headers, status: statusCode } = facts;
  if (headers['set-cookie'] !== undefined) return 'set-cookie';
  const decision = mayStore({
    method: 'GET',
    statusCode,
    requestDirectives: parseCacheControl(undefined),
    requestHasAuthorization: false,
    policy: policyOf(headers),
    vary: headers['vary'],
    storesErrors: true,
  });
  return decision.kind === 'store' ? undefined : decision.reason;
}

const policyOf = (headers: HeaderFields) =>
  selectCachePolicy({
    cacheControl: headers['cache-control'],
    cdnCacheControl: headers['cdn-cache-control'],
    expires: headers['expires'],
  });

function describeAnswer(facts: AnswerFacts, policy: StoragePolicy, sizeBytes: number): ObjectDescription {
  const { key } = facts;
  const headers = keptHeaders(withDate(facts));
  const described = { key, sizeBytes, headers, etag: `"${policy.fallbackTag}"`, ...lifetimes(facts, policy) };
  const validator = strongValidator(described);
  if (validator === undefined) return described;
  if (headers['etag'] !== undefined) return { ...described, etag: validator, sourceEtag: validator };
  const { lastModifiedMs = 0 } = sourceValidators(headers, facts.responseTimeMs);
  // The date alone identifies the bytes: the same tag on every appliance.
  return { ...described, etag: `"lm-${lastModifiedMs.toString(36)}-${sizeBytes.toString(36)}"` };
}

function lifetimes(facts: AnswerFacts, operator: StoragePolicy): Lifetimes {
  const { headers, requestTimeMs, responseTimeMs } = facts;
  const dateMs = headers['date'] === undefined ? undefined : parseHttpDate(headers['date'], responseTimeMs);
  const policy = policyOf(headers);
  const { directives } = policy;
  const forbidsStale = directives.mustRevalidate || directives.proxyRevalidate || directives.noCache;
  // s-maxage forbids stale answers (RFC 9111 section 5.2.2.10) unless the origin itself allows them beside it.
  const impliedMs = directives.sMaxAgeSeconds === undefined ? operator.staleIfErrorMs : 0;
  const allowedMs = directives.staleIfErrorSeconds === undefined ? impliedMs : directives.staleIfErrorSeconds * 1000;
  return {
    confirmedAtMs: responseTimeMs,
    initialAgeMs: currentAgeMs({
      ageHeader: headers['age'],
      dateMs,
      requestTimeMs,
      responseTimeMs,
      nowMs: responseTimeMs,
    }),
    // An operator's lifetime replaces the guess from Last-Modified, so none is given.
    freshnessMs: freshnessLifetimeMs(
      { policy, statusCode: facts.status, dateMs: dateMs ?? responseTimeMs, lastModifiedMs: undefined },
      {
        lastModifiedFraction: 0,
        maxHeuristicMs: 0,
        defaultMs: operator.defaultTtlMs,
        negativeMs: negativeTtlMs(facts.status, operator),
      },
    ),
    staleIfErrorMs: forbidsStale ? 0 : allowedMs,
  };
}

function negativeTtlMs(status: number, operator: StoragePolicy): number {
  if (MAY_BE_KEPT_UNTOLD.has(status)) return operator.negativeTtlMs;
  return status >= 500 ? operator.failureTtlMs : 0;
}
