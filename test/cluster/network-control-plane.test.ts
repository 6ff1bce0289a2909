import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { parseDemandSample } from '../../src/contracts/demand-sample.ts';
import { ask } from '../appliance/support/http-client.ts';
import { RecordingProxy } from './support/recording-proxy.ts';
import { eventually, IN_TIME, RunningNetwork } from './support/running-network.ts';

// Every wait has its own, shorter deadline, which says what did not happen.
vi.setConfig({ testTimeout: 180_000 });

const SESSION = 'viewer';
const proxies: RecordingProxy[] = [];
const strangers: ChildService[] = [];
let network: RunningNetwork;

beforeAll(async () => {
  network = RunningNetwork.create({
    between: async (_service, url) => {
      const proxy = await RecordingProxy.before(url);
      proxies.push(proxy);
      return proxy.url;
    },
  });
  await network.start(() => undefined);
});

afterEach(async () => {
  for (const id of network.applianceIds) network.resume(id);
  for (const stranger of strangers.splice(0)) await stranger.end('SIGKILL');
});

afterAll(async () => {
  await network.end();
  for (const proxy of proxies) await proxy.stop();
});

const calls = (method: string, target: string) =>
  proxies.flatMap((proxy) => proxy.calls).filter((call) => call.method === method && call.target === target);

const fetchText = async (url: string): Promise<string> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
};

async function expectAllServe(name: string): Promise<void> {
  for (const id of network.applianceIds) {
    const answer = await network.get(id, `/vod/bars/${name}`);
    expect(answer.headers['cache-status']).toContain(`${id};hit`);
    expect(answer.body.equals(network.media(name)), `${id} ${name}`).toBe(true);
  }
}

async function expectSteered(): Promise<void> {
  const everybody = [...network.applianceIds, 'origin'].toSorted();
  await expect.poll(async () => (await network.order(SESSION)).toSorted(), IN_TIME).toEqual(everybody);
  const playlist = await fetchText(`${network.steeringUrl}/v1/manifest/bars.m3u8?session=${SESSION}`);
  const mpd = await fetchText(`${network.steeringUrl}/v1/manifest/bars.mpd?session=${SESSION}`);
  for (const id of network.applianceIds) {
    expect(playlist).toContain(`${network.address(id, 'listen')}/vod/bars/v360.m3u8`);
    expect(mpd).toContain(`serviceLocation="${id}">${network.address(id, 'listen')}/vod/bars/<`);
  }
}

test('what viewers ask for reaches the planner as counts, moves its prediction, and tells nothing of a viewer', async () => {
  const [id = ''] = network.applianceIds;
  const path = '/vod/bars/v144.mp4';
  const expectedPerByte = async (name: string): Promise<number> => {
    const file = (await network.plan(id)).files.find((each) => each.path === `/vod/bars/${name}`);
    return (file?.expectedBytes ?? 0) / (file?.sizeBytes ?? 1);
  };
  const before = await expectedPerByte('v144.mp4');
  const traces = [
    '127.77.66.55',
    'sid-of-a-viewer',
    'cookie-of-a-viewer',
    'browser-of-a-viewer',
    'account-of-a-viewer',
  ];
  const [localAddress = '', sid, cookie, browser, account] = traces;
  const requests = 6;
  for (let request = 0; request < requests; request += 1) {
    const answer = await network.get(id, `${path}?CMCD=sid%3D%22${sid}%22`, {
      localAddress,
      headers: {
        cookie: `viewer=${cookie}`,
        'user-agent': `${browser}/1.0`,
        'x-forwarded-for': localAddress,
        referer: `https://portal.example/?who=${account}`,
      },
    });
    expect(answer.status).toBe(200);
  }
  // A sample that is sent twice counts once.
  const counted = () => {
    const samples = calls('POST', '/v1/demand').map(({ body }) => parseDemandSample(JSON.parse(body)));
    return [...new Map(samples.map((sample) => [sample.sampleId, sample])).values()]
      .filter(({ applianceId }) => applianceId === id)
      .flatMap(({ entries }) => entries.filter((entry) => entry.path === path));
  };
  const total = (of: 'requests' | 'servedBytes'): number => counted().reduce((sum, entry) => sum + entry[of], 0);
  await expect.poll(() => total('requests'), IN_TIME).toBe(requests);
  expect(total('servedBytes')).toBe(requests * network.media('v144.mp4').length);

  await eventually(async () => {
    await network.planNow();
    return (await expectedPerByte('v144.mp4')) > 2 * before;
  });
  expect(await expectedPerByte('v144.mp4')).toBeGreaterThan(await expectedPerByte('v360.mp4'));

  // Of every kind of call that appliances make, after one more heartbeat and with all logs at their most talkative.
  const heartbeats = calls('POST', '/v1/heartbeat').length;
  await eventually(() => calls('POST', '/v1/heartbeat').length > heartbeats + network.applianceIds.length);
  expect(calls('POST', '/v1/fill-report').length).toBeGreaterThan(0);
  const said = proxies.flatMap((proxy) => proxy.calls.map((call) => `${call.target}\n${call.headers}\n${call.body}`));
  for (const trace of traces) {
    expect(said.filter((call) => call.includes(trace))).toEqual([]);
    for (const name of [id, 'fill-planner', 'steering']) expect(network.log(name)).not.toContain(trace);
  }
});

