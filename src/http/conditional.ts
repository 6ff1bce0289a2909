/**
 * Conditional requests: RFC 9110 section 13. The order of section 13.2.2 is the point: a tag condition silences the
 * date condition of its kind, failure of If-Match wins over If-None-Match, and ranges come last, so a 304 wins over a
 * 206. A header that cannot be read never turns into consent: an unreadable If-Match fails, an unreadable
 * If-None-Match matches nothing, an unreadable date is ignored as the RFC demands.
 */
import type { EntityTag } from './etag.ts';
import { parseEtag, parseEtagList, strongMatch, weakMatch } from './etag.ts';
import { parseHttpDate } from './http-date.ts';

/** What is known of the object that a 200 would send. */
export interface ObjectValidators {
  /** The ETag field value with its quotes; undefined when the object has none. */
  readonly etag: string | undefined;
  /** Last-Modified in milliseconds since 1970; undefined when the object has none. */
  readonly lastModifiedMs: number | undefined;
  /** The Date that came with the object, milliseconds since 1970: it decides whether Last-Modified is strong. */
  readonly dateMs: number | undefined;
}

/** A request's method and precondition fields, each the field value or undefined when absent, and the object's own. */
export interface PreconditionInput extends ObjectValidators {
  readonly method: string;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
}

/** 'not-modified' is a 304, 'precondition-failed' a 412; on 'proceed' go on with If-Range and Range. */
export type PreconditionOutcome = 'proceed' | 'not-modified' | 'precondition-failed';

/**
 * Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110 section
 * 13.2.2. Call it only for an object that exists and would be answered with 200: any other answer ignores them
 * (section 13.2.1).
 */
export function evaluatePreconditions(input: PreconditionInput): PreconditionOutcome {
  const tag = input.etag === undefined ? undefined : parseEtag(input.etag);
  if (input.ifMatch !== undefined) {
    if (!anyTagMatches(input.ifMatch, tag, strongMatch)) return 'precondition-failed';
  } else if (isModifiedSince(input.ifUnmodifiedSince, input) === true) {
    return 'precondition-failed';
  }
  const reads = input.method === 'GET' || input.method === 'HEAD';
  if (input.ifNoneMatch !== undefined) {
    if (anyTagMatches(input.ifNoneMatch, tag, weakMatch)) return reads ? 'not-modified' : 'precondition-failed';
  } else if (reads && isModifiedSince(input.ifModifiedSince, input) === false) {
    return 'not-modified';
  }
  return 'proceed';
}

/**
 * Whether Range may be applied (RFC 9110 section 13.1.5): true without If-Range; with a tag on strong equality only;
 * with a date only if it equals Last-Modified exactly and that is a strong validator. When false, Range is ignored and
 * the whole object is sent.
 */
export function ifRangeHolds(ifRange: string | undefined, validators: ObjectValidators): boolean {
  if (ifRange === undefined) return true;
  const asked = parseEtag(ifRange);
  if (asked !== undefined) {
    const current = validators.etag === undefined ? undefined : parseEtag(validators.etag);
    return current !== undefined && strongMatch(asked, current);
  }
  const { lastModifiedMs, dateMs } = validators;
  if (lastModifiedMs === undefined || !isStrongLastModified(validators)) return false;
  const askedMs = parseHttpDate(ifRange, dateMs ?? lastModifiedMs);
  return askedMs !== undefined && askedMs === wholeSecondMs(lastModifiedMs);
}

/**
 * Whether Last-Modified identifies the bytes exactly: it lies at least one second before the Date of the same answer
 * (RFC 9110 section 8.8.2.2), so a second change within that second would have carried another value.
 */
export function isStrongLastModified(validators: ObjectValidators): boolean {
  const { lastModifiedMs, dateMs } = validators;
  if (lastModifiedMs === undefined || dateMs === undefined) return false;
  return wholeSecondMs(dateMs) - wholeSecondMs(lastModifiedMs) >= 1000;
}

/**
 * Whether two answers hold bytes of the same object, so that their ranges may be combined (RFC 9111 section 3.4, RFC
 * 9110 section 15.3.7.3): equal strong tags; or, where neither has a tag, equal and strong Last-Modified. Anything
 * less, a weak tag or a tag on one side only, is a no, and the older bytes are discarded.
 */
export function sharesStrongValidator(left: ObjectValidators, right: ObjectValidators): boolean {
  if (left.etag !== undefined || right.etag !== undefined) {
    const leftTag = left.etag === undefined ? undefined : parseEtag(left.etag);
    const rightTag = right.etag === undefined ? undefined : parseEtag(right.etag);
    return leftTag !== undefined && rightTag !== undefined && strongMatch(leftTag, rightTag);
  }
  if (left.lastModifiedMs === undefined || right.lastModifiedMs === undefined) return false;
  if (!isStrongLastModified(left) || !isStrongLastModified(right)) return false;
  return wholeSecondMs(left.lastModifiedMs) === wholeSecondMs(right.lastModifiedMs);
}

function anyTagMatches(
  header: string,
  current: EntityTag | undefined,
  matches: (left: EntityTag, right: EntityTag) => boolean,
): boolean {
  const condition = parseEtagList(header);
  if (condition === '*') return true;
  if (condition === undefined || current === undefined) return false;
  return condition.some((asked) => matches(asked, current));
}

/** Undefined when there is no such date to compare: header absent or unreadable, or no Last-Modified. */
function isModifiedSince(header: string | undefined, validators: ObjectValidators): boolean | undefined {
  const { lastModifiedMs, dateMs } = validators;
  if (header === undefined || lastModifiedMs === undefined) return undefined;
  const sinceMs = parseHttpDate(header, dateMs ?? lastModifiedMs);
  return sinceMs === undefined ? undefined : wholeSecondMs(lastModifiedMs) > sinceMs;
}

function wholeSecondMs(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
