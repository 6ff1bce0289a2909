import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseContentSteering } from '../../../src/contracts/steering-answer.ts';
import { formatScope } from '../../../src/tokens/url-scope.ts';
import { EntryTokens } from '../../../steering/edge/entry-tokens.ts';
import { SigningKey } from '../../src/tokens/signing-key.ts';
import { heartbeat } from '../samples.ts';
import { SteeringRig } from '../steering-rig.ts';

const FAR_MS = Date.UTC(2040, 0, 1);
const key = new SigningKey('provider-1', { issuer: 'provider', notAfterMs: FAR_MS });
let folder: string;
let rig: SteeringRig;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'oca-entry-'));
  writeFileSync(join(folder, 'keys.json'), JSON.stringify([key.tokenKey]));
  rig = await new SteeringRig({ entryKeys: join(folder, 'keys.json') }).start();
  await rig.beat(heartbeat('a1'));
});
afterEach(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

const token = (path: string, changes = {}): string =>
  key.token({
    iss: 'provider',
    exp: rig.world.clock.nowMs() / 1000 + 60,
    cdniuc: formatScope(path.endsWith('/') ? { kind: 'folder', path } : { kind: 'file', path }),
    ...changes,
  });
const status = async (target: string): Promise<number> => (await rig.get(target)).status;
const MANIFEST = '/v1/manifest/bars.m3u8';

describe('manifests, places and redirects', () => {
  it('are for who brings a token of the provider that covers them', async () => {
    // 503: past the token there is no catalogue yet.
    expect(await status(`${MANIFEST}?URISigningPackage=${token(MANIFEST)}&session=s1`)).toBe(503);
    expect(await status(`/v1/steer?title=bars&URISigningPackage=${token('/v1/')}`)).toBe(503);
  });

  it.each(['', '?URISigningPackage=x.y.z', '?URISigningPackage='])('are refused with %s', async (query) => {
    for (const path of [MANIFEST, '/v1/manifest/bars.mpd', '/v1/redirect/vod/bars/a.mp4']) {
      const answer = await rig.get(path + query);
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([403, 'no-store']);
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  it('are refused for what is over, for another URI, by another key and twice given', async () => {
    const ask = (jwt: string): Promise<number> => status(`${MANIFEST}?URISigningPackage=${jwt}`);
    expect(await ask(token(MANIFEST, { exp: 1 }))).toBe(403);
    expect(await ask(token('/v1/manifest/other.m3u8'))).toBe(403);
    expect(await ask(new SigningKey('provider-1').token({ iss: 'provider' }))).toBe(403);
    expect(await ask(token(MANIFEST, { iss: 'somebody' }))).toBe(403);
    expect(await ask(`${token(MANIFEST)}&URISigningPackage=${token(MANIFEST)}`)).toBe(403);
  });
});

it('G17: content steering answers 200 without a token, and with a bad one the static order and a long TTL', async () => {
  for (const format of ['hls', 'dash']) {
    const plain = await rig.get(`/v1/steering/${format}?s=s1`);
    expect(plain.status).toBe(200);
    const bad = await rig.get(`/v1/steering/${format}?s=s1&URISigningPackage=x.y.z`);
    expect(bad.status).toBe(200);
    const body = parseContentSteering(await bad.json());
    expect(body.TTL).toBeGreaterThanOrEqual(120);
    expect(body['PATHWAY-PRIORITY'].at(-1)).toBe('origin');
    expect(body['RELOAD-URI']).not.toContain('URISigningPackage');
  }
  const metrics = await (await fetch(`${rig.adminUrl}/metrics`)).text();
  expect(metrics).toContain('steering_static_answers_total{because="bad-token"} 2');
});

it('looks at so many new tokens a second and no more, and goes on knowing the one that it knows', async () => {
  const entry = new EntryTokens(join(folder, 'keys.json'), 'steering', rig.world.clock);
  const admits = (changes: object): boolean =>
    entry.admits({ target: `${MANIFEST}?URISigningPackage=${token(MANIFEST, changes)}`, host: 'steer.example' });
  const admitted = Array.from({ length: 410 }, (_, at) => admits({ at }));
  expect(admitted.filter((one) => !one)).toHaveLength(10);
  expect([admits({ at: 0 }), admits({ at: 409 })]).toEqual([true, false]);
  await rig.world.clock.advance(1000);
  expect(admits({ at: 409 })).toBe(true);
});

it('does not start with keys that nobody can read', () => {
  const file = join(folder, 'broken.json');
  writeFileSync(file, '[{"keyId":"x"}]');
  expect(() => new EntryTokens(file, 'steering', rig.world.clock)).toThrow(`--entry-keys ${file}`);
});
