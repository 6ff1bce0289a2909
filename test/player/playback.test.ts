import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { launchBrowser } from '../../deploy/demo/check.ts';
import { startPageServer } from '../../deploy/demo/page-server.ts';
import { eventually, RunningNetwork } from '../cluster/support/running-network.ts';
import { testEngine } from '../support/test-engine.ts';
import { deliverers, PLAYERS, type Player, type Seen, Viewer, type ViewerOptions } from './support/viewer.ts';

/**
 * The real page, hls.js, dash.js and Shaka in a real browser, before the whole network as processes. Nothing is in the browser's
 * cache: who has played past what was in his buffer when an appliance died plays what another one gave him.
 *
 * All players watch each event together, as one session, so that one appliance serves them all; then each is judged. The
 * death of steering and that of the appliance come one after the other in one sitting: playing takes its time, and so
 * does each beginning.
 */
const STALL_LIMIT_MS = 1000;
/** A player on its way to another place waits for some answers in turn: a refusal, a connection, a playlist, media. */
const ANSWERS_IN_TURN = 5;
const WATCHED_BEFORE_SEC = 3;
/** Who is in the middle of a film has a buffer. */
const BUFFERED_BEFORE_SEC = 6;
/** Past what was buffered when something happened. */
const WATCHED_BEYOND_SEC = 2;
/** Whose buffer is full loads the next segment of each kind within less than this. */
const NEXT_SEGMENTS_SEC = 6;
/** Shaka 5.2.12 throws, and steers no more, when a TTL runs out before it has begun to play: see render-hls.ts. */
const STEERING_TTL_SEC = 10;
/** Of all bytes of media; the others are misses and what is asked in unusual ways. */
const FAST_SHARE = 0.95;
const EVERY_PLAYER = Object.keys(PLAYERS) as Player[];

// Video takes its time, and on a machine with other work twice that.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

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

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await network.end();
});

/** All processes run and are ranked, and nobody watches. */
async function beginAnew(): Promise<void> {
  for (const viewer of viewers.splice(0)) await viewer.close();
  for (const name of ['steering', ...network.applianceIds]) await network.revive(name);
  // As one may have been left that did not come to its end.
  for (const id of network.applianceIds) await network.setDraining(id, false);
  await network.waitForSteering();
}

async function watch(options: Omit<ViewerOptions, 'pageUrl'>): Promise<Viewer> {
  if (browser === undefined) throw new Error('no test runs without a browser');
  const viewer = await Viewer.open(browser, { pageUrl, ...options });
  viewers.push(viewer);
  return viewer;
}

/** The session's manifests as they are now. Who is given them begins where they say, whatever happens meanwhile. */
async function manifestsOf(session: string) {
  const [hls, dash] = await Promise.all(
    ['m3u8', 'mpd'].map(async (extension) => {
      const response = await fetch(`${network.steeringUrl}/v1/manifest/bars.${extension}?session=${session}`);
      return { body: await response.text(), contentType: response.headers.get('content-type') ?? '' };
    }),
  );
  if (hls === undefined || dash === undefined) throw new Error('no manifests');
  const places = [...dash.body.matchAll(/serviceLocation="([^"]+)"/g)].map(([, id]) => id ?? '');
  return { places, of: (player: Player) => (PLAYERS[player].extension === 'mpd' ? dash : hls) };
}

/** What a player did while something happened to the network. */
interface Watched {
  readonly viewer: Viewer;
  /** Of the manifest, best first. */
  readonly places: readonly string[];
  readonly seen: Seen;
  /** What it loaded after it happened. */
  readonly since: Seen['segments'];
  /** How often it asked for steering, and how many TTLs long, since it happened. */
  readonly asked: number;
  readonly ttls: number;
}

/** All players in one session, in the middle of the film, and the places that its manifests name. */
interface Sitting {
  readonly places: readonly string[];
  readonly viewers: ReadonlyMap<Player, Viewer>;
}

/** Every player watches a session, and has a buffer, all of it from the best place. */
async function sitDown(): Promise<Sitting> {
  const { places, of } = await manifestsOf('together');
  const sitting = await Promise.all(
    EVERY_PLAYER.map(async (player): Promise<[Player, Viewer]> => {
      const viewer = await watch({ player, session: 'together', manifest: of(player) });
      const { segments } = await viewer.watchUntil(WATCHED_BEFORE_SEC, BUFFERED_BEFORE_SEC);
      if (!viewer.hasFailed(network.address(places[0] ?? '', 'listen')))
        expect([player, deliverers(segments)]).toEqual([player, places.slice(0, 1)]);
      return [player, viewer];
    }),
  );
  return { places, viewers: new Map(sitting) };
}

