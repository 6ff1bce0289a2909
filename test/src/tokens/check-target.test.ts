import { describe, expect, it } from 'vitest';
import { checkTarget } from '../../../src/tokens/check-target.ts';
import type { TokenFacts } from '../../../src/tokens/judge-claims.ts';
import { packIntoPath, unpackTarget } from '../../../src/tokens/token-package.ts';
import { parseScope } from '../../../src/tokens/url-scope.ts';

const LIMITS = { maxTargetChars: 4096 };
const P = 'URISigningPackage';

/** What a target comes to: `[what is asked for, the token]`, or the kind of refusal. */
function unpack(rawTarget: string): unknown {
  const unpacked = unpackTarget(rawTarget, LIMITS);
  return unpacked.kind === 'ok' ? [unpacked.target.cacheKey, unpacked.token] : unpacked.kind;
}

describe('TOK-3: the package is removed by the rule of section 2.1.15', () => {
  it.each([
    // In the path, ended by a slash, the end, a query.
    [`/vod/t123;${P}=a.b.c/v720/seg.m4s`, '/vod/t123/v720/seg.m4s', 'a.b.c'],
    [`/vod/seg.m4s;${P}=a.b.c`, '/vod/seg.m4s', 'a.b.c'],
    [`/vod/seg.m4s;${P}=a.b.c?x=1`, '/vod/seg.m4s?x=1', 'a.b.c'],
    // Ended by a sub-delimiter, which goes and not the one before.
    [`/vod;${P}=a.b.c;y=2/seg`, '/vod;y=2/seg', 'a.b.c'],
    [`/vod;x=1;${P}=a.b.c;y=2/seg`, '/vod;x=1;y=2/seg', 'a.b.c'],
    [`/vod;x=1;${P}=a.b.c/seg`, '/vod;x=1/seg', 'a.b.c'],
    [`/vod;${P}=a.b.c,y/seg`, '/vod;y/seg', 'a.b.c'],
    // In the query.
    [`/seg?${P}=a.b.c`, '/seg', 'a.b.c'],
    [`/seg?${P}=a.b.c&x=1`, '/seg?x=1', 'a.b.c'],
    [`/seg?x=1&${P}=a.b.c`, '/seg?x=1', 'a.b.c'],
    [`/seg?x=1&${P}=a.b.c&y=2`, '/seg?x=1&y=2', 'a.b.c'],
    // Absolute form; players' reports leave the key as always.
    [`http://oca.example/vod;${P}=a.b.c/seg`, '/vod/seg', 'a.b.c'],
    [`/vod;${P}=a.b.c/seg?CMCD=br%3D3`, '/vod/seg', 'a.b.c'],
    // No package.
    ['/vod/seg', '/vod/seg', undefined],
    ['/vod;x=1/seg', '/vod;x=1/seg', undefined],
    [`/vod;${P}=/seg`, '/vod/seg', ''],
  ])('%s', (rawTarget, target, token) => {
    expect(unpack(rawTarget)).toEqual([target, token]);
  });

  it.each([
    ['two', `/vod;${P}=a.b.c/x;${P}=d.e.f/seg`],
    ['two in path and query', `/vod;${P}=a.b.c/seg?${P}=d.e.f`],
    ['a name in percent signs', `/vod;%55RISigningPackage=a.b.c/seg`],
    ['a name in percent signs in the query', `/seg?URISigning%50ackage=a.b.c`],
    ['no parameter of a segment', `/vod/${P}=a.b.c/seg`],
    ['a value that goes on', `/vod;${P}=a.b.c%41/seg`],
    ['a value that goes on otherwise', `/vod;${P}=a.b.c~x/seg`],
    ['a parameter of the query by semicolon', `/seg?x=1;${P}=a.b.c`],
  ])('refuses %s', (_what, rawTarget) => {
    expect(unpack(rawTarget)).toBe('bad-package');
  });

  it('puts no dots and no slashes together that were not there', () => {
    expect(unpack(`/vod/t123/.;${P}=a./secret`)).toBe('bad-target');
    expect(unpack(`/vod/t123/..;${P}=a.b.c/secret`)).toBe('bad-target');
    expect(unpack(`/vod/t123/.;${P}=a.b.c,./secret`)).toBe('bad-target');
    expect(unpack(`/;${P}=a.b.c/evil.example/x`)).toBe('bad-target');
    expect(unpack(`/%2e;${P}=a.b.c/secret`)).toBe('bad-target');
  });

  it('is the opposite of packing', () => {
    const packed = packIntoPath('/vod/t123/v720/seg.m4s', '/vod/t123', 'a.b.c');
    expect(packed).toBe(`/vod/t123;${P}=a.b.c/v720/seg.m4s`);
    expect(unpack(packed)).toEqual(['/vod/t123/v720/seg.m4s', 'a.b.c']);
    const again = new URL('../a1/seg_1.m4s', `http://oca.example${packed}`);
    expect(unpack(again.pathname)).toEqual(['/vod/t123/a1/seg_1.m4s', 'a.b.c']);
  });
});

describe('a folder scope', () => {
  const scope = parseScope('regex:[^:]*://[^/]*/vod/t123/.*');
  const facts: TokenFacts = {
    use: 'url',
    keyId: 'k',
    expiresAtSec: 100,
    notBeforeSec: Number.NEGATIVE_INFINITY,
    scope,
  };
  const ask = (path: string): string => {
    const question = { rawTarget: `${path}?${P}=t`, host: 'oca.example', nowMs: 0 };
    const verdict = checkTarget(question, LIMITS, () => facts);
    return verdict.kind === 'closed' ? verdict.reason : verdict.kind;
  };

  it.each(['/vod/t123/a', '/vod/t123/x/y.m4s', '/vod/%74123/a', '/vod/t123//a', '/vod/t123/a%252e%252e/b'])(
    'opens %s',
    (path) => expect(ask(path)).toBe('open'),
  );

  it.each(['/vod/t124/a', '/vod/t123', '/vod/t1234/a', '/', '/vod//t123/a', '/VOD/t123/a', '/vod/t123;x=1/a'])(
    'leaves %s closed',
    (path) => expect(ask(path)).toBe('scope'),
  );

  it.each([
    '/vod/t123/../t124/a',
    '/vod/t123/%2e%2e/t124/a',
    '/vod/t123/.%2E/t124/a',
    '/vod/t123/%2e/a',
    '/vod/t123/..%2ft124/a',
    '/vod/t123%2fa',
    '/vod/t123/%5c..%5ct124',
    '/vod/t123/\\..\\t124',
    '//vod/t123/a',
    '/vod/t123/%00',
  ])('takes %s for no target at all', (path) => expect(ask(path)).toBe('bad-target'));
});

it('says which token is not known yet', () => {
  const question = { rawTarget: `/vod;${P}=a.b.c/x`, host: '', nowMs: 0 };
  expect(checkTarget(question, LIMITS, () => undefined)).toMatchObject({ kind: 'unverified', token: 'a.b.c' });
  expect(checkTarget({ ...question, rawTarget: '/vod/x' }, LIMITS, () => undefined)).toMatchObject({
    kind: 'closed',
    reason: 'missing',
    target: { path: '/vod/x' },
  });
});
