import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseContentSteering, parseSteeringAnswer } from '../../../src/contracts/steering-answer.ts';
import { until } from '../../support/until.ts';
import { PlannerDouble } from '../planner-double.ts';
import { heartbeat, holdingsOf, title } from '../samples.ts';
import { SteeringRig } from '../steering-rig.ts';

const BARS = title('bars');
const PLACES = { a: 'berlin', b: 'berlin', c: 'munich' };

let planner: PlannerDouble;
let rig: SteeringRig;
let sequence = 0;

beforeEach(async () => {
  planner = await new PlannerDouble().start();
  planner.setTitles(BARS);
  for (const id of Object.keys(PLACES)) planner.setPlan(id, 1, BARS);
  rig = new SteeringRig({ planner: planner.url, sites: '' });
});
afterEach(async () => {
  await rig.stop();
  await planner.stop();
});

async function beat(): Promise<void> {
  sequence += 1;
  for (const [id, siteId] of Object.entries(PLACES))
    await rig.beat(heartbeat(id, { siteId, clusterId: `${siteId}-1`, sequence, holdings: holdingsOf(BARS, 'whole') }));
}

async function startWithSites(): Promise<void> {
  const file = join(rig.folder, 'sites.json');
  const sites = [{ id: 'berlin', kind: 'peering', timeZone: 'Europe/Berlin' }];
  writeFileSync(file, JSON.stringify({ version: 1, sites }));
  rig = new SteeringRig({ planner: planner.url, sites: file });
  await rig.start();
  await beat();
  await rig.world.clock.advanceUntil(() => planner.seen.filter((line) => line.startsWith('list')).length >= 3);
  await until(async () => (await offered()).length === 4);
}

const steer = async () => parseSteeringAnswer(await rig.json('/v1/steer?title=bars&session=s'));
const offered = async (): Promise<string[]> => {
  const response = await rig.get('/v1/steer?title=bars&session=s');
  return response.ok ? (await steer()).ranked.map(({ id }) => id).sort() : [];
};
const call = async (method: string, name: string, body?: object): Promise<{ status: number; text: string }> => {
  const init = { method, headers: { 'content-type': 'application/json' } };
  const response = await fetch(
    `${rig.adminUrl}/v1/withholdings/${name}`,
    body === undefined ? { method } : { ...init, body: JSON.stringify(body) },
  );
  return { status: response.status, text: await response.text() };
};
const DRAIN = { scope: 'site', target: 'berlin', why: 'router swap' };

test('a drained site is left out of every answer with its reason, also after a restart, until it is taken back', async () => {
  await startWithSites();
  const put = await call('PUT', 'swap', { ...DRAIN, forMs: 7_200_000 });
  expect(put.status).toBe(200);
  expect(JSON.parse(put.text)).toMatchObject({ kept: true, endsByDefault: false, appliances: ['a', 'b'] });
  expect(await offered()).toEqual(['c', 'origin']);
  expect((await steer()).excluded).toEqual([
    { id: 'a', reason: expect.stringMatching(/^site berlin is withheld until .*: router swap$/) },
    { id: 'b', reason: expect.stringContaining('router swap') },
  ]);
  const order = parseContentSteering(await rig.json('/v1/steering/hls?a=bars&s=s&_HLS_pathway=a'))['PATHWAY-PRIORITY'];
  expect(order[0]).toBe('c');
  // Also where there is no decision.
  const unknown = parseContentSteering(await rig.json('/v1/steering/hls?a=gone&s=s&_HLS_pathway=a'));
  expect(unknown['PATHWAY-PRIORITY']).not.toContain('a');
  expect(await (await fetch(`${rig.adminUrl}/metrics`)).text()).toContain('steering_withheld_appliances 2');

  await rig.restart();
  expect(await offered()).toEqual(['c', 'origin']);
  expect((await call('DELETE', 'swap')).status).toBe(204);
  expect(await offered()).toEqual(['a', 'b', 'c', 'origin']);
  expect((await call('DELETE', 'swap')).status).toBe(404);
});

test('a drain on the clocks of the site begins and ends by itself', async () => {
  await startWithSites();
  // It is half past two in Berlin.
  const put = await call('PUT', 'night', { ...DRAIN, start: '2030-01-07T03:00', end: '2030-01-07T03:30' });
  expect(put.status).toBe(200);
  const advance = async (): Promise<void> => {
    for (let minute = 0; minute < 31; minute += 1) {
      await rig.world.clock.advance(60_000);
      await beat();
    }
  };
  expect(await offered()).toContain('a');
  await advance();
  expect(await offered()).toEqual(['c', 'origin']);
  await advance();
  expect(await offered()).toContain('a');
  expect(await rig.admin('/v1/withholdings')).toMatchObject({ withholdings: [] });
  const journal = (await rig.admin('/v1/fleet/a/journal')) as { entries: Array<{ by: string; what: string }> };
  expect(journal.entries.filter(({ by }) => by === 'operator').map(({ what }) => what)).toEqual([
    expect.stringContaining('router swap'),
    'no longer withheld',
  ]);
});

test.each([
  ['nobody stands there', { ...DRAIN, target: 'hamburg' }, 404, /no site 'hamburg' is known/],
  [
    'the clock of the site is not known',
    { ...DRAIN, target: 'munich', end: '2030-01-08T00:00' },
    400,
    /with an offset/,
  ],
  ['the time is none', { ...DRAIN, end: 'tomorrow' }, 400, /times are like/],
  ['it ends twice', { ...DRAIN, end: 1, forMs: 1 }, 400, /not both/],
  ['it is over', { ...DRAIN, end: '2029-01-01T00:00Z' }, 400, /over already|before it begins/],
  ['it has no reason', { scope: 'site', target: 'berlin' }, 400, /why/],
])('a drain is refused when %s, and nothing is withheld', async (_what, body, status, says) => {
  await startWithSites();
  const answer = await call('PUT', 'wrong', body);
  expect(answer.status).toBe(status);
  expect(answer.text).toMatch(says);
  expect(await offered()).toEqual(['a', 'b', 'c', 'origin']);
});

test('sites are told as they are known, and a journal only of appliances that are', async () => {
  await startWithSites();
  expect(await rig.admin('/v1/sites')).toMatchObject({ sites: [{ id: 'berlin', kind: 'peering' }] });
  expect((await fetch(`${rig.adminUrl}/v1/fleet/nobody/journal`)).status).toBe(404);
});
