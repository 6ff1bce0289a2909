import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { HeadlessNetwork } from './headless-steering.ts';

/** The real MPD parser and content steering of dash.js, in Node, with our steering: no browser, no media. */
interface SteeringResponse {
  readonly version: number;
  readonly ttl: number;
  readonly reloadUri: string;
  readonly pathwayPriority: readonly string[];
}
interface SteeringController {
  setConfig(config: object): void;
  initialize(): void;
  loadSteeringData(): Promise<unknown>;
  getCurrentSteeringResponseData(): SteeringResponse | null;
  getSynthesizedBaseUrlElements(declared: readonly BaseUrl[]): BaseUrl[];
  stopSteeringRequestTimer(): void;
  reset(): void;
}
interface BaseUrl {
  readonly url: string;
  readonly serviceLocation: string;
}
interface Mpd {
  readonly BaseURL: ReadonlyArray<{ readonly serviceLocation: string; readonly __text: string }>;
}
interface SteeringInformation {
  readonly serverUrl: string;
  readonly defaultServiceLocation: string | null;
  readonly queryBeforeStart: boolean;
}
type Singleton<T> = (context: object) => { getInstance(): T };
interface Factories {
  getSingletonFactoryByName(name: 'ContentSteeringController'): Singleton<SteeringController>;
  getSingletonFactoryByName(
    name: 'DashAdapter',
  ): Singleton<{ setConfig(config: object): void; getContentSteering(mpd: Mpd): SteeringInformation }>;
  getClassFactoryByName(
    name: 'DashParser',
  ): (context: object) => { create(config: object): { parse(text: string): Mpd } };
}

const TIMES_FASTER = 20;
const nothing = (): undefined => undefined;
let factories: Factories;

beforeAll(async () => {
  const element = () => ({
    canPlayType: () => 'probably',
    addEventListener: nothing,
    setAttribute: nothing,
    style: {},
  });
  Object.assign(globalThis, {
    self: globalThis,
    window: globalThis,
    location: { href: 'http://127.0.0.1/', protocol: 'http:', host: '127.0.0.1' },
    getComputedStyle: () => ({}),
    addEventListener: nothing,
    removeEventListener: nothing,
    XMLHttpRequest: FetchRequest,
    document: {
      createElement: element,
      addEventListener: nothing,
      removeEventListener: nothing,
      documentElement: {},
      getElementsByTagName: () => [],
      querySelectorAll: () => [],
    },
  });
  const loaded = (await import('dashjs')) as unknown as {
    MediaPlayer(): { create(): { initialize(): void; updateSettings(settings: object): void } };
    FactoryMaker: Factories;
  };
  factories = loaded.FactoryMaker;
  // The controllers register themselves when a player is made.
  const player = loaded.MediaPlayer().create();
  player.updateSettings({ debug: { logLevel: 0 } });
  player.initialize();
});

/** What dash.js needs of XMLHttpRequest. */
class FetchRequest {
  status = 0;
  statusText = '';
  response: unknown = null;
  responseText = '';
  responseType = '';
  responseURL = '';
  readyState = 0;
  onload = nothing;
  onloadend = nothing;
  onerror = nothing;
  onprogress = nothing;
  #url = '';
  #headers = new Headers();

