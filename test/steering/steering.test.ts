import { createServer } from 'node:http';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { parseContentSteering, parseSteeringAnswer } from '../../src/contracts/steering-answer.ts';
import { until } from '../support/until.ts';
import { PlannerDouble } from './planner-double.ts';
import { heartbeat, holdingsOf, title } from './samples.ts';
import { SteeringRig } from './steering-rig.ts';

const BARS = title('bars');
const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startPlanner(...titles: Parameters<PlannerDouble['setTitles']>): Promise<PlannerDouble> {
  const planner = await new PlannerDouble().start();
  stops.push(() => planner.stop());
  planner.setTitles(...titles);
  return planner;
}

async function startRig(flags: Readonly<Record<string, unknown>>): Promise<SteeringRig> {
  const rig = await new SteeringRig(flags).start();
  stops.push(() => rig.stop());
  return rig;
}

/** Steering with the title in its catalogue and these appliances, which hold all of it. */
async function startFleet(ids: readonly string[], flags: Readonly<Record<string, unknown>> = {}) {
  const planner = await startPlanner(BARS);
  for (const id of ids) planner.setPlan(id, 1, BARS);
  const rig = await startRig({ planner: planner.url, ...flags });
  for (const id of ids) await rig.beat(heartbeat(id, { holdings: holdingsOf(BARS, 'whole') }));
  await rig.world.clock.advanceUntil(() => planner.seen.filter((line) => line.startsWith('list')).length >= ids.length);
  await until(async () => {
    const response = await rig.get('/v1/steer?title=bars');
    if (!response.ok) return false;
    const places = parseSteeringAnswer(await response.json()).ranked.slice(0, -1);
    return places.length === ids.length && places.every(({ reasons }) => reasons.includes('holds 100 % of the title'));
  });
  return { planner, rig };
}

const steerAnswer = async (rig: SteeringRig, query = 'title=bars') =>
  parseSteeringAnswer(await rig.json(`/v1/steer?${query}`));
const ranked = async (rig: SteeringRig, query?: string): Promise<string[]> => {
  const response = await rig.get(`/v1/steer?${query ?? 'title=bars'}`);
  return response.ok ? parseSteeringAnswer(await response.json()).ranked.map(({ id }) => id) : [];
};
const priority = async (rig: SteeringRig, query = 'a=bars&s=x'): Promise<string[]> =>
  parseContentSteering(await rig.json(`/v1/steering/hls?${query}`))['PATHWAY-PRIORITY'];

test('an answer ranks the appliances with their reasons, ends with the origin, and says where it thinks the client is', async () => {
  const { rig } = await startFleet(['a', 'b']);
  const answer = await steerAnswer(rig, 'title=bars&session=my-session');
  expect(answer).toMatchObject({
    sessionId: 'my-session',
    title: 'bars',
    client: { evidence: 'default' },
    excluded: [],
  });
  expect(answer.ranked.map(({ place, kind }) => [place, kind])).toEqual([
    [1, 'appliance'],
    [2, 'appliance'],
    [3, 'origin'],
  ]);
  expect(answer.ranked.at(-1)).toMatchObject({ id: 'origin', baseUrl: BARS.originUrl });
  for (const { reasons } of answer.ranked) expect(reasons.length).toBeGreaterThan(0);
  expect(answer.degraded).toBeUndefined();
});

test('the same session is given the same order, and without one it is given a new session', async () => {
  const { rig } = await startFleet(['a', 'b', 'c']);
  const first = await ranked(rig, 'title=bars&session=s1');
  expect(await ranked(rig, 'title=bars&session=s1')).toEqual(first);
  const [one, two] = [await steerAnswer(rig), await steerAnswer(rig)];
  expect(one.sessionId).not.toBe(two.sessionId);
  expect(await ranked(rig, `title=bars&session=${one.sessionId}`)).toEqual(one.ranked.map(({ id }) => id));
});

