import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ViewerWatch } from '../../../../appliance/fill/planned/viewer-watch.ts';
import { DiskLane, volumeLaneLimits } from '../../../../appliance/store/volume/disk-lane.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

/** A disk in fake time, with its lane and the watch over its viewers. */
let world: FakeWorld;
let metrics: Metrics;
let lane: DiskLane;
let watch: ViewerWatch;
let egressShare: number;
let readMs: number;

beforeEach(async () => {
  world = new FakeWorld();
  metrics = new Metrics('appliance');
  egressShare = 0;
  readMs = 8;
  lane = new DiskLane(world.clock, {
    ...volumeLaneLimits,
    onDone: ({ urgency, waitedMs, tookMs }) => {
      if (urgency === 'viewer') watch.diskAnswered('/disk1', waitedMs + tookMs);
    },
  });
  watch = new ViewerWatch({
    clock: world.clock,
    metrics,
    egressShare: () => egressShare,
    waits: () => [{ dir: '/disk1', viewerWaitMs: lane.longestWaitMs('viewer') }],
  });
  await watch.start();
});

afterEach(() => watch.stop());

/** Viewers who read twenty times a second for so long. */
async function view(forMs: number): Promise<void> {
  const work = { urgency: 'viewer', what: 'test', bytes: 2 ** 20 } as const;
  for (let passedMs = 0; passedMs < forMs; passedMs += 50) {
    void lane.run(work, () => world.clock.delay(readMs));
    await world.clock.advance(50);
  }
}

describe('the watch over viewers', () => {
  it('leaves bulk work nothing within a second after disks answer late, and counts why', async () => {
    await view(5000);
    expect(watch.share).toBe(1);
    readMs = 45;
    await view(1000);
    expect(watch.share).toBe(0);
    const exposed = await metrics.expose();
    expect(exposed).toContain('appliance_bulk_yields_total{cause="disk"} 1');
    expect(exposed).toContain('appliance_bulk_share 0');
  });

  it('does so as well when reads do not end at all', async () => {
    await view(5000);
    readMs = 1e9;
    await view(1000);
    expect(watch.share).toBe(0);
  });

  it('and when hits that come from memory begin late', async () => {
    for (let hit = 0; hit < 200; hit += 1) {
      watch.hitBegan(2);
      await world.clock.advance(25);
    }
    for (let hit = 0; hit < 40; hit += 1) {
      watch.hitBegan(40);
      await world.clock.advance(25);
    }
    expect(watch.share).toBe(0);
    expect(await metrics.expose()).toContain('appliance_bulk_yields_total{cause="first-byte"} 1');
  });

  it('adds up what bulk work lost', async () => {
    egressShare = 2;
    await world.clock.advance(10_000);
    const lost = /held_back_seconds_total\{cause="egress"\} ([\d.]+)/.exec(await metrics.expose())?.[1];
    expect(Number(lost)).toBeGreaterThan(9);
    expect(Number(lost)).toBeLessThanOrEqual(10);
  });

  it('leaves no timer behind', async () => {
    await watch.stop();
    expect(world.clock.timerCount).toBe(0);
  });
});
