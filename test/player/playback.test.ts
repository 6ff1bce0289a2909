import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { launchBrowser } from '../../deploy/demo/check.ts';
import { startPageServer } from '../../deploy/demo/page-server.ts';
import { eventually, RunningNetwork } from '../cluster/support/running-network.ts';
import { deliverers, type Player, Viewer, type ViewerOptions } from './support/viewer.ts';

/**
 * The real page, hls.js and dash.js in a real browser, before the whole network as processes. Nothing is in the browser's
 * cache, and at most ten seconds are in a player's buffer: twenty seconds after an appliance died all that plays is from
 * another one.
 */
const STALL_LIMIT_MS = 1000;
const WATCHED_BEFORE_SEC = 3;
const WATCHED_AFTER_SEC = 20;
const STEERING_TTL_SEC = 5;
const PLAYERS: readonly Player[] = ['hls', 'dash'];

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

test.each(PLAYERS)('%s.js plays on from the next appliance when the one that serves it is killed', async (player) => {
  const [first = '', second = ''] = await network.order(player);
  const viewer = await watch({ player, session: player });
  const before = await viewer.watchUntil(WATCHED_BEFORE_SEC);
  expect(deliverers(before.segments)).toEqual([first]);
  await network.kill(first);
  const killedAt = await viewer.now();
  const after = await viewer.watchUntil(before.currentTime + WATCHED_AFTER_SEC);
  for (const kind of ['video', 'audio'])
    expect(after.segments.findLast((segment) => segment.kind === kind)?.appliance).toBe(second);
  const since = after.segments.filter(({ at }) => at > killedAt);
  expect(deliverers(since).filter((id) => id !== first)).toEqual([second]);
  expect(after.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS);
  expect(after.skippedMs).toBeLessThan(STALL_LIMIT_MS);
  expect(viewer.errors).toEqual([]);
});

test('when steering is killed both players play on where they are, and ask for it no more than once per TTL', async () => {
  const playing = await Promise.all(PLAYERS.map((player) => watch({ player, session: player })));
  const before = await Promise.all(playing.map((viewer) => viewer.watchUntil(WATCHED_BEFORE_SEC)));
  await network.kill('steering');
  const asked = playing.map((viewer) => viewer.steeringRequests);
  const killedAtMs = performance.now();
  for (const [index, viewer] of playing.entries()) {
    const after = await viewer.watchUntil((before[index]?.currentTime ?? 0) + WATCHED_AFTER_SEC);
    const ttls = (performance.now() - killedAtMs) / 1000 / STEERING_TTL_SEC;
    expect(viewer.steeringRequests - (asked[index] ?? 0)).toBeLessThanOrEqual(ttls + 1);
    expect(deliverers(after.segments)).toEqual(deliverers(before[index]?.segments ?? []));
    expect(after.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS);
    expect(viewer.errors).toEqual([]);
  }
});

test('both players start from the second appliance when the first is dead before they begin', async () => {
  const session = 'late';
  const [first = '', second = ''] = await network.order(session);
  // As it was rendered a moment before the death: steering cannot know of it yet.
  const manifests = await Promise.all(
    ['m3u8', 'mpd'].map(async (extension) => {
      const response = await fetch(`${network.steeringUrl}/v1/manifest/bars.${extension}?session=${session}`);
      return { body: await response.text(), contentType: response.headers.get('content-type') ?? '' };
    }),
  );
  await network.kill(first);
  const playing = await Promise.all(
    PLAYERS.map((player, index) =>
      watch({ player, session, manifest: manifests[index] ?? { body: '', contentType: '' } }),
    ),
  );
  for (const viewer of playing) {
    const { segments } = await viewer.watchUntil(WATCHED_BEFORE_SEC);
    expect(deliverers(segments)).toEqual([second]);
    expect(viewer.errors).toEqual([]);
  }
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
