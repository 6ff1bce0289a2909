import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import { copyOfDemo, DEMO_MEDIA } from '../catalog/demo-title.ts';
import { FLEET, lastingPart, RunningPlanner } from '../running-planner.ts';

let planner: RunningPlanner;
beforeAll(async () => {
  planner = await RunningPlanner.start();
});
afterAll(() => planner[Symbol.asyncDispose]());

async function ask(target: string): Promise<unknown> {
  const answer = await planner.admin.get(target);
  return answer.kind === 'body' ? answer.body : undefined;
}

describe('titles', () => {
  const request = { source: DEMO_MEDIA, id: 'demo', originUrl: 'http://origin.example' };

  test('are taken in with progress first and the result last, and a second time change nothing', async () => {
    const lines = await planner.addTitle(request);
    expect(lines.slice(0, -1).every(({ kind }) => kind === 'progress')).toBe(true);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.at(-1)).toMatchObject({ kind: 'done', changed: true, fileCount: 10, title: { id: 'demo' } });
    expect((await planner.addTitle(request)).at(-1)).toMatchObject({ kind: 'done', changed: false });
  });

  test('that are broken are refused with code, reason and place, and leave no trace', async () => {
    await using folder = await copyOfDemo();
    await appendFile(join(folder.path, 'v240.mp4'), Buffer.alloc(3));
    const before = await ask('/v1/titles');
    const lines = await planner.addTitle({ ...request, id: 'broken', source: folder.path });
    expect(lines.at(-1)).toMatchObject({ kind: 'failed', problem: { code: 'MEDIA_BROKEN', status: 422 } });
    expect(JSON.stringify(lines.at(-1))).toMatch(/v240\.mp4/);
    expect(await ask('/v1/titles')).toEqual(before);
  });

  test.each([
    [{ source: '/nowhere/at/all' }, 'MEDIA_BROKEN'],
    [{ source: 'relative/path' }, 'CONFIG_INVALID'],
    [{ source: DEMO_MEDIA, originUrl: undefined }, 'CONFIG_INVALID'],
    [{ source: 'http://127.0.0.1:1/vod/x/' }, 'SOURCE_UNREACHABLE'],
    [{ source: 'http://127.0.0.1:1/vod/x/?a=b' }, 'CONFIG_INVALID'],
  ])('from %o fail with %s', async (change, code) => {
    const lines = await planner.addTitle({ ...request, ...change });
    expect(lines.at(-1)).toMatchObject({ kind: 'failed', problem: { code } });
  });

  test.each([{}, { source: '' }, { ...request, id: 'No Spaces' }, { ...request, pathPrefix: '../x' }])(
    'asked for by %o are a bad request',
    async (body) => {
      await expect(planner.addTitle(body)).rejects.toThrow(/^400|Error: 400/);
    },
  );

  test('are listed, shown with their segment maps, and removed', async () => {
    await planner.addTitle({ ...request, id: 'second', pathPrefix: '/vod/2/' });
    const { titles } = (await ask('/v1/titles')) as { titles: { id: string }[] };
    expect(titles.map(({ id }) => id)).toEqual(['demo', 'second']);
    const shown = (await ask('/v1/titles/second')) as { segments: Record<string, unknown[]> };
    expect(shown.segments['/vod/2/v144.mp4']).toHaveLength(31);
    await planner.admin.send('DELETE', '/v1/titles/second');
    await expect(planner.admin.send('DELETE', '/v1/titles/second')).rejects.toThrow(/404/);
    await expect(ask('/v1/titles/second')).rejects.toThrow(/404/);
  });

  test('wait for their turn, and beyond a few they are sent away', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 14 }, (_, index) => planner.addTitle({ ...request, id: `many${index}` })),
    );
    const done = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.at(-1)?.kind === 'done');
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected' && /503/.test(String(outcome.reason)));
    expect(done.length + refused.length).toBe(14);
    expect(done.length).toBeGreaterThanOrEqual(8);
    const first = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value[0]?.kind : 'refused'));
    expect(first).toContain('waiting');
    await Promise.all(
      Array.from({ length: 14 }, (_, index) => planner.admin.send('DELETE', `/v1/titles/many${index}`).catch(() => 0)),
    );
  });
});

describe('the fleet', () => {
  test('is replaced as a whole and refused in words', async () => {
    expect(await planner.admin.send('PUT', '/v1/fleet', FLEET)).toMatchObject({ fleetVersion: 1, fleet: FLEET });
    expect(await ask('/v1/fleet')).toMatchObject({ fleetVersion: 1 });
    const wrong = { ...FLEET, sites: [{ ...FLEET.sites[0], timeZone: 'Nowhere' }] };
    await expect(planner.admin.send('PUT', '/v1/fleet', wrong)).rejects.toThrow(/400 .*is not a time zone/);
    expect(await ask('/v1/fleet')).toMatchObject({ fleetVersion: 1 });
  });
});

