import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeldPlan } from '../../../../appliance/fill/planned/held-plan.ts';
import { PlanFile } from '../../../../appliance/fill/planned/plan-file.ts';
import { PlannedFill } from '../../../../appliance/fill/planned/planned-fill.ts';
import type { FileManifest } from '../../../../src/contracts/file-manifest.ts';
import type { FillPlanSource, FillWindow } from '../../../../src/contracts/fill-plan.ts';
import type { ErrorCode } from '../../../../src/errors/error-codes.ts';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import { loadOrCreateIdentity } from '../../../../src/signing/identity.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeFiller, type SourceScript } from '../../../support/fake-filler.ts';
import { FakeStore } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { fillParts } from '../../../support/fill-parts.ts';
import { originSource, peerSource, sampleManifest, samplePlan, samplePlanFile } from '../../../support/sample-plan.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
/** 1 MiB a second. */
const ONE_BLOCK_A_SECOND = 8 * MIB;

interface Wish {
  readonly path: string;
  readonly blocks: number;
  readonly priority?: number;
  readonly sources?: readonly FillPlanSource[];
}

let dir: string;
let world: FakeWorld;
let store: FakeStore;
let held: HeldPlan;
let filler: FakeFiller;
let fill: PlannedFill;
let bulkShare: number;
let startMs: number;
let planVersion: number;
let failures: ErrorCode[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-planned-fill-'));
  world = new FakeWorld();
  store = new FakeStore();
  startMs = world.clock.nowMs();
  bulkShare = 1;
  planVersion = 0;
  failures = [];
});

afterEach(async () => {
  await fill.stop(0);
  await world.clock.advance(1);
  await rm(dir, { recursive: true });
});

/** Takes a plan of these files; windows are in ms from the test's start. */
function plan(wishes: readonly Wish[], windows: readonly Partial<FillWindow>[], manifests = true): FileManifest[] {
  const planner = loadOrCreateIdentity('planner', join(dir, 'planner.pem'));
  const files = wishes.map(({ path, blocks, priority = 0, sources = [originSource] }) => {
    const manifest = sampleManifest(path, blocks * MIB, planner);
    return { manifest, file: samplePlanFile(manifest, { priority, sources: [...sources] }) };
  });
  planVersion += 1;
  const absolute = windows.map(
    ({ startsAtMs = 0, endsAtMs = HOUR_MS, fillBitsPerSec = ONE_BLOCK_A_SECOND, ...rest }) => ({
      ...rest,
      startsAtMs: startMs + startsAtMs,
      endsAtMs: startMs + endsAtMs,
      fillBitsPerSec,
    }),
  );
  held.hold(
    samplePlan(
      planner,
      files.map(({ file }) => file),
      { planVersion, windows: absolute },
    ),
  );
  if (manifests) for (const { manifest } of files) held.addManifest(manifest, manifest);
  return files.map(({ manifest }) => manifest);
}

async function start(script?: SourceScript): Promise<void> {
  held = new HeldPlan(new PlanFile(dir));
  filler = new FakeFiller(store, world.clock, script);
  fill = new PlannedFill({
    applianceId: 'a1',
    held,
    ...fillParts(dir, world, held),
    store,
    filler,
    world,
    logger: silentLogger,
    bulkShare: () => bulkShare,
    onFilled: () => undefined,
    onFailed: (code) => failures.push(code),
    onProgress: () => undefined,
  });
  await fill.start();
}

const heldBlocks = (path: string): number => store.find(path)?.heldBlocks ?? 0;
const asked = (): string[] => filler.calls.map(({ path, blockIndex }) => `${path} ${blockIndex}`);

