import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CacheControl, CachePolicy, StorageFacts } from '../../../src/http/cache-control.ts';
import {
  currentAgeMs,
  formatAge,
  freshnessLifetimeMs,
  mayStore,
  parseCacheControl,
  selectCachePolicy,
  varyNames,
} from '../../../src/http/cache-control.ts';
import { formatHttpDate } from '../../../src/http/http-date.ts';

const nothing = parseCacheControl(undefined);
const dateMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const implicit = { lastModifiedFraction: 0.1, maxHeuristicMs: 3_600_000, defaultMs: 7000, negativeMs: 0 };

function stated(value: string): Partial<CacheControl> {
  return Object.fromEntries(
    Object.entries(parseCacheControl(value)).filter(([, argument]) => argument !== undefined && argument !== false),
  );
}

function policyOf(fields: Partial<Parameters<typeof selectCachePolicy>[0]>): CachePolicy {
  return selectCachePolicy({ cacheControl: undefined, cdnCacheControl: undefined, expires: undefined, ...fields });
}

function lifetimeMs(
  fields: Parameters<typeof policyOf>[0],
  facts: { statusCode?: number; lastModifiedMs?: number } = {},
) {
  return freshnessLifetimeMs(
    { policy: policyOf(fields), statusCode: 200, dateMs, lastModifiedMs: undefined, ...facts },
    implicit,
  );
}

describe('reading Cache-Control', () => {
  test('directives are found whatever their case, blanks, quotes and neighbours', () => {
    expect(stated('public, max-age=2')).toEqual({ public: true, maxAgeSeconds: 2 });
    expect(stated(' ,,MAX-AGE = "60"\t, No-Store,')).toEqual({ maxAgeSeconds: 60, noStore: true });
    expect(stated('max-age=31536000, immutable, stale-while-revalidate=5, stale-if-error=9')).toEqual({
      maxAgeSeconds: 31_536_000,
      immutable: true,
      staleWhileRevalidateSeconds: 5,
      staleIfErrorSeconds: 9,
    });
    expect(stated('only-if-cached, max-stale, min-fresh=3, no-transform')).toEqual({
      onlyIfCached: true,
      maxStaleSeconds: Number.POSITIVE_INFINITY,
      minFreshSeconds: 3,
      noTransform: true,
    });
    expect(stated('s-maxage=1, must-revalidate, proxy-revalidate, must-understand')).toEqual({
      sMaxAgeSeconds: 1,
      mustRevalidate: true,
      proxyRevalidate: true,
      mustUnderstand: true,
    });
  });

  test('unknown directives and stray text are skipped without hiding what follows', () => {
    expect(stated('community="UCI, no-store", x=y, ;;=, max-age=5')).toEqual({ maxAgeSeconds: 5 });
    expect(stated('no-store;max-age=5')).toEqual({ noStore: true });
    expect(stated('')).toEqual({});
  });

  test('commas and escapes inside quotes belong to the argument', () => {
    expect(stated('private="set-cookie, x-a", max-age=5')).toEqual({ private: true, maxAgeSeconds: 5 });
    expect(stated(String.raw`no-cache="a\", max-age=9", max-age="\5"`)).toEqual({ noCache: true, maxAgeSeconds: 5 });
  });

  test('an unterminated quote hides no directive behind it', () => {
    expect(stated('max-age="10, no-store')).toEqual({ maxAgeSeconds: 0, noStore: true });
  });

  test('the first of duplicates counts', () => {
    expect(stated('max-age=1, max-age=100')).toEqual({ maxAgeSeconds: 1 });
    expect(stated('max-age=100, max-age=1')).toEqual({ maxAgeSeconds: 100 });
  });

  test.each(['max-age', 'max-age=', 'max-age=abc', 'max-age=-1', 'max-age=1.5', 'max-age=1 2', 'max-age=0x10'])(
    'freshness that cannot be read is none: %j',
    (value) => {
      expect(stated(value)).toEqual({ maxAgeSeconds: 0 });
    },
  );

  test('unreadable permissions to be stale are no permissions, and huge numbers stop at 2^31', () => {
    expect(stated('stale-while-revalidate=x, stale-if-error, max-stale=x, min-fresh=')).toEqual({});
    expect(stated('max-age=99999999999999999999')).toEqual({ maxAgeSeconds: 2_147_483_648 });
  });

  test('no text makes the reader throw', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('max-age', '=', '"', '\\', ',', ' ', '1', 'no-store') }),
    );
    fc.assert(
      fc.property(text, (value) => {
        expect(parseCacheControl(value).maxAgeSeconds ?? 0).toBeGreaterThanOrEqual(0);
        expect(policyOf({ cacheControl: value, cdnCacheControl: value, expires: value })).toBeDefined();
      }),
    );
  });
});

