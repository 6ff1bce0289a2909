import { afterEach, expect, test } from 'vitest';
import { parseContentSteering, parseSteeringAnswer } from '../../src/contracts/steering-answer.ts';
import { until } from '../support/until.ts';
import { PlannerDouble } from './planner-double.ts';
import { heartbeat, holdingsOf, title } from './samples.ts';
import { SteeringRig } from './steering-rig.ts';

/** One decision in its five shapes, and what a running session is answered while the fleet around it changes. */
const ORIGIN = 'http://origin.example:8080';
const BARS = title('bars', { originUrl: ORIGIN });
const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Fleet {
  readonly rig: SteeringRig;
  readonly beat: (id: string, changes?: Parameters<typeof heartbeat>[1]) => Promise<void>;
}

/** Steering with these appliances, which hold all of the title. More may be heard of later. */
async function startFleet(
  ids: readonly string[],
  later: readonly string[] = [],
  flags: Readonly<Record<string, unknown>> = {},
): Promise<Fleet> {
  const planner = await new PlannerDouble().start();
  stops.push(() => planner.stop());
  planner.setTitles(BARS);
  for (const id of [...ids, ...later]) planner.setPlan(id, 1, BARS);
  const rig = await new SteeringRig({ planner: planner.url, ...flags }).start();
  stops.push(() => rig.stop());
  let sequence = 0;
  const fleet = {
    rig,
    beat: async (id: string, changes = {}) => {
      sequence += 1;
      await rig.beat(heartbeat(id, { sequence, holdings: holdingsOf(BARS, 'whole'), ...changes }));
    },
  };
  for (const id of ids) await fleet.beat(id);
  await rig.world.clock.advanceUntil(() => planner.seen.filter((line) => line.startsWith('list')).length >= ids.length);
  await until(async () => (await orderOf(rig)).length === ids.length + 1);
  return fleet;
}

const answerOf = async (rig: SteeringRig, session = 's1') =>
  parseSteeringAnswer(await rig.json(`/v1/steer?title=bars&session=${session}`));
async function orderOf(rig: SteeringRig, session = 's1'): Promise<string[]> {
  const response = await rig.get(`/v1/steer?title=bars&session=${session}`);
  return response.ok ? parseSteeringAnswer(await response.json()).ranked.map(({ id }) => id) : [];
}
const steeringOf = async (rig: SteeringRig, query: string, format = 'hls') =>
  parseContentSteering(await rig.json(`/v1/steering/${format}?${query}`));
const redirect = (rig: SteeringRig, target: string) => fetch(`${rig.url}/v1/redirect${target}`, { redirect: 'manual' });
/** The session's own question, as its manifest gave it. */
async function questionOf(rig: SteeringRig, session = 's1'): Promise<string> {
  const playlist = await (await rig.get(`/v1/manifest/bars.m3u8?session=${session}&steering=url`)).text();
  const uri = /SERVER-URI="([^"]+)"/.exec(playlist)?.[1] ?? '';
  return new URL(uri).search.slice(1);
}
const declaredIn = (question: string): string[] => new URLSearchParams(question).get('d')?.split('*') ?? [];

test('the five shapes of one decision agree', async () => {
  const { rig } = await startFleet(['a', 'b', 'c']);
  const order = await orderOf(rig);
  for (const format of ['hls', 'dash'])
    expect((await steeringOf(rig, 'a=bars&s=s1', format))['PATHWAY-PRIORITY']).toEqual(order);
  const location = (await redirect(rig, '/vod/bars/v144.mp4?session=s1')).headers.get('location');
  expect(location).toBe(`http://${order[0]}.example:8080/vod/bars/v144.mp4`);
  expect(await (await rig.get('/v1/manifest/bars.m3u8?session=s1')).text()).toContain(`,PATHWAY-ID="${order[0]}"`);
  const mpd = await (await rig.get('/v1/manifest/bars.mpd?session=s1')).text();
  expect(/ serviceLocation="([^"]+)"/.exec(mpd)?.[1]).toBe(order[0]);
});