describe('planned fill', () => {
  it('fills nothing before the window opens, and everything inside it', async () => {
    await start();
    plan([{ path: '/a', blocks: 3 }], [{ startsAtMs: 60_000 }]);
    await world.clock.advance(59_999);
    expect(filler.calls).toEqual([]);
    expect(fill.state).toBe('waiting');
    await world.clock.advance(10_000);
    expect(heldBlocks('/a')).toBe(3);
    expect(fill.state).toBe('complete');
    expect(fill.filledBytes).toEqual({ peer: 0, tier: 0, origin: 3 * MIB });
  });

  it('keeps to the rate of the window', async () => {
    await start();
    plan([{ path: '/a', blocks: 30 }], [{ fillBitsPerSec: ONE_BLOCK_A_SECOND }]);
    await world.clock.advance(10_000);
    expect(filler.calls.length).toBeGreaterThanOrEqual(9);
    expect(filler.calls.length).toBeLessThanOrEqual(11);
    await world.clock.advance(10_000);
    expect(filler.calls.length).toBeGreaterThanOrEqual(19);
    expect(filler.calls.length).toBeLessThanOrEqual(21);
  });

  it('fills by priority, so that a window cut short leaves the best prefix', async () => {
    await start();
    plan(
      [
        { path: '/late', blocks: 4, priority: 9 },
        { path: '/first', blocks: 4, priority: 1 },
        { path: '/second', blocks: 4, priority: 2 },
      ],
      [{ endsAtMs: 8500 }],
    );
    await world.clock.advance(20_000);
    expect([heldBlocks('/first'), heldBlocks('/second'), heldBlocks('/late')]).toEqual([4, 4, 0]);
    expect(fill.state).toBe('waiting');
  });

  it('aborts what is in flight when the window ends, and asks for nothing after it', async () => {
    const aborted: boolean[] = [];
    await start(async (_call, signal) => {
      await world.clock.delay(3500, signal).catch((error: unknown) => {
        aborted.push(signal.aborted);
        throw error;
      });
      return undefined;
    });
    plan([{ path: '/a', blocks: 10 }], [{ endsAtMs: 6000 }]);
    await world.clock.advance(30_000);
    expect(aborted).toEqual([true]);
    expect(Math.max(...filler.calls.map(({ atMs }) => atMs))).toBeLessThan(startMs + 6000);
    expect(failures).toEqual([]);
  });

  it('stops within a second when the wall clock jumps out of the window, and goes on when it jumps back', async () => {
    await start();
    plan([{ path: '/a', blocks: 30 }], [{}]);
    await world.clock.advance(5000);
    world.clock.jumpWallClock(2 * HOUR_MS);
    await world.clock.advance(1000);
    const calls = filler.calls.length;
    await world.clock.advance(120_000);
    expect(filler.calls.length).toBe(calls);
    world.clock.jumpWallClock(-2 * HOUR_MS);
    await world.clock.advance(60_000);
    expect(heldBlocks('/a')).toBe(30);
  });

  it('stops at once when a new plan cuts the window', async () => {
    await start();
    plan([{ path: '/a', blocks: 30 }], [{}]);
    await world.clock.advance(5000);
    plan([{ path: '/a', blocks: 30 }], [{ endsAtMs: 4000 }]);
    const calls = filler.calls.length;
    await world.clock.advance(60_000);
    expect(filler.calls.length).toBe(calls);
  });

  it('takes up at the next start what is missing, without any memory of what was filled', async () => {
    await start();
    const [manifest] = plan([{ path: '/a', blocks: 4 }], [{ startsAtMs: 1000 }]);
    store.put('/a', manifest!.root, 4 * MIB, [0, 2]);
    await world.clock.advance(10_000);
    expect(asked()).toEqual(['/a 1', '/a 3']);
  });

  it('fills what was evicted after it was complete', async () => {
    await start();
    plan([{ path: '/a', blocks: 2 }], [{}]);
    await world.clock.advance(10_000);
    expect(fill.state).toBe('complete');
    store.find('/a')?.evict(1);
    await world.clock.advance(60_000);
    expect(heldBlocks('/a')).toBe(2);
    expect(asked()).toEqual(['/a 0', '/a 1', '/a 1']);
  });

  it('does not count an object with other bytes under the same path', async () => {
    await start();
    store.put('/a', 'f'.repeat(64), 2 * MIB);
    plan([{ path: '/a', blocks: 2 }], [{}]);
    await world.clock.advance(10_000);
    expect(asked()).toEqual(['/a 0', '/a 1']);
  });

  it('pins the keys of the plan in the store, and of the next plan instead', async () => {
    await start();
    plan([{ path: '/a', blocks: 1 }], []);
    await world.clock.advance(1);
    expect([...store.pinned]).toEqual(['/a']);
    plan([{ path: '/b', blocks: 1 }], []);
    await world.clock.advance(1);
    expect([...store.pinned]).toEqual(['/b']);
  });

  it('waits for a manifest that is not here yet, and fills the others meanwhile', async () => {
    await start();
    const [late] = plan([{ path: '/late', blocks: 1 }], [{}], false);
    await world.clock.advance(5000);
    expect(fill.state).toBe('blocked');
    held.addManifest(late!, late);
    await world.clock.advance(5000);
    expect(fill.state).toBe('complete');
  });
});

