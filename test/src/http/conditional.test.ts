import { describe, expect, test } from 'vitest';
import type { PreconditionInput } from '../../../src/http/conditional.ts';
import {
  evaluatePreconditions,
  ifRangeHolds,
  isStrongLastModified,
  sharesStrongValidator,
} from '../../../src/http/conditional.ts';
import { formatHttpDate } from '../../../src/http/http-date.ts';

const modifiedMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const modified = formatHttpDate(modifiedMs);
const before = formatHttpDate(modifiedMs - 1000);
const after = formatHttpDate(modifiedMs + 1000);
const validators = { etag: '"v1"', lastModifiedMs: modifiedMs, dateMs: modifiedMs + 60_000 };

function evaluate(fields: Partial<PreconditionInput>): string {
  return evaluatePreconditions({
    method: 'GET',
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
    ...validators,
    ...fields,
  });
}

test('a request without conditions goes on', () => {
  expect(evaluate({})).toBe('proceed');
});

describe('If-Match and If-Unmodified-Since', () => {
  test('If-Match compares strongly', () => {
    expect(evaluate({ ifMatch: '"v0", "v1"' })).toBe('proceed');
    expect(evaluate({ ifMatch: '*' })).toBe('proceed');
    expect(evaluate({ ifMatch: '"v0"' })).toBe('precondition-failed');
    expect(evaluate({ ifMatch: 'W/"v1"' })).toBe('precondition-failed');
    expect(evaluate({ ifMatch: 'W/"v1"', etag: 'W/"v1"' })).toBe('precondition-failed');
    expect(evaluate({ ifMatch: '"v1"', etag: undefined })).toBe('precondition-failed');
  });

  test('an unreadable If-Match fails rather than passes', () => {
    expect(evaluate({ ifMatch: 'v1' })).toBe('precondition-failed');
    expect(evaluate({ ifMatch: '' })).toBe('precondition-failed');
  });

  test('If-Unmodified-Since holds up to the very second, and is ignored when unreadable or beside If-Match', () => {
    expect(evaluate({ ifUnmodifiedSince: modified })).toBe('proceed');
    expect(evaluate({ ifUnmodifiedSince: after })).toBe('proceed');
    expect(evaluate({ ifUnmodifiedSince: before })).toBe('precondition-failed');
    expect(evaluate({ ifUnmodifiedSince: 'yesterday' })).toBe('proceed');
    expect(evaluate({ ifUnmodifiedSince: before, lastModifiedMs: undefined })).toBe('proceed');
    expect(evaluate({ ifUnmodifiedSince: before, ifMatch: '"v1"' })).toBe('proceed');
  });
});

describe('If-None-Match and If-Modified-Since', () => {
  test('If-None-Match compares weakly', () => {
    expect(evaluate({ ifNoneMatch: '"v1"' })).toBe('not-modified');
    expect(evaluate({ ifNoneMatch: 'W/"v1"' })).toBe('not-modified');
    expect(evaluate({ ifNoneMatch: '"v0",W/"v1"', method: 'HEAD' })).toBe('not-modified');
    expect(evaluate({ ifNoneMatch: '*', etag: undefined })).toBe('not-modified');
    expect(evaluate({ ifNoneMatch: '"v0"' })).toBe('proceed');
    expect(evaluate({ ifNoneMatch: '"v1"', etag: undefined })).toBe('proceed');
    expect(evaluate({ ifNoneMatch: 'v1' })).toBe('proceed');
  });

  test('on a method that changes things a match fails the precondition', () => {
    expect(evaluate({ ifNoneMatch: '"v1"', method: 'PUT' })).toBe('precondition-failed');
  });

  test('If-Modified-Since counts for GET and HEAD only', () => {
    expect(evaluate({ ifModifiedSince: modified })).toBe('not-modified');
    expect(evaluate({ ifModifiedSince: after, method: 'HEAD' })).toBe('not-modified');
    expect(evaluate({ ifModifiedSince: before })).toBe('proceed');
    expect(evaluate({ ifModifiedSince: after, method: 'POST' })).toBe('proceed');
    expect(evaluate({ ifModifiedSince: '0' })).toBe('proceed');
    expect(evaluate({ ifModifiedSince: after, lastModifiedMs: undefined })).toBe('proceed');
  });

  test('a fraction of a second in the stored time does not make an object newer than its own Last-Modified', () => {
    expect(evaluate({ ifModifiedSince: modified, lastModifiedMs: modifiedMs + 700 })).toBe('not-modified');
  });
});

