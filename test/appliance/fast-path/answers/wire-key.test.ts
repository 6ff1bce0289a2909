import { expect, test } from 'vitest';
import { WireKeys, type WireKeysOptions } from '../../../../appliance/fast-path/wire-key.ts';
import type { VerifiedToken } from '../../../../appliance/tokens/verified-token.ts';
import { packIntoPath } from '../../../../src/tokens/token-package.ts';

const NOW_MS = 1_000_000;
const FILM = '/vod/t1/seg.m4s';
const OVER_TOKEN = { kind: 'over', because: 'token' };
const OVER_TARGET = { kind: 'over', because: 'target' };

const keys = (changes: Partial<WireKeysOptions> = {}): WireKeys =>
  new WireKeys({ maxTargetChars: 300, tokenMode: 'off', tokenPrefixes: [], ...changes });
const signed = (path = FILM, token = 'h.p.s'): string => packIntoPath(path, '/vod/t1', token);
const verified = (changes: Partial<VerifiedToken> = {}): VerifiedToken => ({
  token: 'h.p.s',
  facts: {
    use: 'url',
    keyId: 'k',
    expiresAtSec: NOW_MS / 1000 + 60,
    notBeforeSec: Number.NEGATIVE_INFINITY,
    scope: { kind: 'folder', path: '/vod/t1/' },
  },
  keyNotAfterMs: NOW_MS + 120_000,
  ...changes,
});

test.each([
  ['/a.mp4', '/a.mp4', '/a.mp4'],
  ['/a.mp4?CMCD=br%3D1', '/a.mp4', '/a.mp4'],
  ['/%7ea.mp4?v=1&CMCD=br%3D1', '/~a.mp4?v=1', '/~a.mp4'],
])('%s is found under %s', (target, key, path) => {
  expect(keys().read(target, 'x', NOW_MS)).toEqual({ kind: 'key', key, path, tokenOutcome: undefined });
});

test.each([
  '/v1/steering/hls?x=1',
  '/v1/inventory',
  '/v1/inventor%79',
  '/v1/inventory?CMCD=a',
  '/a/../b',
  '/a%2fb',
  `/${'x'.repeat(300)}`,
])('the reference engine is asked about %s', (target) => {
  expect(keys().read(target, 'x', NOW_MS)).toEqual(OVER_TARGET);
});

test('a token opens what the owner said it opens, until it ends', () => {
  const guarded = keys({ tokenMode: 'require' });
  expect(guarded.read(signed(), 'x', NOW_MS)).toEqual(OVER_TOKEN);
  guarded.learn(verified());
  expect(guarded.read(signed(), 'x', NOW_MS)).toEqual({ kind: 'key', key: FILM, path: FILM, tokenOutcome: 'open' });
  expect(guarded.read(signed('/vod/t1/../t2/a'), 'x', NOW_MS)).toEqual(OVER_TARGET);
  expect(guarded.read(FILM, 'x', NOW_MS)).toEqual(OVER_TOKEN);
  expect(guarded.read(signed(), 'x', NOW_MS + 60_000)).toEqual(OVER_TOKEN);
});

test('a token counts no longer than its key', () => {
  const guarded = keys({ tokenMode: 'require' });
  guarded.learn(verified({ keyNotAfterMs: NOW_MS + 10 }));
  expect(guarded.read(signed(), 'x', NOW_MS + 9).kind).toBe('key');
  expect(guarded.read(signed(), 'x', NOW_MS + 10)).toEqual(OVER_TOKEN);
});

test('when keys are replaced no token is known any more', () => {
  const guarded = keys({ tokenMode: 'require' });
  guarded.learn(verified());
  guarded.forgetTokens();
  expect(guarded.read(signed(), 'x', NOW_MS)).toEqual(OVER_TOKEN);
});

test('what needs no token, and while tokens are only looked at, is served and said to be so', () => {
  const some = keys({ tokenMode: 'require', tokenPrefixes: ['/vod/'] });
  expect(some.read('/open/a.mp4', 'x', NOW_MS)).toMatchObject({ kind: 'key', tokenOutcome: 'not-needed' });
  expect(some.read(FILM, 'x', NOW_MS)).toEqual(OVER_TOKEN);
  const accepting = keys({ tokenMode: 'accept' });
  expect(accepting.read(FILM, 'x', NOW_MS)).toMatchObject({ kind: 'key', key: FILM, tokenOutcome: 'missing' });
  accepting.learn(verified());
  expect(accepting.read(signed('/vod/t1/seg.m4s'), 'x', NOW_MS + 60_000)).toMatchObject({ tokenOutcome: 'expired' });
  // Nobody knows yet whether it is a good one.
  expect(accepting.read(signed(FILM, 'other.token.x'), 'x', NOW_MS)).toEqual(OVER_TOKEN);
});
