import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parseContentSteering, parseSteeringAnswer } from '../../src/contracts/steering-answer.ts';
import { until } from '../support/until.ts';
import { PlannerDouble } from './planner-double.ts';
import { heartbeat, holdingsOf, title } from './samples.ts';
import { SteeringRig } from './steering-rig.ts';

/** The edge in front of a real service on real sockets. */
const BARS = title('bars');
const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Steering with appliances of these software versions, which hold all of the title. */
async function startFleet(
  versions: Readonly<Record<string, string>>,
  { policy, ...flags }: { policy?: object } & Readonly<Record<string, unknown>> = {},
): Promise<SteeringRig> {
  const planner = await new PlannerDouble().start();
  stops.push(() => planner.stop());
  planner.setTitles(BARS);
  const rig = new SteeringRig({ planner: planner.url, ...flags });
  if (policy !== undefined) {
    const file = join(rig.folder, 'policy.json');
    writeFileSync(file, JSON.stringify({ version: 1, ...policy }));
    rig.set({ policy: file });
  }
  await rig.start();
  stops.push(() => rig.stop());
  const ids = Object.keys(versions);
  for (const id of ids) planner.setPlan(id, 1, BARS);
  for (const [id, softwareVersion] of Object.entries(versions))
    await rig.beat(heartbeat(id, { softwareVersion, holdings: holdingsOf(BARS, 'whole') }));
  await rig.world.clock.advanceUntil(() => planner.seen.filter((line) => line.startsWith('list')).length >= ids.length);
  await until(async () => {
    const response = await rig.get('/v1/steer?title=bars');
    return response.ok && parseSteeringAnswer(await response.json()).ranked.length === ids.length + 1;
  });
  await rig.world.clock.advance(1000);
  return rig;
}

const ranked = async (rig: SteeringRig, session: string) =>
  parseSteeringAnswer(await rig.json(`/v1/steer?title=bars&session=${session}`)).ranked.map(({ id }) => id);

test('CS-8, G22: a thousand requests of one address within a second: none is refused, and the excess is told to stay away', async () => {
  const rig = await startFleet({ a: '1', b: '1' }, { maxPerAddressPerSec: 100 });
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async (_, index) => {
      const response = await rig.get(`/v1/steering/hls?a=bars&s=s${index % 7}&_HLS_pathway=a`);
      return { status: response.status, body: parseContentSteering(await response.json()) };
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const patient = answers.filter(({ body }) => body.TTL >= 120);
  expect(patient).toHaveLength(900);
  for (const { body } of patient) {
    expect(body['PATHWAY-PRIORITY'][0]).toBe('a');
    expect(body['PATHWAY-PRIORITY'].at(-1)).toBe('origin');
  }
  // Who asks from elsewhere, or a second later, is ranked as ever.
  await rig.world.clock.advance(1000);
  expect(parseContentSteering(await rig.json('/v1/steering/hls?a=bars&s=x')).TTL).toBeLessThan(40);
});

test('CS-7: with nothing to rank by the answer is 200, an order and at least two minutes', async () => {
  const rig = new SteeringRig();
  await rig.start();
  stops.push(() => rig.stop());
  for (const target of ['hls?a=bars&s=x', 'dash?a=bars&s=x', 'hls', 'hls?a=%ff&s=%00']) {
    const response = await rig.get(`/v1/steering/${target}`);
    expect(response.status).toBe(200);
    const body = parseContentSteering(await response.json());
    expect(body.TTL).toBeGreaterThanOrEqual(120);
    expect(body['PATHWAY-PRIORITY'].length).toBeGreaterThanOrEqual(2);
  }
});

test('an old device gets one pathway and no steering, also when its address asks too often', async () => {
  const rig = await startFleet(
    { a: '1', b: '1' },
    {
      maxPerAddressPerSec: 50,
      policy: {
        devices: [
          { name: 'old', match: { userAgent: ['tizen 2'] }, answer: { maxPathways: 1 } },
          { name: 'apple', match: { classes: ['apple'] }, answer: { steering: 'url', maxPathways: 2, ttlFactor: 2 } },
        ],
      },
    },
  );
  const manifest = async (userAgent: string): Promise<string> =>
    (await rig.get('/v1/manifest/bars.m3u8?session=s', { 'user-agent': userAgent })).text();
  expect(await manifest('x')).toContain('SERVER-URI="data:');
  const old = await manifest('Mozilla/5.0 (SMART-TV; Tizen 2.4)');
  expect(old).not.toContain('CONTENT-STEERING');
  expect(await manifest('AppleCoreMedia/1.0')).toMatch(/SERVER-URI="http:/);
  const apple = await rig.get('/v1/steering/hls?a=bars&s=s', { 'user-agent': 'AppleCoreMedia/1.0' });
  const { TTL } = parseContentSteering(await apple.json());
  expect(TTL).toBeGreaterThanOrEqual(54);
  for (let asked = 0; asked < 60; asked += 1) await rig.get('/v1/steering/hls?a=bars&s=s');
  expect(await manifest('Mozilla/5.0 (SMART-TV; Tizen 2.4)')).not.toContain('CONTENT-STEERING');
  expect((await rig.admin('/v1/edge')) as object).toMatchObject({
    filters: [
      { name: 'client-address' },
      { name: 'token' },
      { name: 'address-limit', verdicts: { 'address-busy': expect.any(Number) } },
      { name: 'device' },
      { name: 'cohort' },
      { name: 'policy' },
      { name: 'shed' },
    ],
  });
});

const CANARY = {
  variants: {
    new: { software: { version: '2', rule: 'prefer' } },
    old: { software: { version: '2', rule: 'avoid' } },
  },
  everybody: 'old',
  cohorts: [{ name: 'canary', salt: 'spring', share: 0.5, variant: 'new' }],
};
const SESSIONS = Array.from({ length: 60 }, (_, index) => `session-${index}`);
async function firstPlaces(rig: SteeringRig): Promise<Map<string, string[]>> {
  const firsts = await Promise.all(
    SESSIONS.map(async (session) => ({ session, first: (await ranked(rig, session))[0] })),
  );
  const bySession = Map.groupBy(firsts, ({ first }) => first ?? '');
  return new Map([...bySession].map(([first, rows]) => [first, rows.map(({ session }) => session)]));
}

test('a new version of appliances gets the sessions of its cohort only, and none when the cohort is rolled back', async () => {
  const rig = await startFleet({ fresh: '2', proven: '1' }, { policy: CANARY });
  const before = await firstPlaces(rig);
  expect(before.get('fresh')?.length).toBeGreaterThan(15);
  expect(before.get('proven')?.length).toBeGreaterThan(15);
  const rolledBack = await fetch(`${rig.adminUrl}/v1/policy/roll-back`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ cohort: 'canary', because: 'a drill' }),
  });
  expect(rolledBack.status).toBe(200);
  await rig.world.clock.advance(1000);
  expect((await firstPlaces(rig)).get('fresh')).toBeUndefined();
  await rig.restart();
  expect(await rig.admin('/v1/policy')).toMatchObject({
    cohorts: [{ name: 'canary', rolledBack: { by: 'operator', because: 'a drill' } }],
  });
});

