import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeldPlan } from '../../../../appliance/fill/planned/held-plan.ts';
import { PlanClient } from '../../../../appliance/fill/planned/plan-client.ts';
import { PlanFile } from '../../../../appliance/fill/planned/plan-file.ts';
import { PlannedFill } from '../../../../appliance/fill/planned/planned-fill.ts';
import type { EnrolledService } from '../../../../src/client/enrolled-service.ts';
import { type Identity, loadOrCreateIdentity } from '../../../../src/signing/identity.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeFiller } from '../../../support/fake-filler.ts';
import { FakeStore } from '../../../support/fake-store.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { fillParts } from '../../../support/fill-parts.ts';
import { originSource, sampleManifest, samplePlan, samplePlanFile } from '../../../support/sample-plan.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Windows that the plan names, and days for which their last one is repeated. */
const NAMED_DAYS = 5;
const REPEATED_DAYS = 7;

let dir: string;
let world: FakeWorld;
let store: FakeStore;
let planner: Identity;
let stop: () => Promise<void>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-no-planner-'));
  world = new FakeWorld();
  store = new FakeStore();
  planner = loadOrCreateIdentity('planner', join(dir, 'planner.pem'));
});
afterEach(async () => {
  await stop();
  await world.clock.advance(1);
  await rm(dir, { recursive: true });
});

/** Keeps a plan on disk as an appliance leaves it: windows of four hours, six hours after the test's start on each day. */
function keepPlan(): void {
  const file = new PlanFile(dir);
  const manifest = sampleManifest('/a', 2 * MIB, planner);
  const startMs = world.clock.nowMs() + 6 * HOUR_MS;
  const windows = Array.from({ length: NAMED_DAYS }, (_, day) => ({
    startsAtMs: startMs + day * DAY_MS,
    endsAtMs: startMs + day * DAY_MS + 4 * HOUR_MS,
    fillBitsPerSec: 8 * MIB,
  }));
  file.writePlan({
    etag: '"1"',
    plan: samplePlan(planner, [samplePlanFile(manifest, { sources: [originSource] })], { windows }),
  });
  file.writeManifest(manifest.root, manifest);
}

/** An appliance that was started while the planner is away, and has enrolled with it before. */
async function startAlone(): Promise<FakeFiller> {
  const held = new HeldPlan(new PlanFile(dir));
  const filler = new FakeFiller(store, world.clock);
  const away: Partial<EnrolledService> = {
    publicKey: planner.publicKey,
    isUsable: false,
    usable: (signal) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
  };
  const client = new PlanClient({
    applianceId: 'a1',
    service: away as EnrolledService,
    held,
    file: new PlanFile(dir),
    world,
    logger: silentLogger,
    planPollMs: 60_000,
    onPoll: () => undefined,
  });
  const fill = new PlannedFill({
    applianceId: 'a1',
    held,
    ...fillParts(dir, world, held),
    store,
    filler,
    world,
    logger: silentLogger,
    bulkShare: () => 1,
    onFilled: () => undefined,
    onFailed: () => undefined,
    onProgress: () => undefined,
  });
  await client.start();
  await fill.start();
  stop = async () => {
    await fill.stop(0);
    await client.stop(0);
  };
  return filler;
}

describe('without the planner', () => {
  it('an appliance fills the last good plan for days, restarted on each of them, also past the windows that it names', async () => {
    keepPlan();
    await startAlone();
    const filledOn: number[] = [];
    for (let day = 0; day < NAMED_DAYS + REPEATED_DAYS + 3; day += 1) {
      await stop();
      const filler = await startAlone();
      // To the start of the window: nothing before it. To its end: what was lost is back.
      store.find('/a')?.evict(0);
      await world.clock.advance(6 * HOUR_MS - 1000);
      expect(filler.calls, `day ${day}`).toEqual([]);
      await world.clock.advance(4 * HOUR_MS + 1000);
      if ((store.find('/a')?.heldBlocks ?? 0) === 2) filledOn.push(day);
      const { length } = filler.calls;
      await world.clock.advance(14 * HOUR_MS);
      expect(filler.calls.length, `day ${day}`).toBe(length);
    }
    expect(filledOn).toEqual(Array.from({ length: NAMED_DAYS + REPEATED_DAYS }, (_, day) => day));
  });
});
