import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlPlane } from '../../appliance/control-plane.ts';
import type { ControlPlaneConfig } from '../../appliance/control-plane-config.ts';
import { LinkUse } from '../../appliance/fill/pace/link-use.ts';
import { SourceBans } from '../../appliance/fill/sources/source-bans.ts';
import { TrafficLedger } from '../../appliance/report/traffic-ledger.ts';
import { HttpClient } from '../../src/client/http-client.ts';
import type { ServingState } from '../../src/contracts/heartbeat.ts';
import { decodeHoldings } from '../../src/contracts/holdings.ts';
import { Health } from '../../src/lifecycle/health.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { FakeFiller } from '../support/fake-filler.ts';
import { FakeStore } from '../support/fake-store.ts';
import { FakeWorld } from '../support/fake-world.ts';
import { sampleManifest, samplePlan, samplePlanFile } from '../support/sample-plan.ts';
import { ServiceStandIn } from '../support/service-stand-in.ts';

const MIB = 2 ** 20;

let dir: string;
let world: FakeWorld;
let planner: ServiceStandIn;
let steering: ServiceStandIn;
let http: HttpClient;
let store: FakeStore;
let state: ServingState;
let lines: string[];
let metrics: Metrics;
let running: ControlPlane | undefined;

const record = (_fields: object, message: string): void => void lines.push(message);
const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-control-plane-'));
  world = new FakeWorld();
  planner = await ServiceStandIn.start(world, { allowUnsigned: true });
  steering = await ServiceStandIn.start(world, { allowUnsigned: true });
  http = new HttpClient({ connectTimeoutMs: 1000, maxConnectionsPerHost: 8 });
  store = new FakeStore();
  state = 'serving';
  lines = [];
  running = undefined;
});

afterEach(async () => {
  await stop();
  await http.destroy();
  await planner.stop();
  await steering.stop();
  await rm(dir, { recursive: true });
});

async function start(config: Partial<ControlPlaneConfig> = {}): Promise<ControlPlane> {
  metrics = new Metrics('appliance');
  const controlPlane = new ControlPlane({
    config: {
      id: 'a1',
      site: 's1',
      cluster: 'c1',
      steering: steering.url,
      planner: planner.url,
      steeringToken: '',
      plannerToken: '',
      allowUnsigned: false,
      stateDir: dir,
      heartbeatMs: 2000,
      localSteering: 'off',
      planPollMs: 10_000,
      planRepeatDays: 7,
      planGraceHours: 24,
      triggerPollMs: 10_000,
      demandShipMs: 30_000,
      qualityShipMs: 5000,
      qualityMinClients: 5,
      routesFile: '',
      birdSocket: '',
      birdProtocol: 'isp',
      bmpListen: '',
      bmpRouters: [],
      routesGraceMs: 120_000,
      softEgressBitsPerSec: 8e9,
      hardEgressBitsPerSec: 1e10,
      maxActiveRequests: 100,
      ...config,
    },
    world,
    logger,
    metrics,
    store,
    http,
    health: new Health(),
    filler: new FakeFiller(store, world.clock),
    load: () => ({ egressBitsPerSec: 0, activeRequests: 0, cpuShare: 0 }),
    bulkShare: () => 1,
    purge: () => Promise.reject(new Error('nothing is purged here')),
    bans: new SourceBans(join(dir, 'source-bans.json'), { world, logger, metrics }),
    linkUse: new LinkUse(dir, { world, logger }),
    traffic: new TrafficLedger(dir, { world, logger }),
    grant: () => undefined,
    state: () => state,
    publicUrl: () => 'http://a1.example',
    onSteeringAnswer: () => undefined,
  });
  running = controlPlane;
  await controlPlane.start();
  return controlPlane;
}

async function stop(): Promise<void> {
  const stopped = running?.stop(1000);
  await world.clock.advance(1000);
  await stopped;
  running = undefined;
}

const tokens = () => ({ plannerToken: planner.mintToken('a1'), steeringToken: steering.mintToken('a1') });
const happens = (condition: () => boolean): Promise<void> => world.clock.advanceUntil(condition, { stepMs: 200 });

/** Gives the planner a plan of two files whose window is open from now on. */
function offerPlan(): void {
  const manifests = ['/film/v.mp4', '/film/a.mp4'].map((path) => sampleManifest(path, 3 * MIB, planner.identity));
  planner.addManifests(manifests);
  const nowMs = world.clock.nowMs();
  planner.setPlan(
    samplePlan(
      planner.identity,
      manifests.map((manifest, index) => samplePlanFile(manifest, { rendition: index, priority: index })),
      {
        planVersion: 5,
        createdAtMs: nowMs,
        windows: [{ startsAtMs: nowMs, endsAtMs: nowMs + 3_600_000, fillBitsPerSec: 8 * MIB }],
      },
    ),
  );
}

