import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GRANT_TYPE } from '../../../src/tokens/judge-claims.ts';
import { packIntoPath } from '../../../src/tokens/token-package.ts';
import { SigningKey } from '../../src/tokens/signing-key.ts';
import { until } from '../../support/until.ts';
import { type ApplianceRig, startAppliance } from '../support/appliance-rig.ts';
import { GatedOrigin, patterned } from '../support/gated-origin.ts';
import { ask } from '../support/http-client.ts';

const FILM = '/vod/t123/v720/seg.m4s';
const BYTES = patterned(3000);
const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600;

const key = new SigningKey('k1', { notAfterMs: Date.now() + 86_400_000 });
const token = (changes = {}): string => key.token({ exp: inAnHour(), ...changes });
const grantToken = (): string => key.sign(GRANT_TYPE, { iss: 'steering', exp: inAnHour(), grantee: 'oca-2' });
const signed = (path = FILM, jwt = token()): string => packIntoPath(path, '/vod/t123', jwt);

let dir: string;
let origin: GatedOrigin;
const rigs: ApplianceRig[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'oca-gate-'));
  origin = await GatedOrigin.start();
  for (const path of [FILM, '/vod/t124/seg.m4s', '/open/a.mp4']) {
    origin.files.set(path, { bytes: BYTES, etag: '"a"', headers: { 'cache-control': 'max-age=600' } });
  }
});
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
  await origin.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** An appliance that was told the key before, and kept it. */
async function start(flags: Readonly<Record<string, unknown>> = {}, grant?: string): Promise<ApplianceRig> {
  const state = join(dir, `state-${rigs.length}`);
  mkdirSync(state);
  const kept = {
    version: 1,
    keys: [key.tokenKey],
    ...(grant === undefined ? {} : { grant: { token: grant, notAfterMs: Date.now() + 3_600_000 } }),
  };
  writeFileSync(join(state, 'token-keys.json'), JSON.stringify(kept));
  const rig = await startAppliance({ origin, flags: { tokens: 'require', state, ...flags } });
  rigs.push(rig);
  return rig;
}

const checks = async (rig: ApplianceRig, outcome: string): Promise<number> => {
  const text = await (await fetch(`${rig.adminUrl}/metrics`)).text();
  return Number(
    new RegExp(`^appliance_token_checks_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0,
  );
};

describe('with tokens required', () => {
  it('serves a signed URL from one object, whatever its token, and tells the origin nothing of it', async () => {
    const rig = await start();
    for (const jwt of [token(), token({ nbf: 1 })]) {
      const answer = await ask(rig.url + signed(FILM, jwt), { headers: { referer: `http://x${signed()}` } });
      expect([answer.status, answer.body.equals(BYTES)]).toEqual([200, true]);
    }
    // TOK-6: neither in the target nor in any field of what went upstream, and one object for both.
    expect(origin.requests.filter(({ method }) => method === 'GET').length).toBeLessThanOrEqual(2);
    for (const { path, headers } of origin.requests) {
      expect(path).toBe(FILM);
      expect(JSON.stringify(headers)).not.toMatch(/URISigningPackage|eyJ|oca-grant/);
    }
  });

  it.each([
    // A package whose removal leaves no target: with it, it would be one, and some origins pass over what follows ';'.
    ['a package behind dots', `/x/..;URISigningPackage=a.b.c${FILM}`],
    ['a package behind one dot', `/.;URISigningPackage=a.b.c${FILM}`],
    ['a package behind nothing', `/;URISigningPackage=a.b.c${FILM}`],
    ['dots in percent signs', `/x/%2e%2E;URISigningPackage=a.b.c${FILM}`],
    ['a good token behind dots', `/x/..;URISigningPackage=${token()}${FILM}`],
    ['dots with a parameter below a good token', signed('/vod/t123/..;a=1/t124/seg.m4s')],
    ['the same in percent signs', signed('/vod/t123/%2e%2e%3Ba/t124/seg.m4s')],
    ['one dot with a parameter', signed('/vod/t123/.;/seg.m4s')],
  ])('asks no origin for %s', async (_name, target) => {
    const rig = await start();
    const answer = await ask(rig.url + target);
    expect([403, 404]).toContain(answer.status);
    expect(origin.requests).toEqual([]);
    expect(answer.body.toString()).not.toContain('eyJ');
  });

  it('keeps the token in what a player resolves, and does not mind a player report in the query', async () => {
    const rig = await start();
    const playlist = new URL(rig.url + signed('/vod/t123/v720.m3u8'));
    const segment = new URL('v720/seg.m4s?CMCD=br%3D3200', playlist);
    expect((await ask(segment.href)).status).toBe(200);
    expect((await ask(segment.href, { method: 'HEAD' })).status).toBe(200);
    expect((await ask(segment.href, { headers: { range: 'bytes=0-9' } })).status).toBe(206);
  });

  it.each([
    ['no token', FILM],
    ['a token that nobody signed', signed(FILM, new SigningKey('k1').token({ exp: inAnHour() }))],
    ['a key that is not known', signed(FILM, new SigningKey('k2').token({ exp: inAnHour() }))],
    ['an end that is over', signed(FILM, token({ exp: 1_600_000_000 }))],
    ['another title', packIntoPath('/vod/t124/seg.m4s', '/vod/t124', token())],
    ['a way out of the folder', `${signed('/vod/t123/x').slice(0, -1)}%2e%2e/t124/seg.m4s`],
    ['two tokens', `${signed()}?URISigningPackage=${token()}`],
    ['a grant in the URL', signed(FILM, grantToken())],
  ])('refuses %s before anything is looked up', async (_what, target) => {
    const rig = await start();
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(rig.url + target, { method });
      expect([403, 404]).toContain(answer.status);
      expect(answer.headers['access-control-allow-origin']).toBe('*');
      expect(answer.body).toHaveLength(0);
      if (answer.status === 403) expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect(origin.requests).toEqual([]);
  });

  it('counts why, answers a preflight, and keeps the connection', async () => {
    const rig = await start();
    const url = rig.url + signed(FILM, token({ exp: 1_600_000_000 }));
    const preflight = await ask(url, { method: 'OPTIONS', headers: { 'access-control-request-method': 'GET' } });
    expect([preflight.status, preflight.headers['access-control-allow-methods']]).toEqual([204, 'GET, HEAD']);
    const refused = await ask(url, { headers: { connection: 'keep-alive' } });
    expect(refused.headers.connection).not.toBe('close');
    await ask(rig.url + FILM);
    expect([await checks(rig, 'expired'), await checks(rig, 'missing')]).toEqual([1, 1]);
    const text = await (await fetch(`${rig.adminUrl}/metrics`)).text();
    expect(text).toContain('appliance_refused_requests_total{reason="token"} 2');
    expect(text).not.toContain('eyJ');
  });

  it('asks tokens of some paths only, where prefixes say so', async () => {
    const rig = await start({ tokenPrefixes: ['/vod/'] });
    expect((await ask(`${rig.url}/open/a.mp4`)).status).toBe(200);
    expect((await ask(rig.url + FILM)).status).toBe(403);
    expect((await ask(`${rig.url}/%76od/t123/v720/seg.m4s`)).status).toBe(403);
  });

  it('refuses everybody while it knows no key', async () => {
    const rig = await startAppliance({ origin, flags: { tokens: 'require' } });
    rigs.push(rig);
    expect((await ask(rig.url + signed())).status).toBe(403);
    expect(await checks(rig, 'unknown-key')).toBe(1);
  });
});

