import { afterAll, beforeAll, expect, test } from 'vitest';
import { FLEET, RunningPlanner } from '../running-planner.ts';

let planner: RunningPlanner;
beforeAll(async () => {
  planner = await RunningPlanner.start();
  const [s1, s2] = FLEET.sites;
  const sites = [{ ...s1, isp: 'Example Net', transit: { perTerabyte: 5, currency: 'EUR' } }, s2];
  await planner.admin.send('PUT', '/v1/fleet', { ...FLEET, sites });
});
afterAll(() => planner[Symbol.asyncDispose]());

const ask = async (target: string): Promise<unknown> => {
  const answer = await planner.admin.get(target);
  return answer.kind === 'body' ? answer.body : undefined;
};

test('what appliances tell is in the savings of their site and ISP, once, over a restart', async () => {
  const nowMs = planner.world.clock.nowMs();
  const slotStartMs = nowMs - (nowMs % 300_000);
  const slot = { slotStartMs, servedBytes: 3e12, fillBytes: { peer: 1, tier: 5e11, origin: 4e11 } };
  const slots = [{ ...slot, missBytes: { peer: 0, tier: 0, origin: 1e11 } }];
  const a1 = await planner.enrolled('a1');
  for (let times = 0; times < 3; times += 1) await a1.post('/v1/traffic', { version: 1, applianceId: 'a1', slots });
  await expect(a1.post('/v1/traffic', { version: 1, applianceId: 'a2', slots })).rejects.toThrow(/403/);
  await planner.stop();
  await planner.start();
  expect(await ask('/v1/savings')).toMatchObject({
    isRunning: true,
    sites: [
      {
        siteId: 's1',
        servedBytes: 3e12,
        crossedBytes: 1e12,
        savedBytes: 2e12,
        savedMoney: { currency: 'EUR', byVolume: 10 },
        rates: { servedBitsPerSec: 8e10 },
        appliances: [
          { applianceId: 'a1', servedBytes: 3e12 },
          { applianceId: 'a2', servedBytes: 0 },
        ],
      },
      { siteId: 's2', servedBytes: 0 },
    ],
    isps: [{ isp: 'Example Net', savedBytes: 2e12, savedMoney: { EUR: 10 } }, { isp: '(no isp)' }],
  });
  expect(await ask('/v1/savings?site=s2')).toMatchObject({ sites: [{ siteId: 's2' }] });
  expect(await ask('/v1/savings?month=2020-01')).toMatchObject({ isRunning: false, sites: [{ servedBytes: 0 }, {}] });
  await expect(ask('/v1/savings?month=2020')).rejects.toThrow(/400 month must be as 2026-11/);
  await expect(ask('/v1/savings?site=mars')).rejects.toThrow(/404 .*there are: s1, s2/);
});
