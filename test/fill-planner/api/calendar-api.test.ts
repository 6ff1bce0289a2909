import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import { DEMO_MEDIA } from '../catalog/demo-title.ts';
import { FLEET, RunningPlanner } from '../running-planner.ts';

let planner: RunningPlanner;
beforeAll(async () => {
  planner = await RunningPlanner.start();
  await planner.admin.send('PUT', '/v1/fleet', FLEET);
});
afterAll(() => planner[Symbol.asyncDispose]());

const shown = async (): Promise<unknown> => {
  const answer = await planner.admin.get('/v1/calendar');
  return answer.kind === 'body' ? answer.body : undefined;
};

test('entries are taken, told with what nobody knows yet, kept over a restart, and taken back', async () => {
  const entries = {
    launches: [{ title: 'film', at: '2030-01-01T00:00Z', regions: ['de', 'mars'], like: 'other' }],
    pins: [{ rendition: 'film/v240', site: 's1' }],
  };
  expect(await planner.admin.post('/v1/calendar', entries)).toEqual({
    added: 3,
    changed: 0,
    unchanged: 0,
    removed: 0,
    notThereYet: ['title film', 'title other', 'region mars', 'rendition film/v240'],
  });
  await planner.stop();
  await planner.start();
  expect(await shown()).toMatchObject({
    calendar: {
      launches: [{ regions: ['de'] }, { regions: ['mars'] }],
      pins: [{ rendition: 'film/v240', site: 's1' }],
    },
  });
  expect(await planner.admin.send('PUT', '/v1/calendar', { pins: [{ title: 'film', region: 'us' }] })).toMatchObject({
    added: 1,
    removed: 3,
  });
  expect(await planner.admin.send('DELETE', '/v1/calendar?kind=pin&of=film')).toEqual({ removed: ['film region us'] });
  await expect(planner.admin.send('DELETE', '/v1/calendar?kind=pin&of=film')).rejects.toThrow(/404 .*no pin of 'film'/);
});

test('a calendar with one wrong entry changes nothing', async () => {
  const before = await shown();
  const wrong = {
    launches: [{ title: 'fine', at: '2030-01-01T00:00Z' }],
    retirements: [{ title: 'fine', at: 'soon' }],
  };
  await expect(planner.admin.send('PUT', '/v1/calendar', wrong)).rejects.toThrow(
    /400 .*retirements\.0\.at: 'soon' is no time/,
  );
  expect(await shown()).toEqual(before);
});

test('steering does not hear of a title under embargo before its launch, and hears of it then', async () => {
  await planner.addTitle({ source: DEMO_MEDIA, id: 'secret', originUrl: 'http://origin.example' });
  const steering = await planner.enrolled('st', 'steering');
  const known = async (etag?: string) => {
    const answer = await steering.get('/v1/catalogue', etag);
    return answer.kind === 'body' ? { etag: answer.etag, text: JSON.stringify(answer.body) } : undefined;
  };
  const before = await known();
  expect(before?.text).toContain('"secret"');
  await planner.admin.post('/v1/calendar', { launches: [{ title: 'secret', at: '2999-01-01T00:00Z', embargo: true }] });
  const during = await known(before?.etag);
  expect(during?.text).not.toContain('secret');
  expect(await known(during?.etag)).toBeUndefined();
  await planner.admin.post('/v1/calendar', { launches: [{ title: 'secret', at: '2020-01-01T00:00Z', embargo: true }] });
  expect((await known(during?.etag))?.text).toContain('"secret"');
});

test('the next cycle plans what is pinned, and what is retired no more', async () => {
  await planner.addTitle({ source: DEMO_MEDIA, id: 'old', originUrl: 'http://origin.example' });
  const planned = async (id: string): Promise<string[]> => {
    await planner.admin.post('/v1/plan-cycle', {});
    const answer = await planner.admin.get(`/v1/plans/${id}`);
    return answer.kind === 'body' ? (answer.body as FillPlan).renditions : [];
  };
  const fleet = { ...FLEET, appliances: FLEET.appliances.map((each) => ({ ...each, capacityBytes: 1e12 })) };
  await planner.admin.send('PUT', '/v1/fleet', fleet);
  const pin = { rendition: 'old/v144', cluster: 'c2', reason: 'a test' };
  await planner.admin.post('/v1/calendar', { pins: [pin] });
  expect(await planned('b1')).toContain('old/v144');
  await planner.admin.post('/v1/calendar', {
    retirements: [{ title: 'old', at: '2020-01-01T00:00Z', graceDays: 3650 }],
  });
  for (const id of ['a1', 'a2', 'b1'])
    expect((await planned(id)).filter((each) => each.startsWith('old/'))).toEqual([]);
});

test('a title whose grace has ended is purged everywhere and leaves the catalogue, once', async () => {
  await planner.admin.post('/v1/calendar', {
    retirements: [{ title: 'secret', at: '2020-02-01T00:00Z', graceDays: 1 }],
  });
  await planner.admin.post('/v1/plan-cycle', {});
  const { triggers } = (await planner.admin.get('/v1/triggers').then((answer) => 'body' in answer && answer.body)) as {
    triggers: string[];
  };
  expect(triggers).toHaveLength(1);
  const a1 = await planner.enrolled('a1');
  const list = await a1.get('/v1/triggers/a1');
  expect(list).toMatchObject({ body: { triggers: [{ type: 'purge', patterns: [], tags: [] }] } });
  await expect(planner.admin.get('/v1/titles/secret')).rejects.toThrow(/404/);
  await planner.admin.post('/v1/plan-cycle', {});
  const again = (await planner.admin.get('/v1/triggers').then((answer) => 'body' in answer && answer.body)) as object;
  expect(again).toMatchObject({ triggers });
});