describe('plans', () => {
  test('are made on demand, with a window that starts now when asked for', async () => {
    const beforeMs = Date.now();
    const cycle = await planner.admin.post('/v1/plan-cycle', { fillNowMinutes: 30 });
    expect(cycle).toMatchObject({ fleetVersion: 1, leftOut: {} });
    for (const id of ['a1', 'a2', 'b1']) {
      const plan = (await ask(`/v1/plans/${id}`)) as FillPlan;
      const [open] = plan.windows;
      expect(open?.startsAtMs).toBeGreaterThanOrEqual(beforeMs);
      expect(open?.startsAtMs).toBeLessThanOrEqual(Date.now());
      expect((open?.endsAtMs ?? 0) - (open?.startsAtMs ?? 0)).toBe(30 * 60_000);
      expect(plan.files).toHaveLength(10);
      expect(plan.files.every(({ reason }) => reason !== '')).toBe(true);
    }
  });

  test('have in each cluster one holder that leaves it', async () => {
    const [a1, a2] = [(await ask('/v1/plans/a1')) as FillPlan, (await ask('/v1/plans/a2')) as FillPlan];
    for (const file of a1.files) {
      const other = a2.files.find(({ path }) => path === file.path);
      const kinds = [file.sources[0]?.kind, other?.sources[0]?.kind];
      expect(kinds.filter((kind) => kind === 'peer')).toHaveLength(1);
    }
  });

  test('keep their version while nothing changes, and get a new one with a new title', async () => {
    const versions = async (): Promise<number[]> =>
      ((await ask('/v1/plans')) as { plans: { planVersion: number }[] }).plans.map(({ planVersion }) => planVersion);
    const before = await versions();
    await planner.admin.post('/v1/plan-cycle', {});
    expect(await versions()).toEqual(before);
    await planner.addTitle({ source: DEMO_MEDIA, id: 'third', originUrl: 'http://origin.example' });
    await planner.admin.post('/v1/plan-cycle', {});
    expect(await versions()).toEqual(before.map((version) => version + 1));
    await planner.admin.send('DELETE', '/v1/titles/third');
  });

  test('name what found no room', async () => {
    const small = { ...FLEET, appliances: FLEET.appliances.map((each) => ({ ...each, capacityBytes: 3_000_000 })) };
    await planner.admin.send('PUT', '/v1/fleet', small);
    const cycle = (await planner.admin.post('/v1/plan-cycle', {})) as { leftOut: Record<string, string[]> };
    expect(cycle.leftOut['c2']?.length).toBeGreaterThan(0);
    await planner.admin.send('PUT', '/v1/fleet', FLEET);
  });

  test('of nobody are not found, and a window of no length is a bad request', async () => {
    await expect(ask('/v1/plans/zz')).rejects.toThrow(/404/);
    await expect(planner.admin.post('/v1/plan-cycle', { fillNowMinutes: 0 })).rejects.toThrow(/400/);
  });
});

test('health and metrics say how the planner is', async () => {
  expect(await ask('/healthz')).toEqual({ status: 'ok' });
  expect(await ask('/readyz')).toEqual({ status: 'ready', reasons: [] });
  const text = await (await fetch(`${planner.adminUrl}/metrics`)).text();
  expect(text).toMatch(/^planner_cycles_total\{outcome="done"\} [1-9]/m);
  expect(text).toMatch(/^planner_titles_count 1$/m);
  expect(text).toMatch(/^planner_last_cycle_timestamp_seconds \d/m);
});

test('everything is there again after a stop and a start', async () => {
  await planner.admin.post('/v1/plan-cycle', {});
  const before = [await ask('/v1/titles'), await ask('/v1/fleet'), lastingPart(await ask('/v1/plans/a1'))];
  await planner.stop();
  await planner.start();
  const after = [await ask('/v1/titles'), await ask('/v1/fleet'), lastingPart(await ask('/v1/plans/a1'))];
  expect(after).toEqual(before);
});

test('a schedule that is none keeps the planner from starting', async () => {
  await expect(RunningPlanner.start({ planCron: 'every now and then' })).rejects.toThrow(/is no cron expression/);
});

test('a title whose operator leaves is dropped and does not hold up the next', async () => {
  await using folder = await copyOfDemo();
  const leaving = new AbortController();
  const left = fetch(`${planner.adminUrl}/v1/titles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: folder.path, id: 'left', originUrl: 'http://origin.example' }),
    signal: leaving.signal,
  }).catch(() => undefined);
  leaving.abort();
  await left;
  const lines = await planner.addTitle({ source: DEMO_MEDIA, id: 'demo', originUrl: 'http://origin.example' });
  expect(lines.at(-1)?.kind).toBe('done');
  await rm(folder.path, { recursive: true });
});