test('a planner that was killed is missed by nobody, and back with its state it plans the same and nothing is refilled', async () => {
  const plans = () => Promise.all(network.applianceIds.map((id) => network.plan(id)));
  const before = await plans();
  const sent = (await network.originStats()).bytes;
  await network.kill('fill-planner');
  const polls = () => Promise.all(network.applianceIds.map((id) => network.metric(id, 'appliance_plan_polls_total')));
  const failing = await polls();
  await eventually(async () => (await polls()).every((count, index) => count > (failing[index] ?? 0)));
  await expectAllServe('v240.mp4');
  await expectSteered();

  await network.revive('fill-planner');
  const answered = (outcome: string) =>
    Promise.all(
      network.applianceIds.map((id) => network.metric(id, 'appliance_plan_polls_total', `outcome="${outcome}"`)),
    );
  const [taken, unchanged] = [await answered('taken'), await answered('unchanged')];
  await eventually(async () => (await answered('unchanged')).every((count, index) => count > (unchanged[index] ?? 0)));
  const after = await plans();
  expect(after.map(({ planVersion }) => planVersion)).toEqual(before.map(({ planVersion }) => planVersion));
  expect(after.map(({ files }) => files.map(({ path, sources }) => ({ path, sources })))).toEqual(
    before.map(({ files }) => files.map(({ path, sources }) => ({ path, sources }))),
  );
  for (const id of network.applianceIds) {
    expect((await network.describe(id)).control.plan).toMatchObject({ fill: 'complete' });
  }
  // At most the same plan with another date, where an hour has turned meanwhile.
  for (const [index, count] of (await answered('taken')).entries())
    expect(count).toBeLessThanOrEqual((taken[index] ?? 0) + 1);
  expect((await network.originStats()).bytes).toBe(sent);
});

test('without steering appliances serve; restarted alone, steering answers at once from what it kept', async () => {
  const listening = network.steeringUrl;
  await network.kill('steering');
  await expect(fetch(`${listening}/v1/steer?title=bars`)).rejects.toThrow();
  await expectAllServe('v144.mp4');
  await network.kill('fill-planner');
  for (const id of network.applianceIds) network.pause(id);

  await network.revive('steering');
  expect(network.steeringUrl).toBe(listening);
  const answer = await network.steered(SESSION);
  const reasons = answer.ranked.filter(({ kind }) => kind === 'appliance').map((place) => place.reasons.join('; '));
  expect(reasons).toHaveLength(network.applianceIds.length);
  for (const reason of reasons) expect(reason).toContain('doubtful');
  for (const reason of reasons) expect(reason).toContain('holds 100 % of the title');
  await expectSteered();

  for (const id of network.applianceIds) network.resume(id);
  await eventually(async () => {
    const { ranked } = await network.steered(SESSION);
    return ranked.length === 4 && !ranked.some((place) => place.reasons.join().includes('doubtful'));
  });
  await network.revive('fill-planner');
});

/** An appliance beside the fleet, with whatever it has been given to enrol. */
async function startStranger(id: string, environment: Readonly<Record<string, string>>): Promise<ChildService> {
  const stranger = await ChildService.start({
    words: serviceWords('appliance', {
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      id,
      site: 'north',
      cluster: 'north',
      volume: join(network.folder, id, 'volume'),
      origin: network.originUrl,
      planner: network.address('fill-planner', 'listen'),
      steering: network.steeringUrl,
      heartbeatMs: 300,
      planPollMs: 300,
    }),
    environment,
    logFile: join(network.folder, 'logs', `${id}.log`),
  });
  strangers.push(stranger);
  return stranger;
}

test.each([
  [
    'has no token',
    'no-token',
    {},
    [/not enrolled with steering: it is not called at all; mint a token with 'oca enrol' and start with it/],
  ],
  [
    'does not sign',
    'no-signature',
    { OCA_ALLOW_UNSIGNED: 'true' },
    [
      /v1\/heartbeat: 401 requests between services must be signed; enrol this service with 'oca enrol'/,
      /v1\/plan\/no-signature: 401 requests between services must be signed; enrol this service with 'oca enrol'/,
    ],
  ],
  [
    'made up its tokens',
    'no-such-token',
    { OCA_STEERING_TOKEN: 'nobody-minted-this', OCA_PLANNER_TOKEN: 'nobody-minted-this' },
    [/cannot enrol with steering yet/, /v1\/enrol: 403 no such token for appliance no-such-token: it was used/],
  ],
])('an appliance that %s is not let into the fleet, is told why, and serves all the same', async (_, id, env, why) => {
  const stranger = await startStranger(id, env);
  for (const words of why) await eventually(() => words.test(network.log(id)));
  // Whoever the line is about, it is this service's own.
  const lines = network.log(id).split('\n').slice(0, -1);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ service: 'appliance' });
  const answer = await ask(`${stranger.addresses['listen']}/vod/bars/a48.mp4`);
  expect(answer.body.equals(network.media('a48.mp4'))).toBe(true);
  const { appliances } = await network.admin<{ appliances: { id: string }[] }>('steering', '/v1/fleet');
  expect(appliances.map((appliance) => appliance.id).toSorted()).toEqual(network.applianceIds.toSorted());
  expect(await network.order(SESSION)).not.toContain(id);
});