test('a session stays where it says that it plays, and before it says so where its manifest began', async () => {
  const { rig } = await startFleet(['a', 'b', 'c']);
  const order = (await orderOf(rig)).filter((id) => id !== 'origin');
  for (const [id = '', ...others] of [order, order.toReversed()]) {
    const declared = [id, ...others].join('*');
    for (const query of [`d=${declared}`, `d=${order.join('*')}&_HLS_pathway=${id}`])
      expect((await steeringOf(rig, `a=bars&s=s1&${query}`, 'hls'))['PATHWAY-PRIORITY'][0]).toBe(id);
  }
});

test('every answer names its decision, no two alike, where pages of other origins may read it', async () => {
  const { rig } = await startFleet(['a']);
  const names = new Set<string>();
  const targets = [
    '/v1/steer?title=bars',
    '/v1/steering/hls?a=bars',
    '/v1/steering/dash?a=gone',
    '/v1/manifest/bars.mpd',
    '/v1/redirect/vod/bars/v144.mp4',
  ];
  for (const target of targets) {
    const response = await fetch(rig.url + target, { redirect: 'manual' });
    expect(response.headers.get('access-control-expose-headers')).toContain('Server-Timing');
    const name = /^rank;dur=[\d.]+, decision;desc="([\w-]{4,32})"$/.exec(
      response.headers.get('server-timing') ?? '',
    )?.[1];
    names.add(name ?? 'none');
  }
  expect(names.size).toBe(targets.length);
  expect(names).not.toContain('none');
  const response = await rig.get('/v1/steer?title=bars');
  const { decisionId, versions } = parseSteeringAnswer(await response.json());
  expect(response.headers.get('server-timing')).toContain(`"${decisionId}"`);
  expect(versions?.catalogue).toMatch(/^\d+$/);
});

test('a redirect leads to the best appliance, names the others, and is stored by nobody', async () => {
  const { rig } = await startFleet(['a', 'b']);
  const order = await orderOf(rig);
  const response = await redirect(rig, '/vod/bars/a48.m3u8?CMCD=bl%3D5%22x&session=s1');
  expect(response.status).toBe(302);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const urlAt = (id: string | undefined) =>
    `${id === 'origin' ? ORIGIN : `http://${id}.example:8080`}/vod/bars/a48.m3u8?CMCD=bl%3D5%22x`;
  expect(response.headers.get('location')).toBe(urlAt(order[0]));
  expect(response.headers.get('link')).toBe(
    `<${urlAt(order[1])}>; rel=duplicate; pri=2, <${urlAt('origin')}>; rel=duplicate; pri=3`,
  );
});

test('all ranges of a file lead a client without a session to one appliance', async () => {
  const { rig } = await startFleet(['a', 'b', 'c', 'd', 'e']);
  const locations = await Promise.all(
    Array.from({ length: 20 }, async () => (await redirect(rig, '/vod/bars/v144.mp4')).headers.get('location')),
  );
  expect(new Set(locations).size).toBe(1);
});

