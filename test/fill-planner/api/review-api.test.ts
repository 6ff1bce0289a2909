import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceClient } from '../../../src/client/service-client.ts';
import { DEMO_MEDIA } from '../catalog/demo-title.ts';
import { FLEET, RunningPlanner } from '../running-planner.ts';

const HOUR_MS = 3_600_000;
const FILMS = ['film1', 'film2', 'film3'];
const RENDITIONS = ['v360', 'v240', 'v144', 'a48'];

let planner: RunningPlanner;
let a1: ServiceClient;

/** Films of falling popularity, and disks that take two of the three. */
beforeAll(async () => {
  planner = await RunningPlanner.start();
  const small = { ...FLEET, appliances: FLEET.appliances.map((each) => ({ ...each, capacityBytes: 6_000_000 })) };
  await planner.admin.send('PUT', '/v1/fleet', small);
  for (const id of FILMS) await planner.addTitle({ source: DEMO_MEDIA, id, originUrl: 'http://origin.example' });
  await planner.admin.post('/v1/plan-cycle', {});
  a1 = await planner.enrolled('a1');
  const b1 = await planner.enrolled('b1');
  for (const [id, client] of [
    ['a1', a1],
    ['b1', b1],
  ] as const)
    for (let hoursAgo = 1; hoursAgo <= 24; hoursAgo += 1) await client.post('/v1/demand', sampleOf(id, hoursAgo));
  await planner.admin.post('/v1/plan-cycle', {});
}, 60_000);
afterAll(() => planner[Symbol.asyncDispose]());

const sampleOf = (applianceId: string, hoursAgo: number, films = FILMS) => ({
  version: 1,
  sampleId: crypto.randomUUID(),
  applianceId,
  siteId: 's1',
  hourStartMs: (Math.floor(Date.now() / HOUR_MS) - hoursAgo) * HOUR_MS,
  entries: films.flatMap((film, index) =>
    RENDITIONS.map((name) => ({
      path: `/${film}/${name}.mp4`,
      requests: 5,
      servedBytes: 3e6 / (index + 1),
      missedBytes: index === 0 ? 0 : 3e6 / (index + 1),
    })),
  ),
});

async function ask<T>(target: string): Promise<T> {
  const answer = await planner.admin.get(target);
  return (answer.kind === 'body' ? answer.body : undefined) as T;
}

interface Explained {
  readonly subject: { readonly kind: string };
  readonly renditions: readonly {
    readonly renditionId: string;
    readonly clusters: readonly {
      readonly clusterId: string;
      readonly part: string;
      readonly rank?: number;
      readonly why: string;
      readonly expectedBytes: number;
      readonly copies: readonly {
        readonly applianceId: string;
        readonly state: string;
        readonly expectedAtMs?: number;
      }[];
    }[];
  }[];
  readonly published: Record<string, { kind: string }>;
}

describe('a place is explained', () => {
  test('of a file: where its rendition is held, by which rank, from whom, when, and what the gate said', async () => {
    const { subject, renditions, published } = await ask<Explained>(
      `/v1/plan-explanation?name=${encodeURIComponent('/film1/v144.mp4')}`,
    );
    expect(subject.kind).toBe('file');
    expect(renditions.map(({ renditionId }) => renditionId)).toEqual(['film1/v144']);
    const [first] = renditions[0]?.clusters ?? [];
    expect(first).toMatchObject({
      part: 'whole',
      rank: expect.any(Number),
      why: expect.stringMatching(/watched per day/),
    });
    expect(first?.copies[0]).toMatchObject({ state: 'not-reported', expectedAtMs: expect.any(Number) });
    expect(published['c1']?.kind).toBe('publish');
  });

  test('of what is held nowhere: why not', async () => {
    const answers = await Promise.all(
      FILMS.map((film) => ask<Explained>(`/v1/plan-explanation?name=${film}&cluster=c2`)),
    );
    const missing = answers
      .flatMap(({ renditions }) => renditions.flatMap(({ clusters }) => clusters))
      .filter(({ part }) => part === 'nothing');
    expect(missing.length).toBeGreaterThan(0);
    for (const { why, rank } of missing) {
      expect(why).toMatch(/room|worth|waits/);
      expect(rank).toBeUndefined();
    }
  });

  test('with what was reported: a complete appliance has it', async () => {
    const { plans } = await ask<{ plans: { applianceId: string; planVersion: number }[] }>('/v1/plans');
    const planVersion = plans.find(({ applianceId }) => applianceId === 'a1')?.planVersion;
    await a1.post('/v1/fill-report', {
      version: 1,
      applianceId: 'a1',
      planVersion,
      reportedAtMs: Date.now(),
      state: 'complete',
      fileCount: 1,
      heldFileCount: 1,
      planBytes: 1,
      heldBytes: 1,
      filledBytes: { peer: 0, tier: 0, origin: 1 },
      failures: [],
    });
    const { renditions } = await ask<Explained>('/v1/plan-explanation?name=film1&cluster=c1');
    const copies = renditions.flatMap(({ clusters }) => clusters.flatMap((cluster) => cluster.copies));
    const own = copies.filter(({ applianceId }) => applianceId === 'a1');
    expect(own.length).toBeGreaterThan(0);
    for (const { state } of own) expect(state).toBe('there');
  });

  test('only of what there is', async () => {
    await expect(planner.admin.get('/v1/plan-explanation?name=nothing')).rejects.toThrow(
      "no file, rendition or title 'nothing'",
    );
    await expect(planner.admin.get('/v1/plan-explanation?name=film1&cluster=c9')).rejects.toThrow("no cluster 'c9'");
  });
});