describe('planned fill and its sources', () => {
  const lacks = (id: string): OperationalError => new OperationalError('SOURCE_LACKS', id);

  it('asks a peer that lacks a file again later, while other files go on', async () => {
    let peerHasIt = false;
    await start(async ({ path }) => {
      if (path === '/wait' && !peerHasIt) throw lacks('p1');
      return undefined;
    });
    const sources = [peerSource('p1'), { ...originSource, afterSec: 3000 }];
    plan(
      [
        { path: '/wait', blocks: 1, priority: 0, sources },
        { path: '/go', blocks: 5, priority: 1, sources },
      ],
      [{}],
    );
    await world.clock.advance(15_000);
    expect([heldBlocks('/wait'), heldBlocks('/go')]).toEqual([0, 5]);
    expect(filler.calls.filter(({ path }) => path === '/wait').length).toBeGreaterThan(2);
    expect(fill.state).toBe('filling');
    peerHasIt = true;
    await world.clock.advance(20_000);
    expect(fill.state).toBe('complete');
  });

  it('goes to the origin only when its wait is over', async () => {
    await start(async ({ sourceId }) => {
      if (sourceId === 'p1') throw lacks('p1');
      return undefined;
    });
    plan([{ path: '/a', blocks: 1, sources: [peerSource('p1'), { ...originSource, afterSec: 120 }] }], [{}]);
    await world.clock.advance(119_000);
    expect(new Set(filler.calls.map(({ sourceId }) => sourceId))).toEqual(new Set(['p1']));
    await world.clock.advance(20_000);
    expect(filler.calls.at(-1)?.sourceId).toBe('origin');
    expect(fill.state).toBe('complete');
  });

  it('passes on to the next peer at once when one cannot be reached', async () => {
    await start(async ({ sourceId }) => {
      if (sourceId === 'p1') throw new OperationalError('SOURCE_UNREACHABLE', 'p1');
      return undefined;
    });
    plan([{ path: '/a', blocks: 4, sources: [peerSource('p1'), peerSource('p2', 1)] }], [{ startsAtMs: -10_000 }]);
    await world.clock.advance(6000);
    expect(fill.state).toBe('complete');
    expect(fill.filledBytes.peer).toBe(4 * MIB);
    expect(filler.calls.filter(({ sourceId }) => sourceId === 'p1').length).toBeLessThanOrEqual(4);
  });

  it('says blocked, with the files and codes, when no source gives them', async () => {
    await start(() => Promise.reject(new OperationalError('SOURCE_STATUS', '404')));
    plan([{ path: '/gone', blocks: 1 }], [{}]);
    await world.clock.advance(30_000);
    expect(fill.state).toBe('blocked');
    expect(fill.failures()).toEqual([{ path: '/gone', code: 'SOURCE_STATUS', detail: 'origin: 404' }]);
  });

  it('tells at most 32 failures, the newest first', async () => {
    await start(({ path }) => Promise.reject(new OperationalError('SOURCE_LACKS', path)));
    plan(
      Array.from({ length: 40 }, (_, index) => ({
        path: `/f${String(index).padStart(2, '0')}`,
        blocks: 1,
        priority: index,
        sources: [peerSource(`p${index}`)],
      })),
      [{ fillBitsPerSec: 8000 * MIB }],
    );
    await world.clock.advanceUntil(() => failures.length >= 40, { stepMs: 1 });
    expect(fill.failures()).toHaveLength(32);
  });

  it('pauses when our own disk takes nothing, instead of asking on', async () => {
    await start(() => Promise.reject(new OperationalError('VOLUME_FULL', 'v1')));
    plan([{ path: '/a', blocks: 5 }], [{}]);
    await world.clock.advance(8000);
    // One block, and then the pause.
    expect(filler.calls.length).toBe(1);
    expect(fill.state).toBe('blocked');
    await world.clock.advance(10_000);
    expect(filler.calls.length).toBe(2);
  });

  it('begins nothing while viewers leave it no share, and goes on when they do', async () => {
    await start();
    bulkShare = 0;
    plan([{ path: '/a', blocks: 2 }], [{}]);
    await world.clock.advance(60_000);
    expect(filler.calls).toEqual([]);
    bulkShare = 1;
    await world.clock.advance(5000);
    expect(fill.state).toBe('complete');
  });

  it('begins no block that waited for the rate while the share went to nothing', async () => {
    await start();
    plan([{ path: '/a', blocks: 3 }], [{}]);
    await world.clock.advance(1500);
    expect(filler.calls).toHaveLength(1);
    bulkShare = 0;
    await world.clock.advance(20_000);
    expect(filler.calls).toHaveLength(1);
    bulkShare = 1;
    await world.clock.advance(5000);
    expect(heldBlocks('/a')).toBe(3);
  });

  it('goes at the share of its rate that viewers leave', async () => {
    await start();
    bulkShare = 0.1;
    plan([{ path: '/a', blocks: 20 }], [{}]);
    await world.clock.advance(61_000);
    expect(heldBlocks('/a')).toBe(7);
  });

  it('has as many blocks on their way as the rate needs, of one file as of many', async () => {
    let most = 0;
    let now = 0;
    await start(async () => {
      now += 1;
      most = Math.max(most, now);
      await world.clock.delay(500);
      now -= 1;
      return undefined;
    });
    plan(
      ['/a', '/b', '/c', '/d'].map((path) => ({ path, blocks: 5 })),
      [{ fillBitsPerSec: 1000 * MIB }],
    );
    await world.clock.advance(20_000);
    expect(fill.state).toBe('complete');
    expect(most).toBe(13);
  });

  it('leaves no timer and no fill behind when it is stopped in the middle', async () => {
    await start(async (_call, signal) => {
      await world.clock.delay(60_000, signal);
      return undefined;
    });
    plan([{ path: '/a', blocks: 5 }], [{}]);
    await world.clock.advance(5000);
    const stopped = fill.stop(1000);
    await world.clock.advance(0);
    await stopped;
    expect(world.clock.timerCount).toBeLessThanOrEqual(1);
  });
});
