import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseContentSteering } from '../../src/contracts/steering-answer.ts';
import { ask } from '../appliance/support/http-client.ts';
import { FailingOverFront } from './support/failing-over-front.ts';
import { eventually, IN_TIME, RunningNetwork } from './support/running-network.ts';

vi.setConfig({ testTimeout: 180_000 });

/** A network in which every URL is signed and appliances ask for tokens; players reach steering by way of a front. */
let network: RunningNetwork;
let front: FailingOverFront;

beforeAll(async () => {
  front = await FailingOverFront.start();
  network = RunningNetwork.create({
    parameters: { steering: { signUrls: 'title', publicUrl: front.url }, appliance: { tokens: 'require' } },
  });
  await network.start(() => undefined);
  front.services = [network.steeringUrl, ...network.applianceIds.map((id) => network.address(id, 'listen'))];
});
afterAll(async () => {
  await network.end();
  await front.stop();
});

const text = async (url: string): Promise<string> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
};
const uris = (playlist: string, base: string): string[] =>
  playlist
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => new URL(line, base).href);
const status = async (url: string, headers = {}): Promise<number> => (await ask(url, { headers })).status;

/** What a player does: the manifest, the best variant's playlist, its first segment. @returns the segment's URL */
async function walk(session: string): Promise<{ segment: string; playlist: string }> {
  const manifest = `${front.url}/v1/manifest/${network.title}.m3u8?session=${session}`;
  const [playlist = ''] = uris(await text(manifest), manifest);
  expect(playlist).toMatch(/\/vod\/bars;URISigningPackage=eyJ[^/]+\//);
  const [segment = ''] = uris(await text(playlist), playlist);
  expect(segment).toContain(';URISigningPackage=eyJ');
  expect(await status(segment, { range: 'bytes=0-99' })).toBe(206);
  return { segment, playlist };
}
const keysNow = async (): Promise<{ keyId: string; role: string }[]> =>
  (await network.admin<{ keys: { keyId: string; role: string }[] }>('steering', '/v1/token-keys')).keys;
const keyOf = async (role: string): Promise<string> => (await keysNow()).find((key) => key.role === role)?.keyId ?? '';

test('a player walks from the manifest to the segments, and who brings no good token gets 403', async () => {
  const { segment } = await walk('s1');
  const plain = segment.replace(/;URISigningPackage=[^/]+/, '');
  const [first = '', second = ''] = [segment, plain].map((url) => new URL(url).pathname);
  expect(first).not.toBe(second);
  expect(await status(plain)).toBe(403);
  expect(await status(segment.replace(/\.[A-Za-z0-9_-]{86}\//, `.${'A'.repeat(86)}/`))).toBe(403);
  expect(await status(segment.replace('/vod/bars;', '/vod/bars2;'))).toBe(403);
  const { token } = await network.admin<{ token: string }>('steering', '/v1/tokens', { title: 'bars', ttlSec: 1 });
  const brief = segment.replace(/=eyJ[^/]+/, `=${token}`);
  await expect.poll(() => status(brief), IN_TIME).toBe(403);
});

test('DASH and JSON carry the token to appliances and not to the origin, which does not know it', async () => {
  const mpd = await text(`${front.url}/v1/manifest/bars.mpd?session=s1`);
  const bases = [...mpd.matchAll(/<BaseURL serviceLocation="([^"]+)">([^<]+)</g)].map(([, id = '', url = '']) => ({
    id,
    url,
  }));
  for (const { id, url } of bases) expect(url.includes('URISigningPackage='), id).toBe(id !== 'origin');
  const { pathPrefix, ranked } = await network.steered('s1');
  expect(pathPrefix).toBe('/vod/bars/');
  for (const { urlPrefix } of ranked) expect(await status(`${urlPrefix}v144.mp4`, { range: 'bytes=0-9' })).toBe(206);
});

test('a peer gave planned files by the grant, and no token stands in a log or a metric', async () => {
  const grants = await Promise.all(
    network.applianceIds.map((id) => network.metric(id, 'appliance_token_checks_total', 'outcome="grant"')),
  );
  expect(grants.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  // TOK-6: the log is at its most talkative here.
  for (const name of [...network.applianceIds, 'steering', 'origin'])
    expect(network.log(name)).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/);
  for (const path of Object.keys((await network.originStats()).paths)) expect(path).not.toContain('URISigningPackage');
});

test('TOK-7: a rotation cuts nobody, and a revoked key stops counting with the next heartbeat', async () => {
  const before = await walk('s2');
  const old = await keyOf('current');
  await network.admin('steering', '/v1/token-keys/rotate', {});
  // The new key counts everywhere at once, and the old one goes on.
  const after = await walk('s2');
  expect(after.segment).not.toBe(before.segment);
  expect(await status(before.segment, { range: 'bytes=0-9' })).toBe(206);
  await network.admin('steering', '/v1/token-keys/revoke', { keyId: old });
  await expect.poll(() => status(before.segment), IN_TIME).toBe(403);
  expect(await status(after.segment, { range: 'bytes=0-9' })).toBe(206);
});

test('with steering killed the front falls over to an appliance, which answers for its site and goes on opening URLs', async () => {
  const { segment } = await walk('s3');
  const id = network.applianceIds[0] ?? '';
  const asked = '/v1/steering/hls?a=bars&s=s3&_HLS_pathway=origin&_HLS_throughput=5000000';
  // The snapshot of its site has come.
  await eventually(async () => (await fetch(network.address(id, 'listen') + asked)).ok);
  await network.kill('steering');
  for (const format of ['hls', 'dash']) {
    const answer = await fetch(front.url + asked.replace('hls', format));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-answered-by')).toBe(network.address(id, 'listen'));
    const body = parseContentSteering(await answer.json());
    expect(body['PATHWAY-PRIORITY']).toContain(id);
    expect(body['PATHWAY-PRIORITY'].at(-1)).toBe('origin');
    expect(body['RELOAD-URI'].startsWith(`${front.url}/v1/steering/${format}?`)).toBe(true);
    expect(body.TTL).toBeGreaterThanOrEqual(120);
  }
  expect(await status(segment, { range: 'bytes=0-9' })).toBe(206);
  // And also when it is started anew without steering: keys and snapshot are on its disk.
  await network.kill(id);
  await network.revive(id);
  front.services = [network.steeringUrl, network.address(id, 'listen')];
  await eventually(async () => (await fetch(front.url + asked)).ok);
  const own = new URL(segment).pathname;
  expect(await status(network.address(id, 'listen') + own, { range: 'bytes=0-9' })).toBe(206);
});
