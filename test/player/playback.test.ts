import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { launchBrowser } from '../../deploy/demo/check.ts';
import { startPageServer } from '../../deploy/demo/page-server.ts';
import { eventually, RunningNetwork } from '../cluster/support/running-network.ts';
import { deliverers, type Player, type Seen, Viewer, type ViewerOptions } from './support/viewer.ts';

/**
 * The real page, hls.js, dash.js and Shaka in a real browser, before the whole network as processes. Nothing is in the browser's
 * cache, and at most ten seconds are in a player's buffer: twenty seconds after an appliance died all that plays is from
 * another one.
 */
const STALL_LIMIT_MS = 1000;
const WATCHED_BEFORE_SEC = 3;
const WATCHED_AFTER_SEC = 20;
const STEERING_TTL_SEC = 5;
const PLAYERS: readonly Player[] = ['hls', 'dash', 'shaka'];

// Video takes its time, and on a machine with other work twice that.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const network = RunningNetwork.create({ parameters: { steering: { ttlSec: STEERING_TTL_SEC } } });
const viewers: Viewer[] = [];
let server: Server | undefined;
let browser: Browser | undefined;
let pageUrl = '';

beforeAll(async () => {
  await network.start(() => undefined);
  ({ url: pageUrl, server } = await startPageServer(network, 0));
  browser = await launchBrowser();
});

beforeEach(async () => {
  for (const name of ['steering', ...network.applianceIds]) await network.revive(name);
  await network.waitForSteering();
});

afterEach(async () => {
  for (const viewer of viewers.splice(0)) await viewer.close();
});

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await network.end();
});

async function watch(options: Omit<ViewerOptions, 'pageUrl'>): Promise<Viewer> {
  if (browser === undefined) throw new Error('no test runs without a browser');
  const viewer = await Viewer.open(browser, { pageUrl, ...options });
  viewers.push(viewer);
  return viewer;
}

const SHARED_SESSION = 'together';

/** The session's manifests as they are now. Who is given them begins where they say, whatever happens meanwhile. */
async function manifestsOf(session: string) {
  const [hls, dash] = await Promise.all(
    ['m3u8', 'mpd'].map(async (extension) => {
      const response = await fetch(`${network.steeringUrl}/v1/manifest/bars.${extension}?session=${session}`);
      return { body: await response.text(), contentType: response.headers.get('content-type') ?? '' };
    }),
  );
  if (hls === undefined || dash === undefined) throw new Error('no manifests');
  const first = /defaultServiceLocation="([^"]+)"/.exec(dash.body)?.[1] ?? '';
  return { first, of: (player: Player) => (player === 'dash' ? dash : hls) };
}

interface Watching {
  readonly player: Player;
  readonly viewer: Viewer;
  readonly before: Seen;
}

/** Each player, watching as the same session, so that the same appliance serves all of them. */
async function watchTogether(players: readonly Player[]): Promise<{ first: string; watching: readonly Watching[] }> {
  const manifests = await manifestsOf(SHARED_SESSION);
  const watching = await Promise.all(
    players.map(async (player) => {
      const viewer = await watch({ player, session: SHARED_SESSION, manifest: manifests.of(player) });
      return { player, viewer, before: await viewer.watchUntil(WATCHED_BEFORE_SEC) };
    }),
  );
  for (const { player, before } of watching)
    expect([player, deliverers(before.segments)]).toEqual([player, [manifests.first]]);
  return { first: manifests.first, watching };
}

/** Shaka's steering may ask once more when its parser is gone, and throws then; playback goes on without it. */
const SHAKA_ASKS_TOO_LATE = "Cannot read properties of null (reading 'getBandwidthEstimate')";
const errorsOf = ({ errors }: Viewer): string[] => errors.filter((message) => message !== SHAKA_ASKS_TOO_LATE);

