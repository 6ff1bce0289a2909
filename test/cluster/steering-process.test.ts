import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ChildService } from '../../deploy/demo/child-service.ts';
import { HttpClient } from '../../src/client/http-client.ts';
import { ServiceClient } from '../../src/client/service-client.ts';
import { encodeHoldings } from '../../src/contracts/holdings.ts';
import { parseContentSteering, parseSteeringAnswer } from '../../src/contracts/steering-answer.ts';
import { loadOrCreateIdentity } from '../../src/signing/identity.ts';
import { systemWorld } from '../../src/world/world.ts';
import { FLEET } from '../fill-planner/running-planner.ts';
import { heartbeat } from '../steering/samples.ts';
import { until } from '../support/until.ts';
import { mint, operator, RealServices } from './support/real-services.ts';

/** A real steering beside a real planner, both as processes; the test speaks for the appliances, signed like they do. */
const MEDIA = resolve(import.meta.dirname, '../../deploy/demo/title/media');
const RENDITIONS = 5;

/** What all tests have in common: the planner, which only the last of them kills. */
const shared = new RealServices('steering-process-planner');
let planner: ChildService;
let services: RealServices;
let http: HttpClient;

beforeAll(async () => {
  planner = await startPlanner();
});
afterAll(() => shared.end());

beforeEach(() => {
  services = new RealServices('steering-process');
  http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 8 });
});
afterEach(async () => {
  await http.destroy();
  await services.end();
});

/** A planner that has the demo's title and a plan for every appliance. */
async function startPlanner(): Promise<ChildService> {
  const child = await shared.start('fill-planner', { origin: 'http://origin.example', minSavedPerFilled: 0 });
  await operator(child, 'PUT', '/v1/fleet', { version: 1, ...FLEET });
  await operator(child, 'POST', '/v1/titles', {
    source: MEDIA,
    id: 'bars',
    name: 'Bars',
    pathPrefix: '/vod/bars',
    originUrl: 'http://origin.example',
  });
  await operator(child, 'POST', '/v1/plan-cycle', { fillNowMinutes: 60 });
  return child;
}

async function startSteering(parameters: Record<string, string | number> = {}): Promise<ChildService> {
  const token = await mint(planner, 'steering', 'steering');
  const plannerUrl = planner.addresses['listen'] ?? '';
  return services.start(
    'steering',
    { planner: plannerUrl, cataloguePollMs: 100, leaseMs: 60_000, ...parameters },
    { OCA_PLANNER_TOKEN: token },
  );
}

/** What an appliance does: enrols once, then sends signed heartbeats. */
async function appliance(steering: ChildService, id: string) {
  const client = new ServiceClient({
    http,
    clock: systemWorld.clock,
    baseUrl: steering.addresses['listen'] ?? '',
    identity: loadOrCreateIdentity(id, join(services.folder, `${id}.pem`)),
    timeoutMs: 5000,
    maxAnswerBytes: 100_000,
  });
  await client.enrol('appliance', await mint(steering, id, 'appliance'));
  const holdings = encodeHoldings(
    1,
    Array.from({ length: RENDITIONS }, () => 'whole' as const),
  );
  let sequence = 0;
  return {
    beat: (): Promise<unknown> => {
      sequence += 1;
      return client.post('/v1/heartbeat', heartbeat(id, { sequence, holdings, sentAtMs: Date.now() }));
    },
  };
}

const steer = async (steering: ChildService) => {
  const response = await fetch(`${steering.addresses['listen']}/v1/steer?title=bars&session=s1`);
  return response.ok ? parseSteeringAnswer(await response.json()) : undefined;
};
const ids = async (steering: ChildService): Promise<string[]> =>
  (await steer(steering))?.ranked.map(({ id }) => id) ?? [];

test('the enrolment of appliances survives a kill -9', async () => {
  const steering = await startSteering();
  const a1 = await appliance(steering, 'a1');
  await a1.beat();
  const { port } = new URL(steering.addresses['listen'] ?? '');
  await steering.end('SIGKILL');
  await services.start('steering', { planner: planner.addresses['listen'] ?? '', listen: `127.0.0.1:${port}` });
  await a1.beat();
});

test('the table of prefixes is read again when it changes, and a broken one changes nothing', async () => {
  const prefixes = join(services.folder, 'prefixes.csv');
  writeFileSync(prefixes, 'prefix,site\n127.0.0.0/8,s1\n');
  const steering = await startSteering({ prefixes, prefixPollMs: 50 });
  const site = async (): Promise<string | undefined> => (await steer(steering))?.client.siteId;
  await until(async () => (await site()) === 's1');
  writeFileSync(prefixes, '127.0.0.0/8,s1\n127.0.0.1/32,s2\n');
  await until(async () => (await site()) === 's2');
  writeFileSync(prefixes, '127.0.0.1/8,s1\n');
  const admin = steering.addresses['admin'] ?? '';
  await until(async () =>
    (await (await fetch(`${admin}/metrics`)).text()).includes('steering_routing_file_broken{file="prefixes"} 1'),
  );
  expect(await site()).toBe('s2');
});

test('a second one on the same state does not start', async () => {
  await services.start('steering', {});
  await expect(services.start('steering', {})).rejects.toThrow(/another process|in use|already/i);
});

test('SIGTERM ends it in order', async () => {
  const steering = await startSteering();
  await steering.end('SIGTERM');
  expect(steering.running).toBe(false);
});

test('a wrong parameter keeps it from starting, and is named', async () => {
  await expect(services.start('steering', { trustedProxies: '10.0.0.0' })).rejects.toThrow(
    /78.*[\s\S]*--trusted-proxies/,
  );
  await expect(services.start('steering', { ttlSec: 1 })).rejects.toThrow(/78.*[\s\S]*--ttl-sec/);
});

test('killed with -9 and started again while the planner is dead, it answers from the last known fleet', async () => {
  const steering = await startSteering();
  const [a1, b1] = [await appliance(steering, 'a1'), await appliance(steering, 'b1')];
  await a1.beat();
  await b1.beat();
  await until(async () => {
    const places = (await steer(steering))?.ranked.slice(0, -1) ?? [];
    return places.length === 2 && places.every(({ reasons }) => reasons.includes('holds 100 % of the title'));
  });
  const before = await ids(steering);

  await planner.end('SIGKILL');
  // What was heard is written within a second; catalogue and lists are from the moment they came.
  await until(async () => {
    const metrics = await fetch(`${steering.addresses['admin']}/metrics`);
    return (await metrics.text()).includes('steering_unwritten_appliances 0');
  });
  await steering.end('SIGKILL');

  const again = await services.start('steering', { planner: planner.addresses['listen'] ?? '', leaseMs: 60_000 });
  expect(await ids(again)).toEqual(before);
  expect((await steer(again))?.ranked[0]?.reasons).toContain('doubtful: known from before a restart, not heard since');
  const listen = again.addresses['listen'] ?? '';
  const playlist = await (await fetch(`${listen}/v1/manifest/bars.m3u8?session=s1`)).text();
  expect(playlist).toContain(`http://${before[0]}.example:8080/vod/bars/v144.m3u8`);
  const mpd = await (await fetch(`${listen}/v1/manifest/bars.mpd?session=s1`)).text();
  expect(mpd).toContain(`<BaseURL serviceLocation="${before[0]}">http://${before[0]}.example:8080/vod/bars/</BaseURL>`);
  const body = parseContentSteering(await (await fetch(`${listen}/v1/steering/dash?a=bars&s=s1`)).json());
  expect(body['PATHWAY-PRIORITY']).toEqual(before);
});
