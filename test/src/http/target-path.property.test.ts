import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTarget, readPlainTarget } from '../../../src/http/target-path.ts';

const limits = { maxTargetChars: 300 };
const pieces = '/ . .. %2e %2F %5c %00 %25 %41 %c3%a9 % ? & = a B ~ | ; \\ # CMCD _DASH_x _HLS_msn http://h // @ " é';
const piece = fc.constantFrom(' ', '\0', ...pieces.split(' '));
const target = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: piece, maxLength: 20 }),
  fc.string({ unit: piece, maxLength: 20 }).map((rest) => `/${rest}`),
);

test('every text is understood or refused, never thrown at', () => {
  fc.assert(
    fc.property(target, (text) => {
      const parsed = parseTarget(text, limits);
      if (parsed.kind === 'refused') expect([400, 404, 414]).toContain(parsed.status);
      else expect(parsed.path.startsWith('/')).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('an accepted path holds no way out of the root, under decoding, URL resolution or file path resolution', () => {
  fc.assert(
    fc.property(target, (text) => {
      const parsed = parseTarget(text, limits);
      if (parsed.kind === 'refused') return;
      expect(parsed.path).toMatch(/^\/(?!\/)[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/);
      expect(decodeBytes(parsed.path).split('/')).not.toContain('..');
      expect(decodeBytes(parsed.path)).not.toMatch(/[\0\\]/);
      const resolved = new URL(parsed.path, 'http://origin.example');
      expect(resolved.host).toBe('origin.example');
      expect(resolved.pathname).toBe(parsed.path);
    }),
    { numRuns: 1000 },
  );
});

test('a cache key is its own cache key, and the target that names the same object upstream', () => {
  fc.assert(
    fc.property(target, (text) => {
      const parsed = parseTarget(text, limits);
      if (parsed.kind === 'refused') return;
      const again = parseTarget(parsed.cacheKey, { maxTargetChars: parsed.cacheKey.length });
      expect(again).toMatchObject({ kind: 'ok', path: parsed.path, cacheKey: parsed.cacheKey });
    }),
    { numRuns: 1000 },
  );
});

test('encoding any unreserved character of a path does not change the key', () => {
  const unreserved = fc.string({ unit: fc.constantFrom(...'abcXYZ0129-_~'.split('')), minLength: 1 });
  fc.assert(
    fc.property(unreserved, (name) => {
      const encoded = name
        .split('')
        .map((character) => `%${character.charCodeAt(0).toString(16)}`)
        .join('');
      expect(parseTarget(`/x/${encoded}?${encoded}`, limits)).toEqual(parseTarget(`/x/${name}?${name}`, limits));
    }),
  );
});

function decodeBytes(path: string): string {
  return path.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const plainPiece = fc.constantFrom(
  ...[
    ['/', 'a', 'Zz9', '-._~', "!$&'()*+,;=:@", '.', '..', ';', '%41', '%2F', '?', '&', '=', 'CMCD', 'CMCD=', '#', '\\'],
    ['_HLS_pathway=x', '_HLS_throughput=1', '_HLS_msn=4', '_DASH_pathway=%22a%22', 'CMCD=%2Cbr%3D3200', '"', 'é', ' '],
  ].flat(),
);
const nearlyPlain = fc.string({ unit: plainPiece, maxLength: 12 }).map((rest) => `/${rest}`);

test('what is plain to see is what reading in full says', () => {
  let plain = 0;
  fc.assert(
    fc.property(fc.oneof(target, nearlyPlain), (text) => {
      const key = readPlainTarget(text);
      if (key === undefined) return;
      plain += 1;
      expect(parseTarget(text, { maxTargetChars: 10_000 })).toMatchObject({ kind: 'ok', path: key, cacheKey: key });
    }),
    { numRuns: 5000 },
  );
  expect(plain).toBeGreaterThan(200);
});

test.each([
  ['/vod/t1/seg-1.m4s', '/vod/t1/seg-1.m4s'],
  ['/vod/t1/seg.m4s?CMCD=br%3D3200%2Csid%3D%22a%22', '/vod/t1/seg.m4s'],
  ['/a?_HLS_pathway=x&_HLS_throughput=3&CMCD=a&_DASH_pathway=%22a%22', '/a'],
  ['/a?', '/a'],
  ['/a?_HLS_msn=3', undefined],
  ['/a?v=2&CMCD=a', undefined],
  ['/%7Ea', undefined],
  ['/a?%43MCD=a', undefined],
])('%s is plain: %s', (text, key) => {
  expect(readPlainTarget(text)).toBe(key);
});