describe('CDN-Cache-Control (CACHE-11, CACHE-12)', () => {
  const fallback = { cacheControl: 'max-age=2', expires: formatHttpDate(dateMs + 9000) };

  test('wins over Cache-Control and Expires', () => {
    const policy = policyOf({ ...fallback, cdnCacheControl: 'max-age=31536000, stale-if-error=86400' });
    expect(policy).toMatchObject({ targeted: true, expires: undefined });
    expect(policy.directives).toMatchObject({ maxAgeSeconds: 31_536_000, staleIfErrorSeconds: 86_400 });
    expect(lifetimeMs({ ...fallback, cdnCacheControl: 'must-revalidate' }, { lastModifiedMs: dateMs })).toBe(0);
    expect(policyOf({ ...fallback, cdnCacheControl: 'no-store' }).directives.noStore).toBe(true);
    expect(policyOf({ ...fallback, cdnCacheControl: 'no-cache="a", private;x=1' }).directives).toMatchObject({
      noCache: true,
      private: true,
    });
  });

  test.each(['', '  ', 'max-age=', 'Max-Age=10', 'max-age=10,,', 'max-age=10 no-store', 'max-age=é'])(
    'is as if absent when it is %j',
    (cdnCacheControl) => {
      expect(policyOf({ ...fallback, cdnCacheControl })).toMatchObject({ targeted: false, expires: fallback.expires });
      expect(lifetimeMs({ ...fallback, cdnCacheControl })).toBe(2000);
    },
  );

  test.each(['max-age="10"', 'max-age=1.5', 'max-age=abc', 'max-age=-5', 'max-age', 'max-age=(1 2)', 'max-age=:aGk=:'])(
    'values of another type are not coerced into a lifetime: %j',
    (cdnCacheControl) => {
      expect(lifetimeMs({ ...fallback, cdnCacheControl })).toBe(0);
    },
  );

  test('of duplicate members the last counts, as in every structured dictionary, and false means absent', () => {
    expect(lifetimeMs({ cdnCacheControl: 'max-age=1, max-age=5' })).toBe(5000);
    expect(policyOf({ cdnCacheControl: 'no-store=?0, max-age=5' }).directives.noStore).toBe(false);
  });
});

describe('freshness lifetime (CACHE-1, CACHE-16)', () => {
  test('s-maxage, then max-age, then Expires', () => {
    const expires = formatHttpDate(dateMs + 9000);
    expect(lifetimeMs({ cacheControl: 'max-age=60, s-maxage=120', expires })).toBe(120_000);
    expect(lifetimeMs({ cacheControl: 'max-age=60', expires })).toBe(60_000);
    expect(lifetimeMs({ expires })).toBe(9000);
  });

  test('an Expires in the past or unreadable means expired', () => {
    expect(lifetimeMs({ expires: formatHttpDate(dateMs - 9000) })).toBe(0);
    expect(lifetimeMs({ expires: '0' }, { lastModifiedMs: dateMs - 1_000_000 })).toBe(0);
    expect(lifetimeMs({ expires: '' })).toBe(0);
  });

  test('without a statement a tenth of the time since Last-Modified, up to the limit', () => {
    expect(lifetimeMs({}, { lastModifiedMs: dateMs - 50_000 })).toBe(5000);
    expect(lifetimeMs({}, { lastModifiedMs: 0 })).toBe(implicit.maxHeuristicMs);
    expect(lifetimeMs({}, { lastModifiedMs: dateMs + 50_000 })).toBe(0);
    expect(lifetimeMs({})).toBe(7000);
    expect(lifetimeMs({}, { statusCode: 302 })).toBe(0);
    expect(lifetimeMs({ cacheControl: 'public' }, { statusCode: 302 })).toBe(7000);
  });

  test('errors live as long as they say, or as long as the operator says', () => {
    const facts = { policy: policyOf({}), statusCode: 404, dateMs, lastModifiedMs: 0 };
    expect(freshnessLifetimeMs(facts, implicit)).toBe(0);
    expect(freshnessLifetimeMs(facts, { ...implicit, negativeMs: 3000 })).toBe(3000);
    expect(lifetimeMs({ cacheControl: 'max-age=1' }, { statusCode: 404 })).toBe(1000);
  });
});