/** Something happens to the place that was the best when they sat down, and they watch on. */
async function watchWhile(
  { places, viewers: sitting }: Sitting,
  happen: (serving: string) => Promise<void>,
  watchOn: (viewer: Viewer, before: Seen) => Promise<Seen>,
): Promise<ReadonlyMap<Player, Watched>> {
  const before = await Promise.all(
    [...sitting].map(async ([player, viewer]) => {
      const [seen, at] = await Promise.all([viewer.seen(), viewer.now()]);
      return { player, viewer, seen, at, asked: viewer.steeringRequests };
    }),
  );
  await happen(places[0] ?? '');
  const happenedMs = performance.now();
  const watched = before.map(async ({ player, viewer, at, asked, ...then }): Promise<[Player, Watched]> => {
    const seen = await watchOn(viewer, then.seen);
    const ttls = (performance.now() - happenedMs) / 1000 / STEERING_TTL_SEC;
    const loaded = seen.segments.filter((segment) => segment.at > at);
    return [player, { viewer, places, seen, since: loaded, asked: viewer.steeringRequests - asked, ttls }];
  });
  return new Map(await Promise.all(watched));
}

/** Until all that was buffered then is played, and more. */
const playBeyond = (viewer: Viewer, { currentTime, aheadSec }: Seen): Promise<Seen> =>
  viewer.watchUntil(currentTime + aheadSec + WATCHED_BEYOND_SEC);

/** Nobody saw anything, and nobody asked more than he should. */
function expectPeace({ viewer, seen, asked, ttls }: Watched): void {
  expect(seen.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS + ANSWERS_IN_TURN * seen.longestAnswerMs);
  expect(asked).toBeLessThanOrEqual(2 * (ttls + 1));
  expect(viewer.errors).toEqual([]);
}

/**
 * The last segment of each kind is from the best of these places: an appliance at any rate, and exactly that one unless
 * a request there failed this viewer (on a machine without time to answer players give up by themselves).
 */
function expectServedBy({ viewer, since }: Watched, places: readonly string[]): void {
  const best = places.find((id) => network.applianceIds.includes(id)) ?? '';
  for (const kind of ['video', 'audio']) {
    const last = since.findLast((segment) => segment.kind === kind)?.appliance;
    if (viewer.hasFailed(network.address(best, 'listen'))) expect(places).toContain(last);
    else expect([kind, last]).toEqual([kind, best]);
  }
}

const appliancesOf = (places: readonly string[]): string[] => places.filter((id) => id !== 'origin');
const outcomeOf = (watched: ReadonlyMap<Player, Watched> | undefined, player: Player): Watched => {
  const outcome = watched?.get(player);
  if (outcome === undefined) throw new Error(`${player} did not watch`);
  return outcome;
};

describe('in Chromium, everybody watches', () => {
  /** Body bytes that the appliances have sent, and those of them that the fast engine has. */
  const sent = async (): Promise<{ all: number; fast: number }> => {
    const of = async (counter: string): Promise<number> =>
      sum(await Promise.all(network.applianceIds.map((id) => network.metric(id, counter))));
    return {
      all: await of('appliance_served_bytes_total'),
      fast: await of('appliance_wire_served_bytes_total'),
    };
  };
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

  // The other engine has no threads that could send them.
  test.skipIf(testEngine() === 'reference')('nearly all bytes of media are sent by the fast engine', async () => {
    await beginAnew();
    const before = await sent();
    // Without manifests from here: a browser whose requests are looked at asks everybody not to take them from a cache.
    const session = 'together';
    const watching = await Promise.all(EVERY_PLAYER.map((player) => watch({ player, session })));
    await Promise.all(watching.map((viewer) => viewer.watchUntil(1, BUFFERED_BEFORE_SEC)));
    const share = async (): Promise<number> => {
      const { all, fast } = await sent();
      return all === before.all ? 0 : (fast - before.fast) / (all - before.all);
    };
    // What threads have done is told once a second.
    await eventually(async () => (await share()) >= FAST_SHARE);
  });
});

