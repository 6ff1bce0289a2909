import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeartbeatSender } from '../../../appliance/report/heartbeat-sender.ts';
import type { EnrolledService } from '../../../src/client/enrolled-service.ts';
import { HttpClient } from '../../../src/client/http-client.ts';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import type { ServingState } from '../../../src/contracts/heartbeat.ts';
import { decodeHoldings } from '../../../src/contracts/holdings.ts';
import { Health } from '../../../src/lifecycle/health.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { enrolledWith } from '../../support/enrolled-with.ts';
import { FakeStore } from '../../support/fake-store.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { sampleManifest, samplePlan, samplePlanFile } from '../../support/sample-plan.ts';
import { ServiceStandIn } from '../../support/service-stand-in.ts';

let dir: string;
let world: FakeWorld;
let steering: ServiceStandIn;
let http: HttpClient;
let service: EnrolledService;
let health: Health;
let store: FakeStore;
let state: ServingState;
let publicUrl: string;
let plan: FillPlan | undefined;
let outcomes: string[];
let lines: string[];
let sender: HeartbeatSender;

const record = (_fields: object, message: string): void => void lines.push(message);
const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-heartbeat-'));
  world = new FakeWorld();
  steering = await ServiceStandIn.start(world, { allowUnsigned: false });
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 4 });
  service = enrolledWith(steering, dir, http, world);
  health = new Health();
  store = new FakeStore();
  state = 'serving';
  publicUrl = 'http://a1.example:8080';
  plan = undefined;
  outcomes = [];
  lines = [];
  await service.start();
  await world.clock.advanceUntil(() => service.isUsable, { stepMs: 0 });
  sender = build();
});

afterEach(async () => {
  const stopped = Promise.all([sender.stop(1000), service.stop(1000)]);
  await world.clock.advance(1000);
  await stopped;
  await http.destroy();
  await steering.stop();
  await rm(dir, { recursive: true });
});

function build(): HeartbeatSender {
  return new HeartbeatSender({
    applianceId: 'a1',
    siteId: 's1',
    clusterId: 'c1',
    softwareVersion: '1.2.3',
    capacity: { softEgressBitsPerSec: 8e9, hardEgressBitsPerSec: 1e10, maxActiveRequests: 100 },
    service,
    store,
    plan: () => plan,
    health,
    load: () => ({ egressBitsPerSec: 1e6, activeRequests: 3, cpuShare: 0.25 }),
    state: () => state,
    publicUrl: () => publicUrl,
    world,
    logger,
    heartbeatMs: 2000,
    onHeartbeat: (outcome) => outcomes.push(outcome),
    onAnswer: () => undefined,
  });
}

const outcomesReach = (count: number): Promise<void> =>
  world.clock.advanceUntil(() => outcomes.length >= count, { stepMs: 50 });

describe('heartbeats', () => {
  it('tell who, where, how loaded and how healthy, counting up', async () => {
    await sender.start();
    await outcomesReach(3);
    expect(steering.heartbeats[0]).toMatchObject({
      applianceId: 'a1',
      siteId: 's1',
      clusterId: 'c1',
      softwareVersion: '1.2.3',
      publicUrl: 'http://a1.example:8080',
      state: 'serving',
      health: { healthy: true, reasons: [] },
      load: { egressBitsPerSec: 1e6, activeRequests: 3, cpuShare: 0.25 },
      capacity: { softEgressBitsPerSec: 8e9, hardEgressBitsPerSec: 1e10, maxActiveRequests: 100 },
    });
    expect(steering.heartbeats[0]?.holdings).toBeUndefined();
    expect(steering.heartbeats.slice(0, 3).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(new Set(steering.heartbeats.map(({ instanceId }) => instanceId)).size).toBe(1);
    expect(sender.answer).toEqual({ version: 1, leaseMs: 15_000, tokenKeys: [] });
  });

  it('have another instance after a restart', async () => {
    await sender.announce();
    sender = build();
    await sender.announce();
    const [before, after] = steering.heartbeats;
    expect(after?.instanceId).not.toBe(before?.instanceId);
    expect(after?.sequence).toBe(1);
  });

  it('carry holdings over the rendition list of the plan', async () => {
    const manifests = [0, 1, 2].map((index) => sampleManifest(`/film/v${index}.mp4`, 6_000_000, steering.identity));
    plan = samplePlan(
      steering.identity,
      manifests.map((manifest, rendition) => samplePlanFile(manifest, { rendition })),
      { planVersion: 42 },
    );
    store.put('/film/v1.mp4', manifests[1]!.root, 6_000_000);
    store.put('/film/v2.mp4', manifests[2]!.root, 6_000_000, [0]);
    await sender.announce();
    const { holdings } = steering.heartbeats[0]!;
    expect(holdings?.planVersion).toBe(42);
    expect(decodeHoldings(holdings!)).toEqual(['none', 'whole', 'head']);
  });

  it('say why this appliance is not healthy, within the limits of the contract', async () => {
    for (let index = 0; index < 30; index += 1) health.fail(`volume-${index}`, 'x'.repeat(500));
    await sender.announce();
    const reported = steering.heartbeats[0]!.health;
    expect(reported.healthy).toBe(false);
    expect(reported.reasons).toHaveLength(16);
    expect(reported.reasons[0]).toMatch(/^volume-0: x+$/);
  });

  it('tell a change at once when asked to, without waiting for the next', async () => {
    await sender.start();
    await outcomesReach(1);
    state = 'draining';
    const before = world.clock.monotonicMs();
    await sender.announce();
    expect(world.clock.monotonicMs()).toBe(before);
    expect(steering.heartbeats.at(-1)?.state).toBe('draining');
  });

  it('are not sent before this appliance knows where players reach it', async () => {
    publicUrl = '';
    await sender.start();
    await world.clock.advance(10_000);
    expect(steering.heartbeats).toEqual([]);
    publicUrl = 'http://a1.example';
    await outcomesReach(1);
    expect(steering.heartbeats[0]?.publicUrl).toBe('http://a1.example');
  });

  it('go on while steering is away, and log that once, and once that it is back', async () => {
    await sender.start();
    await outcomesReach(1);
    await steering.goAway();
    await outcomesReach(6);
    expect(outcomes.slice(-4)).toEqual(['failed', 'failed', 'failed', 'failed']);
    await steering.comeBack();
    await world.clock.advanceUntil(() => outcomes.at(-1) === 'acknowledged');
    // A connection that was cut and one that is refused are two ways to fail.
    expect(lines.slice(0, -1).length).toBeLessThanOrEqual(2);
    expect(new Set(lines.slice(0, -1))).toEqual(new Set(['cannot send heartbeats to steering']));
    expect(lines.at(-1)).toBe('can send heartbeats to steering again');
  });

  it('never make an announcement fail', async () => {
    await steering.goAway();
    await sender.announce();
    expect(outcomes).toEqual(['failed']);
    await steering.comeBack();
  });
});
