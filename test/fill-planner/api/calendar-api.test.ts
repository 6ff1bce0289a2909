import { afterAll, beforeAll, expect, test } from 'vitest';
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
