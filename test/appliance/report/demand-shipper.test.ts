import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DemandBacklog } from '../../../appliance/report/demand-backlog.ts';
import { DemandCounter } from '../../../appliance/report/demand-counter.ts';
import { DemandShipper, type SampleOutcome } from '../../../appliance/report/demand-shipper.ts';
import type { EnrolledService } from '../../../src/client/enrolled-service.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { enrolledWith } from '../../support/enrolled-with.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { ServiceStandIn } from '../../support/service-stand-in.ts';

const SHIP_MS = 60_000;

let dir: string;
let world: FakeWorld;
let planner: ServiceStandIn;
let http: HttpClient;
let service: EnrolledService;
let counter: DemandCounter;
let backlog: DemandBacklog;
let shipper: DemandShipper;
let outcomes: SampleOutcome[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-shipper-'));
  world = new FakeWorld();
  planner = await ServiceStandIn.start(world, { allowUnsigned: false });
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 4 });
  outcomes = [];
  await start(planner.mintToken('a1'));
});

afterEach(async () => {
  await stop();
  await http.destroy();
  await planner.stop();
  await rm(dir, { recursive: true });
});

async function start(token: string): Promise<void> {
  service = enrolledWith(planner, dir, http, world, token);
  await service.start();
  if (!service.isUsable) await world.clock.advanceUntil(() => service.isUsable, { stepMs: 0 });
  counter = new DemandCounter(100, () => undefined);
  backlog = new DemandBacklog({
    stateDir: dir,
    applianceId: 'a1',
    siteId: 's1',
    random: world.random,
    maxSamples: 50,
    onLost: () => undefined,
  });
  shipper = new DemandShipper({
    counter,
    backlog,
    service,
    world,
    logger: silentLogger,
    demandShipMs: SHIP_MS,
    onSample: (outcome) => outcomes.push(outcome),
  });
  await shipper.start();
}

async function stop(): Promise<void> {
  const stopped = Promise.all([shipper.stop(1000), service.stop(1000)]);
  await world.clock.advance(1000);
  await stopped;
}

const view = (path: string): void => counter.count(path, 1000, 0, world.clock.nowMs());
const outcomesReach = (count: number): Promise<void> =>
  world.clock.advanceUntil(() => outcomes.length >= count, { stepMs: 1000, limitMs: 6_000_000 });

describe('shipping demand', () => {
  it('brings the counts to the planner and forgets them', async () => {
    view('/a');
    view('/a');
    view('/b');
    await outcomesReach(1);
    expect(planner.demand).toHaveLength(1);
    expect(planner.demand[0]).toMatchObject({
      applianceId: 'a1',
      siteId: 's1',
      entries: [
        { path: '/a', requests: 2, servedBytes: 2000, missedBytes: 0 },
        { path: '/b', requests: 1, servedBytes: 1000, missedBytes: 0 },
      ],
    });
    expect(backlog.size).toBe(0);
  });

  it('sends nothing when nothing was asked for', async () => {
    await world.clock.advance(5 * SHIP_MS);
    expect(planner.asked.filter((request) => request.includes('/v1/demand'))).toEqual([]);
  });

  it('repeats a sample under the same id when the answer got lost', async () => {
    view('/a');
    planner.loseAnswers = true;
    await outcomesReach(1);
    expect(outcomes).toEqual(['failed']);
    view('/a');
    planner.loseAnswers = false;
    await outcomesReach(3);
    const [lost, repeated, next] = planner.demand;
    expect(repeated).toEqual(lost);
    expect(next?.sampleId).not.toBe(lost?.sampleId);
    // The planner counts each id once, so nothing is counted twice and nothing is missing.
    const byId = new Map(planner.demand.map((sample) => [sample.sampleId, sample]));
    expect([...byId.values()].flatMap(({ entries }) => entries)).toHaveLength(2);
  });

  it('keeps the counts of a planner that is away, over a restart too', async () => {
    await planner.goAway();
    view('/a');
    await outcomesReach(2);
    view('/b');
    await stop();
    await planner.comeBack();
    await start('');
    await world.clock.advanceUntil(() => planner.demand.length === 2, { stepMs: 1000 });
    expect(planner.demand.flatMap(({ entries }) => entries.map(({ path }) => path)).sort()).toEqual(['/a', '/b']);
  });

  it('needs one more sample an hour, not one a minute, while the planner is away', async () => {
    await planner.goAway();
    for (let minute = 0; minute < 90; minute += 1) {
      view('/a');
      await world.clock.advance(SHIP_MS);
    }
    await outcomesReach(2);
    expect(backlog.size).toBeLessThanOrEqual(4);
    await planner.comeBack();
    await world.clock.advanceUntil(() => backlog.size === 0, { stepMs: 1000 });
    const requests = planner.demand.flatMap(({ entries }) => entries).map((entry) => entry.requests);
    expect(requests.reduce((sum, count) => sum + count, 0)).toBe(90);
  });

  it('drops a sample that the planner will never take, and goes on with the others', async () => {
    view('/a');
    planner.failWith = 400;
    await outcomesReach(1);
    expect(outcomes).toEqual(['refused']);
    expect(backlog.size).toBe(0);
    planner.failWith = undefined;
    view('/b');
    await outcomesReach(2);
    expect(planner.demand[0]?.entries[0]?.path).toBe('/b');
  });

  it('keeps a sample when the planner refuses the sender or is in trouble', async () => {
    for (const status of [401, 403, 404, 500, 503]) {
      planner.failWith = status;
      view('/a');
      await outcomesReach(outcomes.length + 1);
      expect(outcomes.at(-1)).toBe('failed');
    }
    expect(backlog.size).toBeGreaterThan(0);
  });
});