  open(_method: string, url: string): void {
    this.#url = url;
  }
  setRequestHeader(): void {}
  abort(): void {}
  getResponseHeader(name: string): string | null {
    return this.#headers.get(name);
  }
  getAllResponseHeaders(): string {
    return [...this.#headers].map(([name, value]) => `${name}: ${value}`).join('\r\n');
  }
  send(): void {
    void this.#send();
  }
  async #send(): Promise<void> {
    try {
      const response = await fetch(this.#url);
      this.#headers = response.headers;
      this.status = response.status;
      this.responseURL = response.url;
      this.responseText = await response.text();
      this.response = this.responseType === 'json' ? (JSON.parse(this.responseText) as unknown) : this.responseText;
      this.readyState = 4;
      this.onload();
    } catch {
      this.onerror();
    }
    this.onloadend();
  }
}

let network: HeadlessNetwork;
let controller: SteeringController | undefined;
beforeEach(async () => {
  network = await HeadlessNetwork.start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  controller?.stopSteeringRequestTimer();
  controller?.reset();
  controller = undefined;
  await network.stop();
});

/** What dash.js makes of the title's MPD, and its controller with the events of a playback that the test invents. */
async function open() {
  const text = await (await network.rig.get('/v1/manifest/bars.mpd?session=s1')).text();
  const context = {};
  const silent = { getLogger: () => ({ debug: nothing, info: nothing, warn: nothing, error: nothing }) };
  const mpd = factories
    .getClassFactoryByName('DashParser')(context)
    .create({ debug: silent, errHandler: {} })
    .parse(text);
  const adapter = factories.getSingletonFactoryByName('DashAdapter')(context).getInstance();
  adapter.setConfig({ constants: {}, errHandler: {}, cmcdModel: null });
  const listeners = new Map<string, (event: object) => void>();
  const made = factories.getSingletonFactoryByName('ContentSteeringController')(context).getInstance();
  made.setConfig({
    adapter,
    manifestModel: { getValue: () => mpd },
    serviceDescriptionController: { getServiceDescriptionSettings: () => ({}) },
    throughputController: { getArithmeticMean: (samples: Array<{ value: number }>) => samples[0]?.value ?? 0 },
    eventBus: {
      on: (type: string, listener: (event: object) => void) => listeners.set(type, listener),
      off: nothing,
      trigger: nothing,
    },
    errHandler: { error: nothing },
    dashMetrics: { addHttpRequest: nothing },
    mediaPlayerModel: { getRetryAttemptsForType: () => 0, getRetryIntervalsForType: () => 100 },
  });
  made.initialize();
  controller = made;
  return {
    mpd,
    steering: adapter.getContentSteering(mpd),
    controller: made,
    fragmentFrom: (serviceLocation: string) =>
      listeners.get('fragmentLoadingStarted')?.({ request: { serviceLocation } }),
    throughputOf: (serviceLocation: string, value: number) =>
      listeners.get('throughputMeasurementStored')?.({ throughputValues: { serviceLocation, value } }),
  };
}

test('G13: dash.js reads the pathways and the steering server from the MPD, and begins at the best', async () => {
  const order = await network.order();
  const { mpd, steering } = await open();
  expect(mpd.BaseURL.map(({ serviceLocation }) => serviceLocation)).toEqual(order);
  expect(mpd.BaseURL.map(({ __text }) => __text)).toEqual(order.map((id) => `${network.media.get(id)?.url}/vod/bars/`));
  expect(steering.defaultServiceLocation).toBeNull();
  expect(steering.queryBeforeStart).toBe(false);
  expect(steering.serverUrl).toBe(`${network.front.url}/v1/steering/dash?a=bars&s=s1&d=${order[0]}*${order[1]}`);
});

test('CS-4: its list of pathways is understood, empty throughput and all, and it takes the order', async () => {
  const order = await network.order();
  const { controller: steering, fragmentFrom, throughputOf } = await open();
  const [first = '', second = ''] = order;
  fragmentFrom(first);
  fragmentFrom(second);
  throughputOf(first, 5432);
  await steering.loadSteeringData();
  expect(network.front.targets.at(-1)).toContain(`_DASH_pathway=%22${first}%2C${second}%22`);
  expect(network.front.targets.at(-1)).toMatch(/_DASH_throughput=5432000%2C$/);
  expect(steering.getCurrentSteeringResponseData()).toMatchObject({ version: 1, pathwayPriority: order });
});

test('CS-3: dash.js follows a drain within one TTL: the next request goes to the RELOAD-URI, and its answer leaves the drained one out', async () => {
  const [first = '', second = ''] = await network.order();
  const { controller: steering, fragmentFrom } = await open();
  await steering.loadSteeringData();
  await network.beat(first, 'draining');
  fragmentFrom(first);
  await steering.loadSteeringData();
  const asked = network.steeringRequests().at(-1);
  expect(asked?.searchParams.get('s')).toBe('s1');
  expect(steering.getCurrentSteeringResponseData()?.pathwayPriority).toEqual([second, 'origin']);
});

/** From now on the timers of dash.js run faster; it has no other clock for its TTL. */
function quicken(): void {
  const inTime = globalThis.setTimeout;
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((task: () => void, delayMs = 0, ...given: []) =>
    inTime(task, delayMs / TIMES_FASTER, ...given)) as typeof setTimeout);
}

test('CS-6b: without steering dash.js keeps its order and asks at most twice per TTL', async () => {
  const order = await network.order();
  const { controller: steering } = await open();
  quicken();
  await steering.loadSteeringData();
  expect(await network.requestsPerTtlWithoutSteering(TIMES_FASTER, 6)).toBeLessThanOrEqual(2);
  expect(steering.getCurrentSteeringResponseData()?.pathwayPriority).toEqual(order);
});

test('G9: dash.js leaves out the port of the base when it makes the URL of a clone, so none is given where there is one', async () => {
  const [first = ''] = await network.order();
  const { controller: steering, mpd } = await open();
  const declared = mpd.BaseURL.map(({ serviceLocation, __text: url }) => ({ serviceLocation, url }));
  await network.join('n', first);
  await steering.loadSteeringData();
  expect(steering.getCurrentSteeringResponseData()?.pathwayPriority).toContain('n');
  expect(steering.getSynthesizedBaseUrlElements(declared).map(({ url }) => url)).toEqual([]);
});

test('without steering, dash.js keeps the BaseURLs of the MPD', async () => {
  const { controller: steering, mpd } = await open();
  await network.front.stop();
  await steering.loadSteeringData();
  expect(steering.getCurrentSteeringResponseData()).toBeFalsy();
  expect(mpd.BaseURL).toHaveLength(3);
});