test('every player plays on from another appliance when the one that serves it is killed', async () => {
  const { first, watching } = await watchTogether(PLAYERS);
  const killedAt = await Promise.all(watching.map(({ viewer }) => viewer.now()));
  await network.kill(first);
  await Promise.all(
    watching.map(async ({ player, viewer, before }, index) => {
      const after = await viewer.watchUntil(before.currentTime + WATCHED_AFTER_SEC);
      const since = after.segments.filter(({ at }) => at > (killedAt[index] ?? 0));
      for (const kind of ['video', 'audio']) {
        const last = since.findLast((segment) => segment.kind === kind)?.appliance;
        expect([player, kind, last]).not.toEqual([player, kind, first]);
        expect([player, kind, network.applianceIds]).toEqual([player, kind, expect.arrayContaining([last])]);
      }
      expect(after.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS);
      expect(after.skippedMs).toBeLessThan(STALL_LIMIT_MS);
      expect(errorsOf(viewer)).toEqual([]);
    }),
  );
});

test('CS-6b: when steering is killed every player plays on from appliances, and asks for it at most twice per TTL', async () => {
  const { watching } = await watchTogether(PLAYERS);
  await network.kill('steering');
  const killedAtMs = performance.now();
  const asked = watching.map(({ viewer }) => viewer.steeringRequests);
  await Promise.all(
    watching.map(async ({ player, viewer, before }, index) => {
      const after = await viewer.watchUntil(before.currentTime + WATCHED_AFTER_SEC);
      const ttls = (performance.now() - killedAtMs) / 1000 / STEERING_TTL_SEC;
      expect([player, deliverers(after.segments).includes('origin')]).toEqual([player, false]);
      expect(viewer.steeringRequests - (asked[index] ?? 0)).toBeLessThanOrEqual(2 * (ttls + 1));
      expect(after.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS);
      expect(errorsOf(viewer)).toEqual([]);
    }),
  );
});

test('CS-3: players leave a drained appliance with the next answer, and nobody sees it', async () => {
  const { first, watching } = await watchTogether(PLAYERS);
  await network.setDraining(first, true);
  await eventually(async () => !(await network.order(SHARED_SESSION)).includes(first));
  await Promise.all(
    watching.map(async ({ player, viewer }) => {
      const asked = viewer.steeringRequests;
      // The answer to the first of them was taken before the second was asked.
      await eventually(() => viewer.steeringRequests >= asked + 2);
      const movedBy = await viewer.now();
      const { currentTime } = await viewer.seen();
      const after = await viewer.watchUntil(currentTime + 6);
      // What was on its way may still come from the drained one: a segment of each kind.
      const since = after.segments.filter(({ at }) => at > movedBy).slice(2);
      expect([player, since.length > 0, deliverers(since).includes(first)]).toEqual([player, true, false]);
      expect(after.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS);
      expect(errorsOf(viewer)).toEqual([]);
    }),
  );
  await network.setDraining(first, false);
  await eventually(async () => (await network.order(SHARED_SESSION)).includes(first));
});

test('every player starts from another appliance when the first is dead before it begins', async () => {
  // As they were rendered a moment before the death: steering cannot know of it yet.
  const manifests = await manifestsOf('late');
  await network.kill(manifests.first);
  const playing = await Promise.all(
    PLAYERS.map((player) => watch({ player, session: 'late', manifest: manifests.of(player) })),
  );
  await Promise.all(
    playing.map(async (viewer) => {
      const { segments } = await viewer.watchUntil(WATCHED_BEFORE_SEC);
      for (const id of deliverers(segments)) expect(network.applianceIds).toContain(id);
      expect(deliverers(segments)).not.toContain(manifests.first);
      expect(errorsOf(viewer)).toEqual([]);
    }),
  );
});

test('the drain button sends new sessions elsewhere and lets who is watching watch on', async () => {
  const session = 'drained';
  const [first = '', second = ''] = await network.order(session);
  const watching = await watch({ player: 'hls', session });
  const { currentTime } = await watching.watchUntil(1);
  await watching.press(`drain ${first}`);
  await eventually(async () => (await network.order(session))[0] === second);
  const arriving = await watch({ player: 'dash', session });
  expect(deliverers((await arriving.watchUntil(1)).segments)).toEqual([second]);
  const after = await watching.watchUntil(currentTime + 5);
  expect(after.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS);
  await watching.press(`undrain ${first}`);
  await eventually(async () => (await network.order(session))[0] === first);
  expect([...watching.errors, ...arriving.errors]).toEqual([]);
});