test('content steering, manifests and the ranked answer of one session agree', async () => {
  const { rig } = await startFleet(['a', 'b', 'c']);
  const order = await ranked(rig, 'title=bars&session=s1');
  expect(await priority(rig, 'a=bars&s=s1')).toEqual(order);
  const playlist = await (await rig.get('/v1/manifest/bars.m3u8?session=s1')).text();
  expect(playlist).toContain(`PATHWAY-ID="${order[0]}"`);
  const mpd = await (await rig.get('/v1/manifest/bars.mpd?session=s1')).text();
  expect([...mpd.matchAll(/serviceLocation="([^"]+)"/g)].map((match) => match[1])).toEqual(order);
});

test('a draining, a sick, a full and a silent appliance are left out, and say why', async () => {
  const { rig } = await startFleet(['a', 'b', 'c', 'd', 'e']);
  const holdings = holdingsOf(BARS, 'whole');
  const load = { egressBitsPerSec: 2e9, activeRequests: 1, cpuShare: 1 };
  for (const sequence of [2, 3, 4]) {
    await rig.world.clock.advance(2000);
    await rig.beat(heartbeat('a', { sequence, holdings, state: 'draining' }));
    await rig.beat(
      heartbeat('b', { sequence, holdings, health: { healthy: false, reasons: ['volume 1 is offline'] } }),
    );
    await rig.beat(heartbeat('c', { sequence, holdings, load }));
    await rig.beat(heartbeat('d', { sequence, holdings }));
  }
  await rig.world.clock.advance(1000);
  const answer = await steerAnswer(rig);
  expect(answer.ranked.map(({ id }) => id)).toEqual(['d', 'origin']);
  expect(Object.fromEntries(answer.excluded.map(({ id, reason }) => [id, reason]))).toEqual({
    a: 'is draining',
    b: 'unhealthy: volume 1 is offline',
    c: 'at its hard limit: 2000.0 of 2000.0 Mbit/s',
    // Seven seconds, less the second that a view may be old (fleet-registry.ts).
    e: expect.stringMatching(/^no heartbeat for [67]\.\d s$/),
  });
});

test('an appliance that holds nothing of the title is left out, one that holds part of it comes after the others', async () => {
  const planner = await startPlanner(BARS);
  const rig = await startRig({ planner: planner.url });
  for (const [id, level] of [
    ['whole', 'whole'],
    ['part', 'part'],
    ['none', 'none'],
  ] as const) {
    planner.setPlan(id, 1, BARS);
    await rig.beat(heartbeat(id, { holdings: holdingsOf(BARS, level) }));
  }
  await rig.world.clock.advanceUntil(() => planner.seen.length >= 4);
  await until(async () => (await ranked(rig)).join() === 'whole,part,origin');
  expect((await steerAnswer(rig)).excluded).toEqual([{ id: 'none', reason: 'holds nothing of the title' }]);
});

test('G4: with no appliance there are still two pathways, and both lead to the origin', async () => {
  const { rig } = await startFleet([]);
  expect(await priority(rig)).toEqual(['origin-retry', 'origin']);
  const playlist = await (await rig.get('/v1/manifest/bars.m3u8')).text();
  expect(playlist.match(/http:\/\/origin\.example:9000\/vod\/bars\/v144\.m3u8/g)).toHaveLength(2);
  expect(playlist).toContain('PATHWAY-ID="origin-retry"');
});

test('G14, G17: an unknown title: a problem where JSON is read, an order where players ask, both readable by a page elsewhere', async () => {
  const { rig } = await startFleet(['a']);
  for (const target of [
    '/v1/steer?title=gone',
    '/v1/manifest/gone.m3u8',
    '/v1/manifest/gone.mpd',
    '/v1/manifest/x.txt',
  ]) {
    const response = await rig.get(target);
    expect([target, response.status]).toEqual([target, 404]);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  }
  const response = await rig.get('/v1/steering/dash?a=gone&s=x');
  expect(response.status).toBe(200);
  const body = parseContentSteering(await response.json());
  expect(body['PATHWAY-PRIORITY']).toEqual(['a', 'origin']);
  expect(body.TTL).toBeGreaterThanOrEqual(120);
});

test('G17: an answer without a decision leaves a player where it says it is', async () => {
  const { rig } = await startFleet(['a', 'b', 'c']);
  for (const id of ['a', 'b', 'c']) expect((await priority(rig, `a=gone&s=x&_HLS_pathway=${id}`))[0]).toBe(id);
  expect(await priority(rig, 'a=gone&s=x&_HLS_pathway=origin')).toEqual(['origin-retry', 'origin']);
});

test("an answer without a decision begins with the client's site", async () => {
  const { rig } = await startFleet(['a', 'b', 'c'], { allowPrivateRoutes: true, maxPerAddressPerSec: 1 });
  await rig.beat(heartbeat('b', { sequence: 2, siteId: 'south', holdings: holdingsOf(BARS, 'whole') }));
  await rig.post('/v1/routes', { ...routes('b', ['127.0.0.0/8']), siteId: 'south' });
  await routesInUse(rig, 1);
  for (let session = 0; session < 10; session += 1) expect((await priority(rig, `a=gone&s=${session}`))[0]).toBe('b');
});

test('G17, G18, G22: a flood from one address gets answers that ask for less, never an error', async () => {
  const { rig } = await startFleet(['a'], { maxPerAddressPerSec: 20 });
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => rig.get('/v1/steering/hls?a=bars&s=x&_HLS_pathway=a')),
  );
  const bodies = await Promise.all(answers.map(async (answer) => parseContentSteering(await answer.json())));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(bodies.filter(({ TTL }) => TTL >= 120).length).toBeGreaterThanOrEqual(80);
  expect(bodies.every((body) => body['PATHWAY-PRIORITY'][0] === 'a')).toBe(true);
  const steer = await steerAnswer(rig);
  expect(steer.degraded).toContain('too many requests');
  expect(steer.ranked.at(-1)?.kind).toBe('origin');
});

