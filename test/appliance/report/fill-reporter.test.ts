import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeldPlan } from '../../../appliance/fill/planned/held-plan.ts';
import { PlanFile } from '../../../appliance/fill/planned/plan-file.ts';
import type { FillState } from '../../../appliance/fill/planned/planned-fill.ts';
import { FillReporter } from '../../../appliance/report/fill-reporter.ts';
import type { SpaceReport } from '../../../appliance/report/space-earnings.ts';
import type { EnrolledService } from '../../../src/client/enrolled-service.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { enrolledWith } from '../../support/enrolled-with.ts';
import { FakeStore } from '../../support/fake-store.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { fillParts } from '../../support/fill-parts.ts';
import { sampleManifest, samplePlan, samplePlanFile } from '../../support/sample-plan.ts';
import { ServiceStandIn } from '../../support/service-stand-in.ts';

let dir: string;
let world: FakeWorld;
let planner: ServiceStandIn;
let http: HttpClient;
let service: EnrolledService;
let held: HeldPlan;
let store: FakeStore;
let state: FillState;
let space: SpaceReport | undefined;
let reporter: FillReporter;
let parts: ReturnType<typeof fillParts>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-fill-reporter-'));
  world = new FakeWorld();
  planner = await ServiceStandIn.start(world, { allowUnsigned: false });
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 4 });
  service = enrolledWith(planner, dir, http, world);
  held = new HeldPlan(new PlanFile(dir));
  store = new FakeStore();
  state = 'filling';
  space = undefined;
  await service.start();
  await world.clock.advanceUntil(() => service.isUsable, { stepMs: 0 });
  parts = fillParts(dir, world, held);
  reporter = new FillReporter({
    applianceId: 'a1',
    held,
    fill: () => ({ state, filledBytes: { peer: 5, tier: 0, origin: 7 }, failures: () => [] }),
    bans: parts.bans,
    linkUse: parts.linkUse,
    space: { report: () => space },
    store,
    service,
    world,
    logger: silentLogger,
  });
});

afterEach(async () => {
  const stopped = Promise.all([reporter.stop(1000), service.stop(1000)]);
  await world.clock.advance(1000);
  await stopped;
  await http.destroy();
  await planner.stop();
  await rm(dir, { recursive: true });
});

function holdPlan(): void {
  const manifest = sampleManifest('/film/v.mp4', 3_000_000, planner.identity);
  held.hold(samplePlan(planner.identity, [samplePlanFile(manifest)], { planVersion: 3 }));
  store.put('/film/v.mp4', manifest.root, 3_000_000, [0]);
}

const reports = (count: number): Promise<void> =>
  world.clock.advanceUntil(() => planner.fillReports.length >= count, { stepMs: 50 });

describe('fill reports', () => {
  it('name who is banned for wrong bytes, and what crossed the link', async () => {
    holdPlan();
    parts.bans.gaveWrong({ id: 'liar', kind: 'peer' }, '/film/v.mp4 1');
    parts.bans.gaveRight({ id: 'origin', kind: 'origin' }, '/film/v.mp4 1');
    parts.linkUse.crossed('fill', 7);
    parts.linkUse.crossed('miss', 5);
    await reporter.start();
    await reports(1);
    const nowMs = world.clock.nowMs();
    expect(planner.fillReports[0]?.bannedSources).toEqual([
      { id: 'liar', bans: 1, untilMs: expect.toSatisfy((ms: number) => ms > nowMs) as number },
    ]);
    expect(planner.fillReports[0]?.linkUse).toEqual([
      { slotStartMs: nowMs - (nowMs % 300_000), fillBytes: 7, missBytes: 5 },
    ]);
  });

  it('tell what is wanted, held and fetched', async () => {
    holdPlan();
    await reporter.start();
    await reports(1);
    expect(planner.fillReports[0]).toMatchObject({
      planVersion: 3,
      state: 'filling',
      fileCount: 1,
      heldFileCount: 0,
      planBytes: 3_000_000,
      heldBytes: 2 ** 20,
      filledBytes: { peer: 5, tier: 0, origin: 7 },
    });
  });

  it('say once an hour what the border of the planned space earns, when nothing else is new', async () => {
    holdPlan();
    state = 'complete';
    await reporter.start();
    await reports(1);
    expect(planner.fillReports[0]?.space).toBeUndefined();
    space = {
      overMs: 43_200_000,
      plannedTail: { spaceBytes: 50, servedBytes: 10 },
      demandTail: { spaceBytes: 40, servedBytes: 20 },
      demandFilledBytes: 9,
    };
    await world.clock.advance(1_800_000);
    expect(planner.fillReports).toHaveLength(1);
    await world.clock.advance(1_900_000);
    await reports(2);
    expect(planner.fillReports[1]?.space).toEqual(space);
  });

  it('are not sent before there is a plan', async () => {
    await reporter.start();
    await world.clock.advance(200_000);
    expect(planner.fillReports).toEqual([]);
    holdPlan();
    reporter.changed();
    await world.clock.advanceUntil(() => planner.fillReports.length === 1, { stepMs: 50, limitMs: 30_000 });
  });

  it('follow changes, but not more than one a second', async () => {
    holdPlan();
    await reporter.start();
    await reports(1);
    const sinceMs = planner.fillReports[0]!.reportedAtMs;
    for (let change = 0; change < 40; change += 1) {
      reporter.changed();
      await world.clock.advance(100);
    }
    await reports(2);
    const times = planner.fillReports.map(({ reportedAtMs }) => reportedAtMs - sinceMs);
    for (let index = 1; index < times.length; index += 1) {
      expect(times[index]! - times[index - 1]!).toBeGreaterThanOrEqual(1000);
    }
  });

  it('come once a minute while filling, also when nothing moves', async () => {
    holdPlan();
    await reporter.start();
    await world.clock.advanceUntil(() => planner.fillReports.length === 3, { stepMs: 1000 });
    const [first, second, third] = planner.fillReports.map(({ reportedAtMs }) => reportedAtMs);
    expect(second! - first!).toBeGreaterThanOrEqual(60_000);
    expect(third! - second!).toBeGreaterThanOrEqual(60_000);
  });

  it('stop when there is nothing new and nothing to fill', async () => {
    holdPlan();
    state = 'complete';
    await reporter.start();
    await reports(1);
    await world.clock.advance(600_000);
    expect(planner.fillReports).toHaveLength(1);
    expect(planner.fillReports[0]?.state).toBe('complete');
  });

  it('are made anew until one arrives', async () => {
    holdPlan();
    planner.failWith = 503;
    await reporter.start();
    await world.clock.advanceUntil(
      () => planner.asked.filter((request) => request.includes('fill-report')).length >= 3,
    );
    state = 'complete';
    planner.failWith = undefined;
    await reports(1);
    expect(planner.fillReports[0]?.state).toBe('complete');
  });
});