describe('the order of RFC 9110 section 13.2.2 (RNG-15)', () => {
  test('a failed If-Match wins over a matching If-None-Match', () => {
    expect(evaluate({ ifMatch: '"v0"', ifNoneMatch: '"v1"' })).toBe('precondition-failed');
  });

  test('If-None-Match silences If-Modified-Since, both ways', () => {
    expect(evaluate({ ifNoneMatch: '"v0"', ifModifiedSince: after })).toBe('proceed');
    expect(evaluate({ ifNoneMatch: '"v1"', ifModifiedSince: before })).toBe('not-modified');
  });

  test('a condition that passed still leaves the next one to be asked', () => {
    expect(evaluate({ ifMatch: '"v1"', ifNoneMatch: '"v1"' })).toBe('not-modified');
    expect(evaluate({ ifUnmodifiedSince: modified, ifModifiedSince: modified })).toBe('not-modified');
  });
});

describe('If-Range (RNG-14)', () => {
  test('a tag holds on strong equality only', () => {
    expect(ifRangeHolds('"v1"', validators)).toBe(true);
    expect(ifRangeHolds('"v0"', validators)).toBe(false);
    expect(ifRangeHolds('W/"v1"', validators)).toBe(false);
    expect(ifRangeHolds('"v1"', { ...validators, etag: 'W/"v1"' })).toBe(false);
    expect(ifRangeHolds('"v1"', { ...validators, etag: undefined })).toBe(false);
  });

  test('a date holds only when equal to a strong Last-Modified', () => {
    expect(ifRangeHolds(modified, validators)).toBe(true);
    expect(ifRangeHolds(after, validators)).toBe(false);
    expect(ifRangeHolds(before, validators)).toBe(false);
    expect(ifRangeHolds(modified, { ...validators, dateMs: modifiedMs })).toBe(false);
    expect(ifRangeHolds(modified, { ...validators, dateMs: undefined })).toBe(false);
    expect(ifRangeHolds(modified, { ...validators, lastModifiedMs: undefined })).toBe(false);
  });

  test('absent it holds, unreadable it does not', () => {
    expect(ifRangeHolds(undefined, validators)).toBe(true);
    expect(ifRangeHolds('v1', validators)).toBe(false);
    expect(ifRangeHolds('', validators)).toBe(false);
    expect(ifRangeHolds('"v1", "v2"', validators)).toBe(false);
  });

  test('RNG-20: Last-Modified is strong from one second before Date on, not within the same second', () => {
    expect(isStrongLastModified({ etag: undefined, lastModifiedMs: 5000, dateMs: 6000 })).toBe(true);
    expect(isStrongLastModified({ etag: undefined, lastModifiedMs: 5000, dateMs: 5999 })).toBe(false);
    expect(isStrongLastModified({ etag: undefined, lastModifiedMs: 5999, dateMs: 6000 })).toBe(true);
    expect(isStrongLastModified({ etag: undefined, lastModifiedMs: 7000, dateMs: 6000 })).toBe(false);
  });
});

describe('combining ranges of two answers (RNG-20, CACHE-5)', () => {
  const tagless = { ...validators, etag: undefined };

  test('takes the same strong tag, whatever the dates', () => {
    expect(sharesStrongValidator(validators, { ...validators, lastModifiedMs: undefined, dateMs: undefined })).toBe(
      true,
    );
    expect(sharesStrongValidator(validators, { ...validators, etag: '"v2"' })).toBe(false);
    expect(sharesStrongValidator(validators, tagless)).toBe(false);
    const weak = { ...validators, etag: 'W/"v1"' };
    expect(sharesStrongValidator(weak, weak)).toBe(false);
    expect(sharesStrongValidator({ ...validators, etag: 'v1' }, { ...validators, etag: 'v1' })).toBe(false);
  });

  test('without any tag takes the same Last-Modified if it is strong on both sides', () => {
    expect(sharesStrongValidator(tagless, { ...tagless, dateMs: modifiedMs + 90_000 })).toBe(true);
    expect(sharesStrongValidator(tagless, { ...tagless, dateMs: modifiedMs })).toBe(false);
    expect(sharesStrongValidator({ ...tagless, dateMs: undefined }, tagless)).toBe(false);
    expect(sharesStrongValidator(tagless, { ...tagless, lastModifiedMs: modifiedMs - 1000 })).toBe(false);
    expect(sharesStrongValidator(tagless, { ...tagless, lastModifiedMs: undefined })).toBe(false);
  });
});
