import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTarget } from '../../../src/http/target-path.ts';
import { checkTarget } from '../../../src/tokens/check-target.ts';
import type { TokenFacts } from '../../../src/tokens/judge-claims.ts';
import { packIntoPath, unpackTarget } from '../../../src/tokens/token-package.ts';
import { covers, formatScope, parseScope } from '../../../src/tokens/url-scope.ts';

const LIMITS = { maxTargetChars: 4096 };
const P = 'URISigningPackage';
const segment = fc
  .string({ unit: fc.constantFrom(..."aZ09-_~.!$&'()*+,=:@".split('')), minLength: 1, maxLength: 8 })
  .filter((text) => !/^\.{1,2}$/.test(text));
const folder = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}/`);
const nasty = fc.constantFrom(
  '..',
  '.',
  '%2e%2e',
  '%2E.',
  '%2f',
  '%5c',
  '\\',
  '//',
  '/',
  ';',
  '?',
  '&',
  '#',
  '%',
  'vod',
  't123',
  't124',
  `;${P}=a.b.c`,
  `?${P}=x.y.z`,
  `&${P}=`,
  '%252e',
  '%00',
  '=',
  ',',
  '%55RISigningPackage=1',
  '@',
  ':',
  'http://',
);

it('TOK-3: no target, however written, opens what is outside the folder, and no package is left in what is asked for', () => {
  const scope = parseScope('regex:[^:]*://[^/]*/vod/t123/.*');
  const facts: TokenFacts = { use: 'url', keyId: 'k', expiresAtSec: 9, notBeforeSec: 0, scope };
  fc.assert(
    fc.property(fc.array(nasty, { maxLength: 12 }), (pieces) => {
      const rawTarget = `/vod/t123${pieces.join('')}`;
      const verdict = checkTarget({ rawTarget, host: 'h', nowMs: 1 }, LIMITS, () => facts);
      if (verdict.kind !== 'open') return;
      const { path, cacheKey } = verdict.target;
      expect(path.startsWith('/vod/t123/')).toBe(true);
      expect(cacheKey).not.toContain(P);
      // As whoever resolves dots, after decoding whatever can be decoded, would read it.
      expect(new URL(`http://h${path}`).pathname.startsWith('/vod/t123/')).toBe(true);
      expect(path).not.toMatch(/%2f|%5c|\\/i);
    }),
    { numRuns: 20_000 },
  );
});

it('what is taken out of a target leaves the target that it was put into, in the path and in the query', () => {
  fc.assert(
    fc.property(folder, segment, fc.constantFrom('', '?x=1', '?x=1&y=2'), (base, name, query) => {
      const plain = parseTarget(base + name + query, LIMITS);
      const inPath = unpackTarget(packIntoPath(base + name + query, base.slice(0, -1), 'a.b.c'), LIMITS);
      const inQuery = unpackTarget(`${base}${name}${query}${query === '' ? '?' : '&'}${P}=a.b.c`, LIMITS);
      expect(inPath).toMatchObject({ kind: 'ok', token: 'a.b.c', target: plain });
      expect(inQuery).toMatchObject({ kind: 'ok', token: 'a.b.c', target: plain });
    }),
    { numRuns: 2000 },
  );
});

it('never throws, and finds the same in what it gave a second time', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(nasty).map((pieces) => `/${pieces.join('')}`),
      ),
      (rawTarget) => {
        const unpacked = unpackTarget(rawTarget, LIMITS);
        if (unpacked.kind !== 'ok') return;
        expect(unpackTarget(unpacked.target.cacheKey, LIMITS)).toMatchObject({
          kind: 'ok',
          token: undefined,
          target: { cacheKey: unpacked.target.cacheKey },
        });
      },
    ),
    { numRuns: 5000 },
  );
});

it('a scope that is written is read as itself, and means what its expression means', () => {
  const names = folder.map((path) => parseTarget(path, LIMITS)).filter((parsed) => parsed.kind === 'ok');
  fc.assert(
    fc.property(names, segment, fc.boolean(), ({ path }, name, isFolder) => {
      const scope = isFolder
        ? ({ kind: 'folder', path } as const)
        : ({ kind: 'file', path: path.slice(0, -1) } as const);
      const text = formatScope(scope);
      expect(parseScope(text)).toEqual(scope);
      const expression = new RegExp(`^(?:${text.slice('regex:'.length)})$`);
      for (const asked of [path + name, path, path.slice(0, -1), `${path.slice(0, -1)}${name}`]) {
        const request = { path: asked, cacheKey: asked, host: 'h' };
        expect(covers(scope, request)).toBe(expression.test(`https://h${asked}`));
      }
    }),
    { numRuns: 2000 },
  );
});
