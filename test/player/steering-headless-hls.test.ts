import type HlsType from 'hls.js';
import type { HlsConfig, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderStats } from 'hls.js';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { HeadlessNetwork } from './headless-steering.ts';

/** The real steering code of hls.js, in Node, with our steering: no browser, no media, only its decisions. */
const TIMES_FASTER = 20;
type HlsClass = typeof HlsType;
let Hls: HlsClass;

/** hls.js looks at its surroundings when it is loaded. Its timers run faster, so that a TTL of 5 s is a quarter. */
beforeAll(async () => {
  const nothing = (): undefined => undefined;
  class FakeMediaSource {
    static isTypeSupported = (): boolean => true;
    addEventListener = nothing;
    removeEventListener = nothing;
  }
  class FakeSourceBuffer {
    appendBuffer(): void {}
    remove(): void {}
  }
  const self = Object.create(globalThis, {
    setTimeout: { value: (task: () => void, delayMs = 0) => setTimeout(task, delayMs / TIMES_FASTER) },
    location: { value: { href: 'http://127.0.0.1/' } },
    MediaSource: { value: FakeMediaSource },
    SourceBuffer: { value: FakeSourceBuffer },
  }) as typeof globalThis;
  Object.assign(globalThis, { self, MediaSource: FakeMediaSource, SourceBuffer: FakeSourceBuffer });
  Hls = (await import('hls.js')).default;
});

/** hls.js brings loaders for browsers only. */
class FetchLoader {
  readonly stats: LoaderStats = {
    aborted: false,
    loaded: 0,
    retry: 0,
    total: 0,
    chunkCount: 0,
    bwEstimate: 0,
    loading: { start: 0, first: 0, end: 0 },
    parsing: { start: 0, end: 0 },
    buffering: { start: 0, first: 0, end: 0 },
  };
  context: LoaderContext | null = null;
  #gone = false;

  destroy(): void {
    this.#gone = true;
  }

  abort(): void {
    this.#gone = true;
  }

  load(context: LoaderContext, _config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
    this.context = context;
    void this.#load(context, callbacks);
  }

  async #load(context: LoaderContext, callbacks: LoaderCallbacks<LoaderContext>): Promise<void> {
    let status = 0;
    try {
      const response = await fetch(context.url);
      const text = await response.text();
      status = response.status;
      if (this.#gone) return;
      if (!response.ok) throw new Error(response.statusText);
      const data = context.responseType === 'json' ? (JSON.parse(text) as object) : text;
      callbacks.onSuccess({ url: response.url, data, code: status }, this.stats, context, undefined);
    } catch (error) {
      if (!this.#gone) callbacks.onError({ code: status, text: String(error) }, context, undefined, this.stats);
    }
  }
}

let network: HeadlessNetwork;
let player: InstanceType<HlsClass> | undefined;
beforeEach(async () => {
  network = await HeadlessNetwork.start();
});
afterEach(async () => {
  player?.destroy();
  player = undefined;
  await network.stop();
});

function play(query = ''): InstanceType<HlsClass> {
  const atOnce = { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0, shouldRetry: () => false };
  const policy = {
    default: { maxTimeToFirstByteMs: 60_000, maxLoadTimeMs: 60_000, errorRetry: atOnce, timeoutRetry: atOnce },
  };
  const loader = FetchLoader as unknown as HlsConfig['loader'];
  player = new Hls({ loader, enableWorker: false, playlistLoadPolicy: policy });
  // Without a media element hls.js takes no action on errors; nothing of the element is used.
  Object.defineProperty(player, 'media', { get: () => ({ ended: false }), configurable: true });
  player.loadSource(`${network.rig.url}/v1/manifest/bars.m3u8?session=s1${query}`);
  return player;
}

const playlistsOf = (id: string): string[] =>
  network.media.get(id)?.targets.filter((target) => target.endsWith('.m3u8')) ?? [];

test('CS-2: playback begins at the first pathway, and the reports that follow name it, once per TTL', async () => {
  const [first = '', second = ''] = await network.order();
  play();
  await until(() => network.steeringRequests().length >= 3);
  expect(playlistsOf(first).length).toBeGreaterThan(0);
  expect(playlistsOf(second)).toEqual([]);
  for (const { searchParams } of network.steeringRequests()) {
    expect(searchParams.get('_HLS_pathway')).toBe(first);
    expect(searchParams.get('s')).toBe('s1');
    expect(searchParams.get('a')).toBe('bars');
  }
});

test('CS-3: hls.js follows a drain within one TTL: the next answer moves it to the second pathway', async () => {
  const [first = '', second = ''] = await network.order();
  play();
  await until(() => network.steeringRequests().length >= 1 && playlistsOf(first).length > 0);
  const asked = network.steeringRequests().length;
  await network.beat(first, 'draining');
  await until(() => playlistsOf(second).length > 0);
  expect(network.steeringRequests().length - asked).toBeLessThanOrEqual(2);
  await until(() => network.steeringRequests().at(-1)?.searchParams.get('_HLS_pathway') === second);
});

test('G21: with steering gone and the first appliance dead, the player falls back by what its playlist carries', async () => {
  const [first = '', second = ''] = await network.order();
  await network.media.get(first)?.stop();
  await network.front.stop();
  const hls = play();
  await until(() => playlistsOf(second).length > 0);
  expect(hls.levels.every(({ uri }) => uri.startsWith(network.media.get(second)?.url ?? 'nowhere'))).toBe(true);
  expect(network.steeringRequests()).toEqual([]);
});

test('G4: with no appliance left, the origin is the last pathway', async () => {
  const [first = '', second = ''] = await network.order();
  await network.media.get(first)?.stop();
  await network.media.get(second)?.stop();
  play();
  await until(() => playlistsOf('origin').length > 0);
});

test('CS-6b: without steering hls.js stays where it is and asks at most twice per TTL', async () => {
  const [first = '', second = ''] = await network.order();
  play();
  await until(() => network.steeringRequests().length >= 1 && playlistsOf(first).length > 0);
  expect(await network.requestsPerTtlWithoutSteering(TIMES_FASTER, 6)).toBeLessThanOrEqual(2);
  expect(playlistsOf(second)).toEqual([]);
});

test('G8: a clone is used with the answer that brings it, at the port of its base', async () => {
  const [first = '', second = ''] = await network.order();
  const hls = play();
  const asked: string[] = [];
  hls.on(Hls.Events.LEVEL_LOADING, (_event, { url }) => asked.push(url));
  await until(() => network.steeringRequests().length >= 1 && playlistsOf(first).length > 0);
  const newcomer = await network.join('n', first);
  for (const id of [first, second]) await network.beat(id, 'draining');
  await until(() => asked.some((url) => url.startsWith(`${newcomer}/vod/bars/`)));
});

test('the steering server named by URL is asked at once', async () => {
  const [first = ''] = await network.order();
  play('&steering=url');
  await until(() => network.steeringRequests().length >= 1 && playlistsOf(first).length > 0);
});

test('a player that was given one pathway alone never asks steering', async () => {
  const [first = '', second = ''] = await network.order();
  play('&pathways=1');
  await until(() => playlistsOf(first).length > 0);
  expect(player?.levels).toHaveLength(2);
  expect(network.steeringRequests()).toEqual([]);
  expect(playlistsOf(second)).toEqual([]);
});