describe('two plans are compared', () => {
  test('by what comes and goes, for one appliance and for all', async () => {
    const { diffs } = await ask<{ diffs: { applianceId: string; toVersion: number; servedAfterBytes: number }[] }>(
      '/v1/plan-diffs',
    );
    expect(diffs.map(({ applianceId }) => applianceId)).toEqual(['a1', 'a2', 'b1']);
    const first = await ask<{ diffs: { goes: unknown[]; comes: unknown[] }[] }>(
      '/v1/plan-diffs?appliance=a1&from=0&to=1',
    );
    expect(first.diffs[0]?.goes).toEqual([]);
    await expect(planner.admin.get('/v1/plan-diffs?appliance=a1&from=70')).rejects.toThrow('plan 70 of a1 is not kept');
    await expect(planner.admin.get('/v1/plan-diffs?appliance=a9')).rejects.toThrow("no plan for 'a9'");
  });
});

interface Simulated {
  readonly before: readonly Figures[];
  readonly after: readonly Figures[];
}
interface Figures {
  readonly clusterId: string;
  readonly servedBytes: number;
  readonly endsAtMs?: number;
  readonly fillBytes: { readonly peer: number; readonly tier: number; readonly origin: number };
}

describe('a simulation', () => {
  const simulate = async (change: object): Promise<Simulated> =>
    (await planner.admin.post('/v1/plan-simulation', change)) as Simulated;
  const of = (figures: readonly Figures[], id: string): Figures | undefined =>
    figures.find(({ clusterId }) => clusterId === id);

  test('of a lost machine serves less where it was, and changes no plan', async () => {
    const before = await ask('/v1/plans');
    const { before: now, after } = await simulate({ dropAppliances: ['a2'] });
    expect(of(after, 'c1')?.servedBytes).toBeLessThan(of(now, 'c1')?.servedBytes ?? 0);
    expect(of(after, 'c2')?.servedBytes).toBe(of(now, 'c2')?.servedBytes);
    expect(await ask('/v1/plans')).toEqual(before);
  });

  test('of a smaller budget ends later, with as much served', async () => {
    const { before: now, after } = await simulate({ fillBitsPerSec: 1e4, siteId: 's2' });
    expect(of(after, 'c2')?.servedBytes).toBe(of(now, 'c2')?.servedBytes);
    expect(of(after, 'c2')?.endsAtMs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(of(now, 'c2')?.endsAtMs ?? 0);
  });

  test('of what is not there is refused', async () => {
    await expect(simulate({ dropAppliances: ['a9'] })).rejects.toThrow("no appliance 'a9'");
    await expect(simulate({ siteId: 's9', fillBitsPerSec: 1 })).rejects.toThrow("no site 's9'");
  });
});

describe('the rollout', () => {
  interface Rollout {
    readonly clusters: Record<string, { kind: string; because: string }>;
    readonly lastDay: readonly { clusterId: string; servedBytes: number; missedBytes: number }[];
    readonly events: readonly { kind: string; says: string }[];
  }

  test('shows what was measured, by cluster', async () => {
    const { lastDay } = await ask<Rollout>('/v1/rollout');
    const day = lastDay.find(({ clusterId }) => clusterId === 'c1');
    expect(day?.servedBytes).toBeGreaterThan(0);
    expect((day?.missedBytes ?? 0) / (day?.servedBytes ?? 1)).toBeCloseTo(5 / 11, 3);
  });

  test('holds a plan that loses most of what a cluster serves until the operator publishes it', async () => {
    // Disks that still take what is planned, but no longer leave the usual reserve beside it.
    const plans = await ask<{ plans: { applianceId: string; planBytes: number }[] }>('/v1/plans');
    const bytesOf = new Map(plans.plans.map(({ applianceId, planBytes }) => [applianceId, planBytes]));
    const tight = {
      ...FLEET,
      appliances: FLEET.appliances.map((each) => ({
        ...each,
        capacityBytes: each.id === 'b1' ? 6_000_000 : (bytesOf.get(each.id) ?? 0),
      })),
    };
    await planner.admin.send('PUT', '/v1/fleet', tight);
    await planner.admin.post('/v1/plan-cycle', {});
    const { clusters, events } = await ask<Rollout>('/v1/rollout');
    expect(clusters['c1']).toMatchObject({ kind: 'keep', because: expect.stringMatching(/^held: /) });
    expect(clusters['c2']?.kind).toBe('publish');
    expect(events[0]).toMatchObject({ kind: 'held' });
    await planner.admin.post('/v1/plan-cycle', { publish: ['c1'] });
    expect((await ask<Rollout>('/v1/rollout')).clusters['c1']).toEqual({
      kind: 'publish',
      because: 'published by the operator',
    });
  });
});