describe('age (CACHE-2)', () => {
  const facts = { ageHeader: undefined, dateMs, requestTimeMs: dateMs, responseTimeMs: dateMs, nowMs: dateMs };

  test('is the time a fresh response lay here', () => {
    expect(currentAgeMs({ ...facts, nowMs: dateMs + 5500 })).toBe(5500);
    expect(formatAge(5500)).toBe('5');
  });

  test('counts what Age says plus the whole round trip, unless Date says more', () => {
    const travelled = { ...facts, requestTimeMs: dateMs + 1000, responseTimeMs: dateMs + 3000, nowMs: dateMs + 4000 };
    expect(currentAgeMs({ ...travelled, ageHeader: '10' })).toBe(10_000 + 2000 + 1000);
    expect(currentAgeMs(travelled)).toBe(3000 + 1000);
    expect(currentAgeMs({ ...travelled, dateMs: undefined })).toBe(2000 + 1000);
  });

  test('takes the first Age of a list and ignores one that is no number', () => {
    expect(currentAgeMs({ ...facts, ageHeader: '7, 9' })).toBe(7000);
    expect(currentAgeMs({ ...facts, ageHeader: '-7' })).toBe(0);
    expect(currentAgeMs({ ...facts, ageHeader: '1.5' })).toBe(0);
  });

  test('is never negative when clocks run apart, and stops at 2^31 seconds', () => {
    expect(currentAgeMs({ ...facts, dateMs: dateMs + 60_000 })).toBe(0);
    expect(currentAgeMs({ ...facts, nowMs: dateMs - 60_000 })).toBe(0);
    expect(formatAge(-1)).toBe('0');
    expect(formatAge(currentAgeMs({ ...facts, ageHeader: '99999999999' }))).toBe('2147483648');
  });
});

describe('storing (CACHE-1, CACHE-15, CACHE-16)', () => {
  function decide(cacheControl: string | undefined, facts: Partial<StorageFacts> = {}): string {
    const decision = mayStore({
      method: 'GET',
      statusCode: 200,
      requestDirectives: nothing,
      requestHasAuthorization: false,
      policy: policyOf({ cacheControl }),
      vary: undefined,
      storesErrors: false,
      ...facts,
    });
    return decision.kind === 'store' ? 'store' : decision.reason;
  }

  test('a plain 200 and 206 to a GET are stored, also without a stated lifetime', () => {
    expect(decide(undefined)).toBe('store');
    expect(decide('max-age=1', { statusCode: 206 })).toBe('store');
    expect(decide('no-cache')).toBe('store');
  });

  test('other methods, interim answers and 304 are not', () => {
    expect(decide('max-age=1', { method: 'HEAD' })).toBe('method');
    expect(decide('max-age=1', { method: 'POST' })).toBe('method');
    expect(decide('max-age=1', { statusCode: 103 })).toBe('status-not-stored');
    expect(decide('max-age=1', { statusCode: 304 })).toBe('status-not-stored');
  });

  test('no-store of either side and private forbid it', () => {
    expect(decide('no-store, max-age=1')).toBe('response-no-store');
    expect(decide('max-age=1', { requestDirectives: parseCacheControl('no-store') })).toBe('request-no-store');
    expect(decide('private, max-age=1')).toBe('private');
    expect(decide('private="set-cookie", max-age=1')).toBe('private');
  });

  test('must-understand lifts no-store for a status we know and forbids one we do not', () => {
    expect(decide('must-understand, no-store, max-age=1')).toBe('store');
    expect(decide('must-understand, max-age=1', { statusCode: 299 })).toBe('status-not-stored');
  });

  test('a request with Authorization needs a response that allows a shared cache', () => {
    const authorized = { requestHasAuthorization: true };
    expect(decide('max-age=1', authorized)).toBe('authorization');
    expect(decide('public', authorized)).toBe('store');
    expect(decide('s-maxage=1', authorized)).toBe('store');
    expect(decide('must-revalidate', authorized)).toBe('store');
  });

  test('Vary: * is never stored, other fields are', () => {
    expect(decide('max-age=1', { vary: 'Origin, *' })).toBe('vary-any');
    expect(decide('max-age=1', { vary: 'Origin' })).toBe('store');
    expect(varyNames(' Origin,,Accept-Encoding , origin')).toEqual(['accept-encoding', 'origin']);
  });

  test.each([404, 410, 500, 503])(
    'an error %i is stored only with a lifetime, its own or the configured one',
    (statusCode) => {
      expect(decide(undefined, { statusCode })).toBe('no-lifetime');
      expect(decide('public', { statusCode })).toBe('no-lifetime');
      expect(decide('max-age=1', { statusCode })).toBe('store');
      expect(decide(undefined, { statusCode, storesErrors: true })).toBe('store');
    },
  );

  test('a redirect that is not cacheable by nature needs a lifetime or public', () => {
    expect(decide(undefined, { statusCode: 302 })).toBe('no-lifetime');
    expect(decide('public', { statusCode: 302 })).toBe('store');
    expect(decide(undefined, { statusCode: 301 })).toBe('store');
    expect(decide(undefined, { statusCode: 302, policy: policyOf({ expires: '0' }) })).toBe('store');
  });
});