test('only files of the catalogue are redirected, and nothing gets into a header', async () => {
  const { rig } = await startFleet(['a']);
  for (const path of [
    '/vod/bars/secret.mp4',
    '//elsewhere.example/vod/bars/v144.mp4',
    '/',
    '',
    '/vod/bars/../bars/x',
  ]) {
    const response = await redirect(rig, path);
    expect([path, response.status]).toEqual([path, 404]);
    expect(response.headers.get('location')).toBeNull();
  }
  const response = await redirect(rig, '/vod/bars/v144.mp4?x=<y>,"z"&session=..&%0d%0aSet-Cookie:a=b');
  expect(response.status).toBe(302);
  expect(response.headers.get('set-cookie')).toBeNull();
  expect(response.headers.get('location')).not.toMatch(/[<>"\r\n]/);
});

test('without a catalogue a redirect says when to come again', async () => {
  const rig = await new SteeringRig({ planner: 'http://127.0.0.1:9' }).start();
  stops.push(() => rig.stop());
  const response = await redirect(rig, '/vod/bars/v144.mp4');
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
});

test('G12, CS-9: a manifest declares three appliances and the origin, two pathways at least', async () => {
  const { rig, beat } = await startFleet(['a', 'b', 'c', 'd', 'e']);
  expect(declaredIn(await questionOf(rig))).toEqual((await orderOf(rig)).slice(0, 3));
  for (const id of ['a', 'b', 'c', 'd', 'e']) await beat(id, { state: 'drained' });
  expect(await questionOf(rig)).toMatch(/&d=$/);
});

test('hours later the declared appliances are in the answer, however many better ones have come', async () => {
  const newcomers = Array.from({ length: 30 }, (_, index) => `n${index}`);
  const { rig, beat } = await startFleet(['a', 'b', 'c'], newcomers);
  const question = await questionOf(rig);
  const declared = declaredIn(question);
  expect(declared.toSorted()).toEqual(['a', 'b', 'c']);
  // The home of the session is elsewhere by then: everything is nearer than what it began with.
  await rig.world.clock.advance(2000);
  for (const id of ['a', 'b', 'c']) await beat(id, { holdings: holdingsOf(BARS, 'part') });
  for (const id of newcomers) await beat(id);
  await rig.world.clock.advance(2000);
  await until(async () => (await orderOf(rig)).every((id) => !declared.includes(id)));
  const { 'PATHWAY-PRIORITY': priority, 'RELOAD-URI': reload } = await steeringOf(rig, question);
  expect(priority).toHaveLength(8);
  expect(priority.filter((id) => declared.includes(id)).toSorted()).toEqual(['a', 'b', 'c']);
  expect(new URL(reload).search).toBe(`?${question}`);
  // Without the list nobody could know.
  const forgetful = await steeringOf(rig, question.replace(/&d=.*/, ''));
  expect(forgetful['PATHWAY-PRIORITY'].some((id) => declared.includes(id))).toBe(false);
  await beat(declared[0] ?? '', { state: 'draining', holdings: holdingsOf(BARS, 'part') });
  await until(async () => !(await steeringOf(rig, question))['PATHWAY-PRIORITY'].includes(declared[0] ?? ''));
});

test('G7, G8: clones bring a newcomer to a running session, if the operator wants them, and only where one is needed', async () => {
  const { rig, beat } = await startFleet(['a', 'b'], ['n'], { steeringClones: true });
  const question = await questionOf(rig);
  expect(await steeringOf(rig, question)).not.toHaveProperty('PATHWAY-CLONES');
  await beat('n');
  const body = await steeringOf(rig, question);
  expect(body['PATHWAY-CLONES']).toEqual([
    { 'BASE-ID': declaredIn(question)[0], ID: 'n', 'URI-REPLACEMENT': { HOST: 'n.example', PARAMS: {} } },
  ]);
  expect(body['PATHWAY-PRIORITY']).toContain('n');
  // A manifest that is rendered now declares it.
  expect(await steeringOf(rig, await questionOf(rig))).not.toHaveProperty('PATHWAY-CLONES');
  // Nobody knows what a question without the list was declared.
  expect(await steeringOf(rig, 'a=bars&s=s1')).not.toHaveProperty('PATHWAY-CLONES');
});

test('G7: without the knob there are no clones', async () => {
  const { rig, beat } = await startFleet(['a'], ['n']);
  const question = await questionOf(rig);
  await beat('n');
  expect(await steeringOf(rig, question)).not.toHaveProperty('PATHWAY-CLONES');
});

test('a session that began with the origin alone is brought to an appliance by a clone of the origin', async () => {
  const { rig, beat } = await startFleet([], ['n'], { steeringClones: true });
  const question = await questionOf(rig);
  expect(question).toMatch(/&d=$/);
  await beat('n');
  expect((await steeringOf(rig, question))['PATHWAY-CLONES']).toMatchObject([{ 'BASE-ID': 'origin', ID: 'n' }]);
});

test('the JSON answer is small, however many appliances are left out of it', async () => {
  const others = Array.from({ length: 24 }, (_, index) => `a-long-name-of-an-appliance-${index}`);
  const { rig, beat } = await startFleet(['a', 'b', 'c', 'd', 'e', 'f', 'g'], others);
  for (const id of others) await beat(id, { state: 'drained' });
  await rig.world.clock.advance(1000);
  const answer = await answerOf(rig);
  expect(answer.excluded).toHaveLength(16);
  expect(JSON.stringify(answer).length).toBeLessThanOrEqual(6144);
  const { excluded } = (await rig.admin('/v1/explain?title=bars&client=203.0.113.7')) as { excluded: unknown[] };
  expect(excluded.length).toBe(24);
});
