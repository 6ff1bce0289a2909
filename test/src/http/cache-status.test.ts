import fc from 'fast-check';
import { parseList } from 'structured-headers';
import { describe, expect, test } from 'vitest';
import type { CacheStatus } from '../../../src/http/cache-status.ts';
import { appendCacheStatus, formatCacheStatus } from '../../../src/http/cache-status.ts';

describe('our member (CACHE-13, CACHE-14)', () => {
  test('a hit says how long it stays fresh, negative when it is stale', () => {
    expect(formatCacheStatus('oca-0003', { kind: 'hit', ttlSeconds: 1100 })).toBe('oca-0003;hit;ttl=1100');
    expect(formatCacheStatus('oca-0003', { kind: 'hit', ttlSeconds: -4.2 })).toBe('oca-0003;hit;ttl=-5');
    expect(formatCacheStatus('oca-0003', { kind: 'hit', detail: 'DISK' })).toBe('oca-0003;hit;detail=DISK');
  });

  test('a forward says why, what came back, and whether it was stored or shared', () => {
    expect(
      formatCacheStatus('oca-0007', {
        kind: 'fwd',
        reason: 'uri-miss',
        forwardStatus: 200,
        stored: true,
        collapsed: true,
      }),
    ).toBe('oca-0007;fwd=uri-miss;fwd-status=200;stored;collapsed');
    expect(formatCacheStatus('oca-0007', { kind: 'fwd', reason: 'partial', forwardStatus: 206, stored: true })).toBe(
      'oca-0007;fwd=partial;fwd-status=206;stored',
    );
    expect(
      formatCacheStatus('oca-0007', { kind: 'fwd', reason: 'stale', ttlSeconds: 60, stored: false, collapsed: false }),
    ).toBe('oca-0007;fwd=stale;ttl=60;collapsed=?0');
  });

  test('a name or detail that is no token is quoted, and one that cannot be quoted is a bug', () => {
    expect(formatCacheStatus('7 "a"', { kind: 'hit', detail: String.raw`a\b` })).toBe(
      String.raw`"7 \"a\"";hit;detail="a\\b"`,
    );
    expect(() => formatCacheStatus('é', { kind: 'hit' })).toThrow(TypeError);
    expect(() => formatCacheStatus('a', { kind: 'hit', detail: 'x\r\ny' })).toThrow(TypeError);
  });

  test('is what a structured-fields parser reads back, for any status', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 1 });
    const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
    const status: fc.Arbitrary<CacheStatus> = fc.oneof(
      fc.record({
        kind: fc.constant('hit' as const),
        ttlSeconds: optional(fc.double({ noNaN: true })),
        detail: optional(text),
      }),
      fc.record({
        kind: fc.constant('fwd' as const),
        reason: fc.constantFrom('bypass' as const, 'uri-miss' as const, 'partial' as const),
        forwardStatus: optional(fc.integer({ min: 100, max: 599 })),
        ttlSeconds: optional(fc.integer()),
        stored: optional(fc.boolean()),
        collapsed: optional(fc.boolean()),
        detail: optional(text),
      }),
    );
    fc.assert(
      fc.property(text, status, (identifier, value) => {
        const [member] = parseList(appendCacheStatus('upstream;hit', formatCacheStatus(identifier, value))).slice(1);
        const parameters = member?.[1];
        expect(String(member?.[0])).toBe(identifier);
        expect(parameters?.has('hit')).toBe(value.kind === 'hit');
        expect(parameters?.has('fwd')).toBe(value.kind === 'fwd');
        if (value.detail !== undefined) expect(String(parameters?.get('detail'))).toBe(value.detail);
      }),
    );
  });
});

describe('the chain (CACHE-13)', () => {
  const own = 'oca-0007;hit';

  test('our member comes last and what upstream said stays', () => {
    expect(appendCacheStatus('oca-0003;hit;ttl=1100', own)).toBe('oca-0003;hit;ttl=1100, oca-0007;hit');
    expect(appendCacheStatus(undefined, own)).toBe(own);
    expect(appendCacheStatus('  ', own)).toBe(own);
  });

  test('what could not be carried safely is dropped', () => {
    expect(appendCacheStatus('x'.repeat(2049), own)).toBe(own);
    expect(appendCacheStatus('caf\xe9;hit', own)).toBe(own);
    expect(appendCacheStatus('a;hit\r\nSet-Cookie: x', own)).toBe(own);
  });
});
