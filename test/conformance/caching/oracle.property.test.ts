/**
 * Storing and reuse against a second opinion: RFC 9111 written down once more, from its text and in seconds, as the
 * questions that a reader of the RFC would ask one after another. The two must agree on every combination of fields.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAnswer } from '../../../appliance/fill/origin/read-answer.ts';
import { parseCacheControl, selectCachePolicy } from '../../../src/http/cache-control.ts';
import { chooseReuse } from '../../../src/http/reuse.ts';

const NOW_MS = Date.parse('Tue, 01 Jan 2030 12:00:00 GMT');
const DEFAULT_TTL = 7;

const seconds = fc.integer({ min: 0, max: 12 });
const maybe = fc.option(seconds, { nil: undefined });
const flag = fc.boolean();
const rare = fc.integer({ min: 0, max: 9 }).map((number) => number === 0);
const responses = fc.record({
  maxAge: maybe,
  sMaxage: maybe,
  expiresIn: fc.option(fc.integer({ min: -5, max: 12 }), { nil: undefined }),
  age: maybe,
  /** How far the origin's clock is ahead. */
  clock: fc.integer({ min: -5, max: 5 }),
  noStore: rare,
  noCache: rare,
  isPrivate: rare,
  mustRevalidate: rare,
  proxyRevalidate: rare,
  immutable: flag,
  swr: maybe,
});
const requests = fc.record({ maxAge: maybe, minFresh: maybe, maxStale: maybe, noCache: rare, onlyIfCached: rare });
type Response = typeof responses extends fc.Arbitrary<infer T> ? T : never;
type Request = typeof requests extends fc.Arbitrary<infer T> ? T : never;

const directives = (named: Readonly<Record<string, number | boolean | undefined>>): string =>
  Object.entries(named)
    .flatMap(([name, value]) =>
      value === undefined || value === false ? [] : [value === true ? name : `${name}=${value}`],
    )
    .join(', ');

function ours(response: Response, request: Request, waited: number): string {
  const date = NOW_MS + response.clock * 1000;
  const cacheControl = directives({
    'max-age': response.maxAge,
    's-maxage': response.sMaxage,
    'no-store': response.noStore,
    'no-cache': response.noCache,
    private: response.isPrivate,
    'must-revalidate': response.mustRevalidate,
    'proxy-revalidate': response.proxyRevalidate,
    immutable: response.immutable,
    'stale-while-revalidate': response.swr,
  });
  const answer = readAnswer(
    {
      key: '/a',
      status: 200,
      headers: {
        date: new Date(date).toUTCString(),
        'content-length': '1',
        'cache-control': cacheControl,
        ...(response.age === undefined ? {} : { age: String(response.age) }),
        ...(response.expiresIn === undefined
          ? {}
          : { expires: new Date(date + response.expiresIn * 1000).toUTCString() }),
      },
      requestTimeMs: NOW_MS,
      responseTimeMs: NOW_MS,
      askedRange: false,
    },
    { defaultTtlMs: DEFAULT_TTL * 1000, negativeTtlMs: 0, failureTtlMs: 0, staleIfErrorMs: 0, fallbackTag: 't' },
  );
  if (answer.kind !== 'representation') return 'not stored';
  const { headers, freshnessMs, initialAgeMs } = answer.description;
  const policy = selectCachePolicy({
    cacheControl: headers['cache-control'],
    cdnCacheControl: undefined,
    expires: headers['expires'],
  });
  const reuse = chooseReuse({
    stored: policy.directives,
    request: parseCacheControl(
      directives({
        'max-age': request.maxAge,
        'min-fresh': request.minFresh,
        'max-stale': request.maxStale,
        'no-cache': request.noCache,
        'only-if-cached': request.onlyIfCached,
      }),
    ),
    lifetimeMs: freshnessMs,
    ageMs: initialAgeMs + waited * 1000,
  });
  return reuse.kind;
}

function theirs(response: Response, request: Request, waited: number): string {
  // Section 3: may a shared cache store it?
  if (response.noStore || response.isPrivate) return 'not stored';
  // Section 4.2.1: how long is it fresh?
  const told = [response.sMaxage, response.maxAge].find((value) => value !== undefined);
  const untilExpires = response.expiresIn === undefined ? undefined : Math.max(0, response.expiresIn);
  const lifetime = told ?? untilExpires ?? DEFAULT_TTL;
  // Section 4.2.3: how old is it?
  const age = Math.max(-response.clock, response.age ?? 0, 0) + waited;
  const otherwise = request.onlyIfCached ? 'unavailable' : 'validate';
  // Sections 5.2.1.4 and 5.2.2.4: does somebody demand a question?
  if (request.noCache || response.noCache) return otherwise;
  // Sections 5.2.1.1, 5.2.1.3 and RFC 8246: is it fresh enough for this client?
  if (age < lifetime) {
    const isYoung = response.immutable || request.maxAge === undefined || age <= request.maxAge;
    const lasts = request.minFresh === undefined || lifetime - age >= request.minFresh;
    return isYoung && lasts ? 'serve' : otherwise;
  }
  // Sections 4.2.4, 5.2.2.2, 5.2.2.8, 5.2.2.10: may it be stale at all, and does client or origin allow it?
  if (response.mustRevalidate || response.proxyRevalidate) return otherwise;
  const staleFor = age - lifetime;
  const isYoungEnough = request.maxAge === undefined || age <= request.maxAge;
  if (response.sMaxage === undefined && isYoungEnough && staleFor <= (request.maxStale ?? -1)) return 'serve';
  const setsFreshness = request.maxAge !== undefined || request.minFresh !== undefined;
  if (!setsFreshness && staleFor <= (response.swr ?? -1))
    return request.onlyIfCached ? 'serve' : 'serve-and-revalidate';
  return otherwise;
}

it('every combination of what origin and client say is decided as the RFC does', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(responses, requests, seconds, (response, request, waited) => {
      const expected = theirs(response, request, waited);
      seen.add(expected);
      expect(ours(response, request, waited)).toBe(expected);
    }),
    { numRuns: 5000 },
  );
  expect([...seen].sort((left, right) => left.localeCompare(right))).toEqual([
    'not stored',
    'serve',
    'serve-and-revalidate',
    'unavailable',
    'validate',
  ]);
});
