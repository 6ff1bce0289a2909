import { Parser } from 'm3u8-parser';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { HeadlessNetwork } from './headless-steering.ts';
import { fetchAsVhs, loadVhsSteering, type Vhs, type VhsSteering } from './support/vhs-in-node.ts';

/** The real content steering of video.js (VHS), in Node, with our steering: no browser, no media, only its decisions. */
const TIMES_FASTER = 20;
let Steering: Vhs['Steering'];
let cloneUri: Vhs['cloneUri'];
beforeAll(() => {
  ({ Steering, cloneUri } = loadVhsSteering(TIMES_FASTER));
});

let network: HeadlessNetwork;
let controller: VhsSteering | undefined;
beforeEach(async () => {
  network = await HeadlessNetwork.start();
});
afterEach(async () => {
  controller?.dispose();
  controller = undefined;
  await network.stop();
});

/** What VHS does with a playlist once it is parsed: pathways first, then the tag, then its first question. */
async function open(query = ''): Promise<{ controller: VhsSteering; switches: string[] }> {
  const url = `${network.rig.url}/v1/manifest/bars.m3u8?session=s1${query}`;
  const parser = new Parser();
  parser.push(await (await fetch(url)).text());
  parser.end();
  const { contentSteering, playlists = [] } = parser.manifest as typeof parser.manifest & { contentSteering?: object };
  const made = new Steering(fetchAsVhs, () => 5_432_100.7);
  controller = made;
  const switches: string[] = [];
  made.on('content-steering', () => switches.push(made.getPathway()));
  for (const { attributes } of playlists) made.addAvailablePathway(String(attributes['PATHWAY-ID']));
  if (contentSteering === undefined) throw new Error('VHS found no content steering in the playlist');
  made.assignTagProperties(url, contentSteering);
  made.requestSteeringManifest();
  return { controller: made, switches };
}

test('CS-6: it takes the first answer out of the playlist, and begins where we say', async () => {
  const order = await network.order();
  const { controller: steering, switches } = await open();
  expect(switches).toEqual([order[0]]);
  expect([...steering.getAvailablePathways()].toSorted()).toEqual(order.toSorted());
});

test('CS-2: it asks once per TTL, names its pathway, and keeps what the RELOAD-URI carries', async () => {
  const [first, second] = await network.order();
  await open();
  await until(() => network.steeringRequests().length >= 3);
  const startMs = performance.now();
  await until(() => network.steeringRequests().length >= 6);
  expect(((performance.now() - startMs) * TIMES_FASTER) / 1000).toBeGreaterThan(2 * 4.5);
  const asked = network.steeringRequests().at(-1)?.searchParams;
  expect(asked?.get('_HLS_pathway')).toBe(first);
  expect([asked?.get('s'), asked?.get('d')]).toEqual(['s1', `${first}*${second}`]);
});

test('CS-3: video.js follows a drain within one TTL: it leaves the appliance with the next answer', async () => {
  const [first = '', second = ''] = await network.order();
  const { controller: steering } = await open();
  await until(() => network.steeringRequests().length >= 2);
  const asked = network.steeringRequests().length;
  await network.beat(first, 'draining');
  await until(() => steering.getPathway() === second);
  expect(network.steeringRequests().length - asked).toBeLessThanOrEqual(2);
});

test("G8, CS-6: the URL that it makes of a clone is the newcomer's, and it would throw without PARAMS", async () => {
  const [first = ''] = await network.order();
  const { controller: steering } = await open();
  const newcomer = await network.join('n', first);
  await until(() => steering.steeringManifest.pathwayClones.has('n'));
  const clone = steering.steeringManifest.pathwayClones.get('n') ?? {};
  const base = `${network.media.get(first)?.url ?? ''}/vod/bars/v144.m3u8`;
  expect(cloneUri(base, clone)).toBe(`${newcomer}/vod/bars/v144.m3u8`);
  expect(() => cloneUri(base, { ...clone, 'URI-REPLACEMENT': { HOST: 'n.example' } })).toThrow(TypeError);
});

test('CS-6b: without steering video.js stays where it is and asks at most twice per TTL', async () => {
  const [first] = await network.order();
  const { controller: steering } = await open();
  await until(() => network.steeringRequests().length >= 1);
  expect(await network.requestsPerTtlWithoutSteering(TIMES_FASTER, 6)).toBeLessThanOrEqual(2);
  expect(steering.getPathway()).toBe(first);
});

test('CS-6, G21: when steering dies between the playlist and the first question there is no loop', async () => {
  const [first] = await network.order();
  const { controller: steering } = await open();
  expect(network.steeringRequests().length).toBeLessThanOrEqual(1);
  expect(await network.requestsPerTtlWithoutSteering(TIMES_FASTER, 6)).toBeLessThanOrEqual(2);
  expect(steering.getPathway()).toBe(first);
});

test('G21: the loop is real: with the server by URL and its first answer lost it asks as fast as it can', async () => {
  const playlist = await (await network.rig.get('/v1/manifest/bars.m3u8?session=s1&steering=url')).text();
  expect(playlist).toContain('/v1/steering/hls?');
  await network.killSteering();
  const made = new Steering(fetchAsVhs, () => 1);
  controller = made;
  made.addAvailablePathway('a');
  made.assignTagProperties(network.front.url, {
    serverUri: `${network.front.url}/v1/steering/hls?s=s1`,
    pathwayId: 'a',
  });
  const startMs = performance.now();
  made.requestSteeringManifest();
  await until(() => network.steeringRequests().length >= 50);
  // Fifty TTLs would be twelve seconds of this clock.
  expect(((performance.now() - startMs) * TIMES_FASTER) / 1000).toBeLessThan(50 * 5);
});
