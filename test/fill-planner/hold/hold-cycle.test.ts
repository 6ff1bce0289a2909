import { afterEach, expect, test } from 'vitest';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import { DEMO_MEDIA } from '../catalog/demo-title.ts';
import { FLEET, RunningPlanner } from '../running-planner.ts';

const HOUR_MS = 3_600_000;

let planner: RunningPlanner;
afterEach(() => planner[Symbol.asyncDispose]());

/** What a1 shall hold, after a cycle of now. */
async function planned(): Promise<FillPlan['files']> {
  await planner.admin.post('/v1/plan-cycle', {});
  const answer = await planner.admin.get('/v1/plans/a1');
  return answer.kind === 'body' ? (answer.body as FillPlan).files : [];
}

test('a planner fetches what people ask for and what is pinned, and nothing else by default', async () => {
  planner = await RunningPlanner.start({ minSavedPerFilled: 1 });
  await planner.admin.send('PUT', '/v1/fleet', FLEET);
  await planner.addTitle({ source: DEMO_MEDIA, id: 'demo', originUrl: 'http://origin.example' });
  expect(await planned()).toEqual([]);

  await planner.admin.post('/v1/calendar', { pins: [{ rendition: 'demo/v144', site: 's1' }] });
  const pinned = await planned();
  expect(pinned.map(({ path }) => path)).toContain('/demo/v144.mp4');
  expect(pinned.map(({ path }) => path)).not.toContain('/demo/v240.mp4');
  expect(pinned.find(({ path }) => path === '/demo/v144.mp4')?.reason).toMatch(/pinned by the operator/);

  const a1 = await planner.enrolled('a1');
  const lastHourMs = Math.floor(Date.now() / HOUR_MS - 1) * HOUR_MS;
  await a1.post('/v1/demand', {
    version: 1,
    sampleId: crypto.randomUUID(),
    applianceId: 'a1',
    siteId: 's1',
    hourStartMs: lastHourMs,
    entries: [{ path: '/demo/v240.mp4', requests: 1000, servedBytes: 1e9 }],
  });
  const watched = await planned();
  expect(watched.find(({ path }) => path === '/demo/v240.mp4')?.reason).toMatch(/times its size is expected/);
  // Kept over a restart: what was planned is not paid for again.
  await planner.stop();
  await planner.start();
  expect((await planned()).map(({ path }) => path)).toEqual(watched.map(({ path }) => path));
});