describe('in Chromium, steering is killed, comes back, and then the appliance that serves is killed', () => {
  const watched: ReadonlyMap<Player, Watched>[] = [];
  beforeAll(async () => {
    await beginAnew();
    const sitting = await sitDown();
    watched.push(await watchWhile(sitting, () => network.kill('steering'), playBeyond));
    await network.revive('steering');
    await network.waitForSteering();
    watched.push(await watchWhile(sitting, (serving) => network.kill(serving), playBeyond));
  });

  test.each(EVERY_PLAYER)(
    'CS-6b: without steering %s stays where it is, without a stall or a request storm',
    (player) => {
      const outcome = outcomeOf(watched[0], player);
      expectServedBy(outcome, appliancesOf(outcome.places));
      expectPeace(outcome);
    },
  );

  test.each(EVERY_PLAYER)(
    'without its appliance %s plays on from the next one without a stall or a request storm',
    (player) => {
      const outcome = outcomeOf(watched[1], player);
      expectServedBy(outcome, appliancesOf(outcome.places).slice(1));
      expect(outcome.seen.skippedMs).toBeLessThan(STALL_LIMIT_MS);
      expectPeace(outcome);
    },
  );
});

describe('in Chromium, the appliance that serves is drained', () => {
  let watched: ReadonlyMap<Player, Watched> | undefined;
  beforeAll(async () => {
    await beginAnew();
    let drained = '';
    watched = await watchWhile(
      await sitDown(),
      async (serving) => {
        drained = serving;
        await network.setDraining(serving, true);
        await eventually(async () => !(await network.order('together')).includes(serving));
      },
      async (viewer) => {
        await viewer.isSteered();
        const { currentTime } = await viewer.seen();
        return viewer.watchUntil(currentTime + NEXT_SEGMENTS_SEC);
      },
    );
    await network.setDraining(drained, false);
    await eventually(async () => (await network.order('together')).includes(drained));
  });

  test.each(EVERY_PLAYER)('CS-3: %s follows within one TTL without a stall or a request storm', (player) => {
    const outcome = outcomeOf(watched, player);
    expectServedBy(outcome, appliancesOf(outcome.places).slice(1));
    expectPeace(outcome);
  });
});

describe('in Chromium, before playback', () => {
  beforeEach(beginAnew);
  afterEach(async () => {
    for (const viewer of viewers.splice(0)) await viewer.close();
  });

  test('every player starts from another appliance when the first is dead before it begins', async () => {
    // As they were rendered a moment before the death: steering cannot know of it yet.
    const { places, of } = await manifestsOf('late');
    const [dead = ''] = places;
    await network.kill(dead);
    const playing = await Promise.all(
      EVERY_PLAYER.map((player) => watch({ player, session: 'late', manifest: of(player) })),
    );
    await Promise.all(
      playing.map(async (viewer) => {
        const { segments } = await viewer.watchUntil(WATCHED_BEFORE_SEC);
        const alive = appliancesOf(places).slice(1);
        const gaveUp = alive.every((id) => viewer.hasFailed(network.address(id, 'listen')));
        for (const id of deliverers(segments)) expect(gaveUp ? places.slice(1) : alive).toContain(id);
        expect(viewer.errors).toEqual([]);
      }),
    );
  });

  test('the drain button sends new sessions elsewhere and lets who is watching watch on', async () => {
    const session = 'drained';
    const [first = '', second = ''] = await network.order(session);
    const watching = await watch({ player: 'hls.js', session });
    const { currentTime } = await watching.watchUntil(1);
    await watching.press(`drain ${first}`);
    await eventually(async () => (await network.order(session))[0] === second);
    const arriving = await watch({ player: 'dash.js', session });
    const { segments } = await arriving.watchUntil(1);
    expect(deliverers(segments)[0]).toBe(second);
    const after = await watching.watchUntil(currentTime + WATCHED_BEYOND_SEC);
    expect(after.longestDryMs).toBeLessThanOrEqual(STALL_LIMIT_MS + ANSWERS_IN_TURN * after.longestAnswerMs);
    await watching.press(`undrain ${first}`);
    await eventually(async () => (await network.order(session)).includes(first));
    expect([...watching.errors, ...arriving.errors]).toEqual([]);
  });
});
