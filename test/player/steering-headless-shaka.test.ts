import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { HeadlessNetwork } from './headless-steering.ts';
import { loadShaka, type Shaka, type ShakaManifest, type ShakaParser } from './support/shaka-in-node.ts';

/** The real parsers and content steering of Shaka, in Node, with our steering: no browser, no media, only its decisions. */
const TIMES_FASTER = 20;
/** Renditions of many files: Shaka makes the URL of each when it needs it. */
const TEMPLATED = `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT72S" minBufferTime="PT2S">
  <Period id="0">
    <AdaptationSet contentType="video" mimeType="video/mp4">
      <SegmentTemplate media="$RepresentationID$-$Number$.m4s" initialization="$RepresentationID$.mp4" duration="2" startNumber="1"/>
      <Representation id="v144" bandwidth="83768" codecs="avc1.4d400c"/>
    </AdaptationSet>
  </Period>
</MPD>`;
const nothing = (): undefined => undefined;
let shaka: Shaka;
beforeAll(() => {
  shaka = loadShaka(TIMES_FASTER);
});

let network: HeadlessNetwork;
let parser: ShakaParser | undefined;
beforeEach(async () => {
  network = await HeadlessNetwork.start(TEMPLATED);
});
afterEach(async () => {
  await parser?.stop();
  parser = undefined;
  await network.stop();
});

/** Opens the title as the player does. @returns the hosts that it would ask for its next segment, best first: it asks once for each */
async function open(extension: 'm3u8' | 'mpd', query = ''): Promise<() => string[]> {
  const player = new shaka.Player();
  const configuration = player.getConfiguration();
  await player.destroy();
  const engine = new shaka.net.NetworkingEngine();
  engine.configure(configuration.networking);
  const made = extension === 'm3u8' ? new shaka.hls.HlsParser() : new shaka.dash.DashParser();
  parser = made;
  // Shaka's own patience runs faster as well, and would be shorter than what a busy machine needs for an answer.
  const patient = { timeout: 0, stallTimeout: 0, connectionTimeout: 0 };
  const { manifest: usual } = configuration;
  made.configure({ ...usual, retryParameters: { ...usual.retryParameters, ...patient } });
  const manifest: ShakaManifest = await made.start(
    `${network.rig.url}/v1/manifest/bars.${extension}?session=s1${query}`,
    {
      networkingEngine: engine,
      filter: () => Promise.resolve(),
      isLowLatencyMode: () => false,
      getBandwidthEstimate: () => 5_432_100.7,
      getStreamingRetryParameters: () => ({}),
      ...Object.fromEntries(
        ['makeTextStreamsForClosedCaptions', 'onTimelineRegionAdded', 'onEvent', 'onError', 'updateDuration']
          .concat(['newDrmInfo', 'onManifestUpdated', 'onMetadata', 'disableStream', 'addFont', 'onSegmentReceived'])
          .map((name) => [name, nothing]),
      ),
    },
  );
  const stream = manifest.variants[0]?.video;
  await stream?.createSegmentIndex();
  const segments = [...(stream?.segmentIndex ?? [])];
  return () => {
    const segment = segments.shift();
    if (segment === null || segment === undefined) throw new Error('no segment is left');
    return segment.getUris().map((uri) => new URL(uri).host);
  };
}

const hostsOf = (order: readonly string[]): string[] =>
  order.map((id) => new URL(network.media.get(id)?.url ?? '').host);
/** Until an answer to a question that is still to come has been taken: the question after it has come as well. */
async function anotherAnswer(): Promise<void> {
  const asked = network.steeringRequests().length;
  await until(() => network.steeringRequests().length >= asked + 2);
}

describe.each(['m3u8', 'mpd'] as const)('Shaka, %s', (extension) => {
  const parameter = extension === 'm3u8' ? '_HLS_pathway' : '_DASH_pathway';

  test('CS-5: where it asks for segments is our order', async () => {
    const order = await network.order();
    const next = await open(extension);
    await anotherAnswer();
    expect(next()).toEqual(hostsOf(order));
  });

  test('CS-2: it asks once per TTL, names the pathway that it uses, and keeps what the RELOAD-URI carries', async () => {
    const [first, second] = await network.order();
    const next = await open(extension);
    await anotherAnswer();
    next();
    const startMs = performance.now();
    const asked = network.steeringRequests().length;
    await until(() => network.steeringRequests().length >= asked + 3);
    expect(((performance.now() - startMs) * TIMES_FASTER) / 1000).toBeGreaterThan(2 * 4.5);
    const last = network.steeringRequests().at(-1)?.searchParams;
    expect(last?.get(parameter)).toBe(first);
    expect([last?.get('s'), last?.get('d')]).toEqual(['s1', `${first}*${second}`]);
  });

  test('CS-3: Shaka follows a drain within one TTL: it leaves the appliance with the next answer', async () => {
    const [first = '', second = ''] = await network.order();
    const next = await open(extension);
    await anotherAnswer();
    expect(next()).toEqual(hostsOf([first, second, 'origin']));
    const asked = network.steeringRequests().length;
    await network.beat(first, 'draining');
    await anotherAnswer();
    expect(network.steeringRequests().length - asked).toBeLessThanOrEqual(3);
    expect(next()).toEqual(hostsOf([second, 'origin']));
    await until(() => network.steeringRequests().at(-1)?.searchParams.get(parameter) === second);
  });

  test('G8: a clone is harmless, and its place is passed over: the released build looks for it under minified names', async () => {
    const order = await network.order();
    const next = await open(extension);
    await network.join('n', order[0] ?? '');
    await anotherAnswer();
    expect(await network.order()).toContain('n');
    expect(next()).toEqual(hostsOf(order));
  });

  test('CS-6b: without steering Shaka keeps its order and asks at most twice per TTL', async () => {
    const order = await network.order();
    const next = await open(extension);
    await anotherAnswer();
    expect(await network.requestsPerTtlWithoutSteering(TIMES_FASTER, 6)).toBeLessThanOrEqual(2);
    expect(next()).toEqual(hostsOf(order));
  });
});

test('G21: with the first answer in the playlist it starts without asking steering, and in our order', async () => {
  const order = await network.order();
  const next = await open('m3u8');
  // What it asks when the first answer has run out tells where it plays; a machine may be slower than that.
  const beforeTheStart = network.steeringRequests().filter(({ searchParams }) => !searchParams.has('_HLS_pathway'));
  expect(beforeTheStart).toEqual([]);
  expect(next()).toEqual(hostsOf(order));
});

test('G19: named by URL, steering is asked before the start', async () => {
  await open('m3u8', '&steering=url');
  expect(network.steeringRequests()[0]?.searchParams.get('s')).toBe('s1');
});

test('a rendition of a single file has all places, best first, though its index was read before steering answered', async () => {
  await network.stop();
  network = await HeadlessNetwork.start();
  const order = await network.order();
  await network.front.stop();
  const next = await open('mpd');
  expect(next()).toEqual(hostsOf(order));
});

test('a rendition of a single file keeps the order in which Shaka read its index, and fails over by it', async () => {
  await network.stop();
  network = await HeadlessNetwork.start();
  const order = await network.order();
  const next = await open('mpd');
  await network.beat(order[0] ?? '', 'draining');
  await anotherAnswer();
  expect(next()).toEqual(hostsOf(order));
});