test('when sessions of a cohort report stalls and those of its control do not, it is rolled back by itself', async () => {
  const rig = await startFleet(
    { fresh: '2', proven: '1' },
    {
      policy: CANARY,
      maxPerAddressPerSec: 10_000,
      trustedProxies: ['127.0.0.0/8'],
    },
  );
  const ofCanary = (await firstPlaces(rig)).get('fresh') ?? [];
  const stalls = (session: string): string => `v=2,e=ps,sta=r,bs,sid="${session}",h="fresh.example:8080"`;
  const report = async (body: string, address: string): Promise<void> => {
    const headers = { 'content-type': 'application/cmcd', 'x-forwarded-for': address };
    expect((await rig.post('/v1/cmcd', body, headers)).status).toBe(204);
  };
  // One that speaks for all of them is not believed.
  await report(ofCanary.map(stalls).join('\n'), '192.0.2.1');
  expect(await rig.admin('/v1/policy')).toMatchObject({ cohorts: [{ name: 'canary' }] });
  expect(JSON.stringify(await rig.admin('/v1/policy'))).not.toContain('rolledBack');
  for (const [index, session] of ofCanary.entries()) await report(stalls(session), `198.51.100.${index}`);
  expect(await rig.admin('/v1/policy')).toMatchObject({
    cohorts: [
      { name: 'canary', rolledBack: { by: 'outcomes', because: expect.stringContaining('of canary stalled') } },
    ],
  });
  await rig.world.clock.advance(1000);
  expect((await firstPlaces(rig)).get('fresh')).toBeUndefined();
});

test('behind a balancer that speaks the PROXY protocol the client is placed by its own address', async () => {
  const rig = new SteeringRig({ trustedProxies: ['127.0.0.0/8'], proxyProtocol: true });
  await rig.start();
  stops.push(() => rig.stop());
  const { hostname, port } = new URL(rig.url);
  const ask = async (start: string): Promise<string> => {
    const socket = connect(Number(port), hostname);
    let [text, isClosed] = ['', false];
    socket.on('data', (piece: Buffer) => (text += piece.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => (isClosed = true));
    socket.write(`${start}POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    await until(() => isClosed);
    return text;
  };
  // What loopback may do unsigned in development, a client behind a balancer on loopback may not.
  expect(await ask('PROXY TCP4 203.0.113.9 198.51.100.1 1 2\r\n')).toMatch(/^HTTP\/1\.1 401 /);
  expect(await ask('PROXY UNKNOWN\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await ask('')).toBe('');
});

test('the PROXY protocol without anybody who may speak it is a mistake', () => {
  expect(() => new SteeringRig({ proxyProtocol: true })).toThrow(
    '--proxy-protocol hears nobody without --trusted-proxies',
  );
});

test('beyond the limit of decisions reports and programs are shed first, and heartbeats keep their share', async () => {
  const rig = await startFleet({ a: '1' }, { maxDecisionsPerSec: 2, maxHeartbeatsPerSec: 1 });
  const load = async () => ((await rig.admin('/v1/edge')) as { load: { shedShare: number } }).load.shedShare;
  for (let window = 0; window < 12; window += 1) {
    for (let asked = 0; asked < 4; asked += 1) await rig.get(`/v1/manifest/bars.m3u8?session=s${asked}`);
    await rig.world.clock.advance(250);
  }
  expect(await load()).toBeGreaterThan(0.5);
  const report = await rig.post('/v1/cmcd', 'v=2', { 'content-type': 'application/cmcd' });
  expect(report.status).toBe(204);
  expect(await (await fetch(`${rig.adminUrl}/metrics`)).text()).toMatch(/cmcd_records_total\{outcome="shed"\} 1/);
  const statuses = [];
  for (let sequence = 100; sequence < 103; sequence += 1)
    statuses.push((await rig.post('/v1/heartbeat', heartbeat('a', { sequence }))).status);
  expect(statuses).toEqual([200, 503, 503]);
  // A program still gets an answer, and it is the static one.
  const answer = parseSteeringAnswer(await rig.json('/v1/steer?title=bars&session=x'));
  expect(answer.degraded).toBe('too many requests to rank each of them');
  for (let calm = 0; calm < 16; calm += 1) await rig.world.clock.advance(250);
  expect(await load()).toBe(0);
});
