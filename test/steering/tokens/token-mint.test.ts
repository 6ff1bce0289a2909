import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { readClaims, readHeader } from '../../../src/tokens/jwt.ts';
import { TokenKeyRing } from '../../../steering/tokens/key-ring.ts';
import { TokenMint, type TokenPolicy } from '../../../steering/tokens/token-mint.ts';
import { folderOf, signPath } from '../../../steering/tokens/url-signature.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { title } from '../samples.ts';

let folder: string;
let world: FakeWorld;
let ring: TokenKeyRing;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-mint-'));
  world = new FakeWorld();
  ring = new TokenKeyRing({
    file: join(folder, 'token-keys.json'),
    issuer: 'steering',
    clock: world.clock,
    logger: silentLogger,
    policy: { rotateMs: 86_400_000, maxTokenMs: 43_200_000 },
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mintPer = (per: TokenPolicy['per']): TokenMint =>
  new TokenMint(
    ring,
    { per, durationFactor: 3, minTokenSec: 600, maxTokenSec: 43_200 },
    { clock: world.clock, logger: silentLogger },
  );
const bars = title('bars');
const lifeSec = (mint: TokenMint, durationMs: number): number => {
  const { expiresAtSec = 0 } = mint.sign(title('film', { durationMs }), 's') ?? {};
  return expiresAtSec - world.clock.nowMs() / 1000;
};

it('lets a token last as long as watching the title may, within bounds', () => {
  const mint = mintPer('session');
  expect(lifeSec(mint, 7_200_000)).toBe(21_600);
  expect(lifeSec(mint, 1000)).toBe(600);
  expect(lifeSec(mint, 86_400_000)).toBe(43_200);
});

describe('per title', () => {
  it('gives those who begin within a while one token, and never one that outlives the longest', async () => {
    const mint = mintPer('title');
    const first = mint.sign(bars, 's1');
    expect(mint.sign(bars, 's2')).toBe(first);
    const seen = new Set<string>();
    for (let minute = 0; minute < 60; minute += 1) {
      const { token = '', expiresAtSec = 0 } = mint.sign(bars, 's1') ?? {};
      seen.add(token);
      const left = expiresAtSec - world.clock.nowMs() / 1000;
      expect(left).toBeGreaterThanOrEqual(600);
      expect(left).toBeLessThanOrEqual(638);
      await world.clock.advance(60_000);
    }
    expect(seen.size).toBe(60);
    for (let step = 0; step < 50; step += 1) {
      expect(lifeSec(mint, 86_400_000)).toBeLessThanOrEqual(43_200);
      await world.clock.advance(777_000);
    }
  });

  it('signs anew when the key has changed', () => {
    const mint = mintPer('title');
    const first = mint.sign(bars, 's1');
    ring.revoke(ring.currentId());
    expect(mint.sign(bars, 's1')).not.toEqual(first);
  });
});

it('names the session where each has its own', () => {
  const token = mintPer('session').sign(bars, 's1')?.token ?? '';
  expect(readClaims(token)).toMatchObject({ sid: 's1', iss: 'steering', cdniuc: 'regex:[^:]*://[^/]*/vod/bars/.*' });
  expect(readHeader(token)).toMatchObject({ keyId: ring.currentId() });
});

it('renews a grant when half its time is over', async () => {
  const mint = mintPer('title');
  const first = mint.grantFor('oca-1');
  expect(mint.grantFor('oca-2')).not.toEqual(first);
  await world.clock.advance(3 * 3_600_000 - 1000);
  expect(mint.grantFor('oca-1')).toEqual(first);
  await world.clock.advance(2000);
  expect(mint.grantFor('oca-1')).not.toEqual(first);
});

describe('the folder of a title', () => {
  const rendition = (...paths: string[]) => ({
    id: 'film/v',
    kind: 'video' as const,
    files: paths.map((path) => ({ path, sizeBytes: 1, root: 'a'.repeat(64) })),
    sizeBytes: 1,
  });
  const of = (...paths: string[]) =>
    folderOf({ id: 'film', name: '', durationMs: 1, originUrl: 'http://o', renditions: [rendition(...paths)] });

  it.each([
    [['/vod/film/a.mp4', '/vod/film/b.mp4'], '/vod/film'],
    [['/vod/film/v1/1.m4s', '/vod/film/v2/1.m4s'], '/vod/film'],
    [['/vod/film/v1/1.m4s', '/vod/film2/1.m4s'], '/vod'],
    [['/vod/film.mp4'], '/vod'],
    [['/a/film.mp4', '/b/film.mp4'], undefined],
    [['/film.mp4'], undefined],
    [['/vod/%7efilm/a.mp4'], undefined],
  ])('of %j is %s', (paths, expected) => expect(of(...paths)).toBe(expected));

  it('takes the token behind it, and nothing where there is none', () => {
    const signature = { folder: '/vod/film', token: 'a.b.c', expiresAtSec: 1 };
    expect(signPath('/vod/film/v1/1.m4s', signature)).toBe('/vod/film;URISigningPackage=a.b.c/v1/1.m4s');
    expect(signPath('/vod/film2/1.m4s', signature)).toBe('/vod/film2/1.m4s');
    expect(signPath('/vod/film/v1/1.m4s', undefined)).toBe('/vod/film/v1/1.m4s');
  });
});
