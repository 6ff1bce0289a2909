import { describe, expect, test } from 'vitest';
import { parseCacheControl } from '../../../src/http/cache-control.ts';
import type { Reuse } from '../../../src/http/reuse.ts';
import { chooseReuse } from '../../../src/http/reuse.ts';

const serve = { kind: 'serve' };
const serveAndRevalidate = { kind: 'serve-and-revalidate' };

/** A response with a lifetime of 100 s. */
function reuse(stored: string, ageSeconds: number, request = ''): Reuse {
  return chooseReuse({
    stored: parseCacheControl(stored),
    request: parseCacheControl(request),
    lifetimeMs: 100_000,
    ageMs: ageSeconds * 1000,
  });
}

function validate(reason: string, mayServeOnError: boolean): object {
  return { kind: 'validate', reason, mayServeOnError };
}

describe('fresh', () => {
  test('a response is served while its age is below its lifetime, not at it', () => {
    expect(reuse('max-age=100', 99.999)).toEqual(serve);
    expect(reuse('max-age=100', 100)).toEqual(validate('stale', false));
  });

  test('no-cache of the origin asks every time', () => {
    expect(reuse('max-age=100, no-cache', 1)).toEqual(validate('stale', false));
    expect(reuse('max-age=100, no-cache, stale-while-revalidate=50, stale-if-error=50', 101)).toEqual(
      validate('stale', false),
    );
  });

  test('the client may ask for a younger or longer-lived answer', () => {
    expect(reuse('max-age=100', 50, 'max-age=49')).toEqual(validate('request', true));
    expect(reuse('max-age=100', 50, 'max-age=50')).toEqual(serve);
    expect(reuse('max-age=100', 50, 'min-fresh=51')).toEqual(validate('request', true));
    expect(reuse('max-age=100', 50, 'no-cache')).toEqual(validate('request', true));
  });

  test('CACHE-10: a reload of an immutable response is answered here, no-cache is not', () => {
    expect(reuse('max-age=100, immutable', 50, 'max-age=0')).toEqual(serve);
    expect(reuse('max-age=100, immutable', 50, 'no-cache')).toEqual(validate('request', true));
    expect(reuse('max-age=100, immutable', 101, 'max-age=0')).toEqual(validate('stale', false));
  });
});

describe('stale (CACHE-9)', () => {
  test('stale-while-revalidate serves inside its window while one revalidation runs', () => {
    expect(reuse('stale-while-revalidate=10', 110)).toEqual(serveAndRevalidate);
    expect(reuse('stale-while-revalidate=10', 110.001)).toEqual(validate('stale', false));
    expect(reuse('s-maxage=100, stale-while-revalidate=10', 105)).toEqual(serveAndRevalidate);
  });

  test('stale-if-error allows the stored answer when upstream fails, inside its window', () => {
    expect(reuse('stale-if-error=10', 110)).toEqual(validate('stale', true));
    expect(reuse('stale-if-error=10', 111)).toEqual(validate('stale', false));
    expect(reuse('', 110, 'stale-if-error=10')).toEqual(validate('stale', true));
  });

  test.each(['must-revalidate', 'proxy-revalidate'])('%s wins over every permission to be stale', (directive) => {
    const stored = `${directive}, stale-while-revalidate=50, stale-if-error=50`;
    expect(reuse(stored, 101)).toEqual(validate('stale', false));
    expect(reuse(stored, 101, 'max-stale')).toEqual(validate('stale', false));
    expect(reuse(stored, 99)).toEqual(serve);
  });

  test('max-stale of the client counts unless the origin spoke to shared caches', () => {
    expect(reuse('max-age=100', 110, 'max-stale=10')).toEqual(serve);
    expect(reuse('max-age=100', 111, 'max-stale=10')).toEqual(validate('stale', false));
    expect(reuse('max-age=100', 99_999, 'max-stale')).toEqual(serve);
    expect(reuse('s-maxage=100', 110, 'max-stale=10')).toEqual(validate('stale', false));
  });

  test('a client that limits age or asks for validation gets nothing stale', () => {
    expect(reuse('stale-while-revalidate=10', 105, 'max-age=200')).toEqual(validate('stale', false));
    expect(reuse('stale-while-revalidate=10', 105, 'no-cache')).toEqual(validate('stale', false));
  });
});

describe('only-if-cached (CACHE-8)', () => {
  test('is served what may be served, and otherwise nothing', () => {
    expect(reuse('max-age=100', 50, 'only-if-cached')).toEqual(serve);
    expect(reuse('max-age=100', 150, 'only-if-cached')).toEqual({ kind: 'unavailable' });
    expect(reuse('max-age=100, no-cache', 50, 'only-if-cached')).toEqual({ kind: 'unavailable' });
    expect(reuse('max-age=100', 150, 'only-if-cached, max-stale')).toEqual(serve);
  });

  test('never causes a request upstream, not even a background one', () => {
    expect(reuse('stale-while-revalidate=10', 105, 'only-if-cached')).toEqual(serve);
  });
});