describe('the control plane of an appliance', () => {
  it('enrols with both services, fills its plan, and tells both of it', async () => {
    offerPlan();
    const controlPlane = await start(tokens());
    await happens(() => planner.fillReports.at(-1)?.state === 'complete');
    await happens(() => steering.heartbeats.at(-1)?.holdings !== undefined);
    const holdings = steering.heartbeats.at(-1)!.holdings!;
    await happens(() => decodeHoldings(steering.heartbeats.at(-1)!.holdings!).every((level) => level === 'whole'));
    expect(holdings.planVersion).toBe(5);
    expect(controlPlane.status()).toMatchObject({
      planner: { mode: 'signed' },
      steering: { mode: 'signed', leaseMs: 15_000 },
      plan: { planVersion: 5, files: 2, manifestsMissing: 0, fill: 'complete', filledBytes: { origin: 6 * MIB } },
    });
    expect(controlPlane.planned.find('/film/v.mp4')?.manifest.sizeBytes).toBe(3 * MIB);
    expect(planner.fillReports.at(-1)).toMatchObject({ heldFileCount: 2, heldBytes: 6 * MIB });
    expect([...store.pinned].sort()).toEqual(['/film/a.mp4', '/film/v.mp4']);
  });

  it('starts, and serves what it knows, with neither service there; and joins them when they come', async () => {
    const given = tokens();
    await planner.goAway();
    await steering.goAway();
    const controlPlane = await start(given);
    controlPlane.recordDemand('/film/v.mp4', 10, 4);
    await controlPlane.announce();
    expect(controlPlane.status()).toMatchObject({ planner: { mode: 'enrolling' }, steering: { mode: 'enrolling' } });
    await world.clock.advance(120_000);
    offerPlan();
    await planner.comeBack();
    await steering.comeBack();
    await happens(() => planner.fillReports.at(-1)?.state === 'complete' && steering.heartbeats.length > 0);
    await happens(() => planner.demand.length > 0);
    expect(planner.demand[0]?.entries).toEqual([{ path: '/film/v.mp4', requests: 1, servedBytes: 10, missedBytes: 4 }]);
  });

  it('needs no token again after a restart, and fills from the kept plan while the planner is away', async () => {
    offerPlan();
    await start(tokens());
    await happens(() => planner.fillReports.at(-1)?.state === 'complete');
    await stop();
    await planner.goAway();
    store = new FakeStore();
    const controlPlane = await start();
    expect(controlPlane.status()).toMatchObject({ planner: { mode: 'signed' }, plan: { planVersion: 5 } });
    await happens(() => controlPlane.status().plan?.fill === 'complete');
    await planner.comeBack();
  });

  it('goes unsigned where the operator allows it, and says so once for each service', async () => {
    offerPlan();
    await start({ allowUnsigned: true });
    await happens(() => planner.fillReports.at(-1)?.state === 'complete' && steering.heartbeats.length > 2);
    expect(lines.filter((line) => line.includes('calls are unsigned'))).toHaveLength(2);
  });

  it('calls nobody without enrolment where the operator does not allow that', async () => {
    const controlPlane = await start();
    await world.clock.advance(60_000);
    expect([...planner.asked, ...steering.asked]).toEqual([]);
    expect(lines.filter((line) => line.includes('not called at all'))).toHaveLength(2);
    expect(controlPlane.status()).toMatchObject({ planner: { mode: 'unenrolled' } });
  });

  it('does nothing at all without services', async () => {
    const controlPlane = await start({ planner: '', steering: '' });
    controlPlane.recordDemand('/a', 1, 0);
    await controlPlane.announce();
    expect(controlPlane.planned.find('/a')).toBeUndefined();
    expect(controlPlane.status()).toMatchObject({ planner: undefined, steering: undefined, plan: undefined });
    expect(lines).toEqual([]);
  });

  it('announces a drain at once', async () => {
    const controlPlane = await start(tokens());
    await happens(() => steering.heartbeats.length > 0);
    state = 'draining';
    await controlPlane.announce();
    expect(steering.heartbeats.at(-1)?.state).toBe('draining');
  });

  it('reports the routes file', async () => {
    const routesFile = join(dir, 'routes.csv');
    await writeFile(routesFile, '192.0.2.0/24\n');
    const controlPlane = await start({ ...tokens(), routesFile });
    await happens(() => steering.routeReports.length === 1);
    expect(controlPlane.status().routes).toBe(1);
  });

  it('keeps what was counted for the next start when it stops', async () => {
    await start({ allowUnsigned: true });
    await happens(() => planner.asked.length > 0);
    running?.recordDemand('/film/v.mp4', 10, 4);
    await stop();
    await start({ allowUnsigned: true });
    await happens(() => planner.demand.length === 1);
  });

  it('keeps its key for itself', async () => {
    await start({ allowUnsigned: true });
    const file = join(dir, 'identity.pem');
    expect((await stat(file)).mode & 0o077).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('PRIVATE KEY');
  });

  it('tells the operator in metrics how it stands with both services', async () => {
    offerPlan();
    await start(tokens());
    await happens(() => planner.fillReports.at(-1)?.state === 'complete');
    const text = await metrics.expose();
    expect(text).toMatch(/^appliance_plan_version 5$/m);
    expect(text).toMatch(/^appliance_service_usable\{service="planner"\} 1$/m);
    expect(text).toMatch(/^appliance_planned_fill_bytes_total\{source="origin"\} 6291456$/m);
    expect(text).toMatch(/^appliance_plan_polls_total\{outcome="taken"\} 1$/m);
    expect(text).toMatch(/^appliance_heartbeats_total\{outcome="acknowledged"\} \d+$/m);
  });

  it('stops promptly in the middle of everything', async () => {
    offerPlan();
    const controlPlane = await start(tokens());
    await happens(() => store.find('/film/v.mp4') !== undefined);
    const stopped = controlPlane.stop(5000);
    await world.clock.advance(0);
    await stopped;
    running = undefined;
    const asked = planner.asked.length + steering.asked.length;
    await world.clock.advance(120_000);
    expect(planner.asked.length + steering.asked.length).toBe(asked);
  });
});