test('CS-13: preflights are answered, and stay answered for a while', async () => {
  const { rig } = await startFleet([]);
  const response = await fetch(`${rig.url}/v1/cmcd`, {
    method: 'OPTIONS',
    headers: { origin: 'https://play.example' },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-methods')).toContain('POST');
  expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThanOrEqual(600);
});

test('G17: before the planner was ever reached, players get an order and everything else says what is missing', async () => {
  const rig = await startRig({ planner: 'http://127.0.0.1:9' });
  await rig.beat(heartbeat('a'));
  expect((await rig.get('/v1/steer?title=bars')).status).toBe(503);
  expect((await rig.get('/v1/manifest/bars.m3u8')).status).toBe(503);
  expect(await priority(rig)).toEqual(['a', 'origin']);
  expect(await rig.admin('/readyz')).toMatchObject({ status: 'not ready' });
});

test('the planner may die, and steering restart without it: the last catalogue and fleet go on', async () => {
  const { planner, rig } = await startFleet(['a', 'b']);
  await rig.world.clock.advance(1500);
  await planner.stop();
  await rig.restart();
  const answer = await steerAnswer(rig);
  expect(answer.ranked.map(({ id }) => id).sort()).toEqual(['a', 'b', 'origin']);
  expect(answer.ranked[0]?.reasons).toContain('doubtful: known from before a restart, not heard since');
  expect((await rig.get('/v1/manifest/bars.mpd')).status).toBe(200);

  await rig.beat(heartbeat('a', { sequence: 2, holdings: holdingsOf(BARS, 'whole') }));
  expect((await ranked(rig))[0]).toBe('a');
  await rig.world.clock.advance(6001);
  expect((await steerAnswer(rig)).ranked.map(({ id }) => id)).toEqual(['origin']);
});

test('a changed catalogue is taken, an unchanged one is asked for by its tag', async () => {
  const { planner, rig } = await startFleet([]);
  planner.setTitles(BARS, title('tone'));
  await rig.world.clock.advanceUntil(() => planner.seen.filter((line) => line === 'catalogue').length >= 2);
  await until(async () => (await rig.get('/v1/steer?title=tone')).status === 200);
  await rig.world.clock.advanceUntil(() => planner.seen.includes('catalogue 304'));
});

test('a catalogue that breaks its contract changes nothing', async () => {
  const broken = createServer((_request, response) => response.end('{"version":1,"titles":"none"}'));
  await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise((resolve) => broken.close(() => resolve())));
  const address = broken.address();
  const rig = await startRig({ planner: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` });
  await rig.world.clock.advance(20_000);
  expect((await rig.get('/v1/steer?title=bars')).status).toBe(503);
});

test('when a plan is new, the list that its holdings count over is fetched once', async () => {
  const { planner, rig } = await startFleet(['a']);
  planner.setPlan('a', 2, title('tone'), BARS);
  const both = {
    planVersion: 2,
    renditionCount: 8,
    levels: Buffer.from([0b00_00_00_00, 0b11_11_11_11]).toString('base64'),
  };
  for (let sequence = 2; sequence < 6; sequence += 1) await rig.beat(heartbeat('a', { sequence, holdings: both }));
  await rig.world.clock.advanceUntil(() => planner.seen.includes('list a 2'));
  await until(async () => (await steerAnswer(rig)).ranked[0]?.reasons.includes('holds 100 % of the title') === true);
  expect(planner.seen.filter((line) => line === 'list a 2')).toHaveLength(1);
});

test('appliances enrol with a token and sign what they send', async () => {
  const rig = await startRig({ allowUnsignedLoopback: false });
  expect((await rig.post('/v1/heartbeat', heartbeat('a'))).status).toBe(401);
  expect((await rig.postSigned('a', '/v1/heartbeat', heartbeat('a'))).status).toBe(401);
  expect((await rig.enrol('a')).status).toBe(200);
  const response = await rig.postSigned('a', '/v1/heartbeat', heartbeat('a'));
  expect(await response.json()).toEqual({
    version: 1,
    leaseMs: 6000,
    tokenKeys: [],
    answeredAtMs: rig.world.clock.nowMs(),
  });
  expect((await rig.postSigned('a', '/v1/heartbeat', heartbeat('b'))).status).toBe(403);
  expect((await rig.postSigned('a', '/v1/routes', routes('b', []))).status).toBe(403);
  expect((await rig.enrol('s', 'steering')).status).toBe(200);
  expect((await rig.postSigned('s', '/v1/heartbeat', heartbeat('s'))).status).toBe(403);
});

const routes = (applianceId: string, prefixes: string[], reportedAtMs = 1) => ({
  version: 1,
  applianceId,
  siteId: 'north',
  reportedAtMs,
  routes: prefixes.map((prefix) => ({ prefix })),
});

/** Reports are put together beside the players' requests. */
const routesInUse = async (rig: SteeringRig, prefixes: number): Promise<void> =>
  expect.poll(async () => rig.admin('/v1/routes')).toMatchObject({ prefixes });

test('reported routes place clients, survive a restart, and are withdrawn by the next report', async () => {
  const { rig } = await startFleet(['a'], { allowPrivateRoutes: true });
  expect((await rig.post('/v1/routes', routes('a', ['127.0.0.0/8', '0.0.0.0/0']))).status).toBe(204);
  await routesInUse(rig, 1);
  expect((await steerAnswer(rig)).client).toEqual({ evidence: 'route', prefix: '127.0.0.0/8', siteId: 'north' });
  expect(await rig.admin('/v1/routes')).toMatchObject({
    prefixes: 1,
    reports: [{ routes: 1, refused: { default: 1 } }],
  });
  await rig.restart();
  expect((await steerAnswer(rig)).client.siteId).toBe('north');
  await rig.post('/v1/routes', routes('a', [], 2));
  await routesInUse(rig, 0);
  expect((await steerAnswer(rig)).client).toEqual({ evidence: 'default' });
});

test('a report of more routes than allowed is refused whole', async () => {
  const { rig } = await startFleet(['a'], { allowPrivateRoutes: true, maxReportedRoutes: 1 });
  expect((await rig.post('/v1/routes', routes('a', ['127.0.0.0/8', '10.0.0.0/8']))).status).toBe(413);
  expect((await steerAnswer(rig)).client.evidence).toBe('default');
});

test('G6: nobody may take the name of the origin', async () => {
  const rig = await startRig({});
  expect((await rig.post('/v1/heartbeat', heartbeat('origin'))).status).toBe(403);
  expect((await rig.post('/v1/heartbeat', heartbeat('origin-retry'))).status).toBe(403);
});

test('a heartbeat that breaks its contract is told where', async () => {
  const rig = await startRig({});
  const response = await rig.post('/v1/heartbeat', { ...heartbeat('a'), state: 'asleep' });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'CONTRACT', detail: expect.stringContaining('state') });
});

test('explain shows the whole decision for any client', async () => {
  const { rig } = await startFleet(['a', 'b']);
  await rig.beat(heartbeat('b', { sequence: 2, state: 'drained' }));
  const explained = await rig.admin('/v1/explain?title=bars&client=203.0.113.7&session=s1');
  expect(explained).toMatchObject({
    client: { evidence: 'default' },
    places: [{ id: 'a' }, { id: 'origin' }],
    excluded: [{ id: 'b', code: 'not-serving', reason: 'is drained' }],
    passedOver: [],
  });
  const { candidates } = explained as { candidates: Array<{ place?: number; member: { id: string } }> };
  expect(candidates.find(({ member }) => member.id === 'a')).toMatchObject({
    place: 1,
    score: { heldClass: 4, inSite: false, yields: false },
    held: { kind: 'known', share: 1 },
  });
  expect(candidates.find(({ member }) => member.id === 'b')?.place).toBeUndefined();
  expect(await rig.admin('/v1/explain?title=bars')).toMatchObject({ status: 400 });
});

test('a trusted proxy names the client, and nobody else does', async () => {
  const { rig } = await startFleet(['a'], { trustedProxies: ['127.0.0.0/8'], allowPrivateRoutes: true });
  await rig.post('/v1/routes', routes('a', ['8.8.8.0/24']));
  await routesInUse(rig, 1);
  const response = await rig.get('/v1/steer?title=bars', { 'x-forwarded-for': '8.8.8.8' });
  expect(parseSteeringAnswer(await response.json()).client.prefix).toBe('8.8.8.0/24');
});

test('G17: only a malformed request line gets 400 from the steering endpoints', async () => {
  const { rig } = await startFleet(['a']);
  const { port } = new URL(rig.url);
  const raw = (target: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () =>
        socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      );
      let text = '';
      socket.on('data', (piece) => {
        text += piece.toString();
      });
      socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''));
      socket.on('error', reject);
    });
  expect(await raw('/v1/steering/hls?a=%&s=%zz&_HLS_pathway=%%%')).toContain('200');
  expect(await raw(`/v1/steering/hls?${'x'.repeat(12_000)}`)).toContain('200');
  expect(await raw('/v1/steering/hls?a=b%00&&&==&a[]=1')).toContain('200');
  expect(await raw('/v1/%zz')).toContain('400');
});

test('metrics count decisions and exclusions', async () => {
  const { rig } = await startFleet(['a']);
  await rig.beat(heartbeat('a', { sequence: 2, state: 'draining' }));
  await steerAnswer(rig);
  const text = await (await fetch(`${rig.adminUrl}/metrics`)).text();
  expect(text).toMatch(/steering_decisions_total\{first="origin"\} \d/);
  expect(text).toMatch(/steering_exclusions_total\{code="not-serving"\} \d/);
  expect(text).toMatch(/steering_appliances\{lease="current"\} 1/);
  expect(text).toMatch(/steering_planner_silent_seconds \d/);
});