it('accept serves all of them from one object and counts what would be refused', async () => {
  const rig = await start({ tokens: 'accept' });
  for (const target of [signed(), signed(FILM, token({ exp: 1_600_000_000 })), FILM]) {
    expect((await ask(rig.url + target)).status).toBe(200);
  }
  // What the fast engine has opened is told once a second.
  const counted = (): Promise<number[]> => Promise.all(['open', 'expired', 'missing'].map((what) => checks(rig, what)));
  await until(async () => (await counted()).every((count) => count > 0));
  expect(await counted()).toEqual([1, 1, 1]);
  expect(new Set(origin.requests.map(({ path }) => path))).toEqual(new Set([FILM]));
});

it('off knows no tokens: they are part of the path', async () => {
  const rig = await start({ tokens: 'off' });
  expect((await ask(rig.url + FILM)).status).toBe(200);
  expect((await ask(rig.url + signed())).status).toBe(404);
});

describe('between appliances', () => {
  it('a miss is filled from a peer that requires tokens by the grant, and not by the viewer token', async () => {
    const holder = await start();
    expect((await ask(holder.url + signed())).status).toBe(200);
    const askedBefore = origin.requests.length;
    const filler = await start({ id: 'oca-2', peers: [holder.url] }, grantToken());
    const answer = await ask(filler.url + signed());
    expect([answer.status, answer.body.equals(BYTES)]).toEqual([200, true]);
    expect(await checks(holder, 'grant')).toBeGreaterThan(0);
    expect(origin.requests.slice(askedBefore)).toEqual([]);
  });

  it('without a grant, or with one that nobody signed, the origin is asked', async () => {
    const holder = await start();
    await ask(holder.url + signed());
    const forged = new SigningKey('k1').sign(GRANT_TYPE, { iss: 'steering', exp: inAnHour() });
    for (const grant of [undefined, forged, token()]) {
      const before = origin.requests.length;
      const filler = await start({ id: 'oca-2', peers: [holder.url] }, grant);
      expect((await ask(filler.url + signed())).status).toBe(200);
      expect(origin.requests.length).toBeGreaterThan(before);
    }
    expect(await checks(holder, 'grant')).toBe(0);
  });
});
