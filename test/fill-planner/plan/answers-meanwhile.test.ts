import { setImmediate as othersTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gatherFleet } from '../../../fill-planner/plan/gather-fleet.ts';
import { PlanDocuments } from '../../../fill-planner/plan/plan-documents.ts';
import { parseFillPlan } from '../../../src/contracts/fill-plan.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';
import { FLEET, RunningPlanner } from '../running-planner.ts';
import { CycleRig } from './cycle-rig.ts';

const NOW_MS = Date.UTC(2030, 0, 20, 3);
const RENDITIONS = 3000;
/** More of anything is never read or written in one turn. */
const MOST_PER_TURN = 2000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let rig: CycleRig;

beforeEach(async () => {
  folder = await temporaryFolder();
  rig = new CycleRig(folder.path, NOW_MS);
  rig.setFleet({
    ...FLEET,
    sites: FLEET.sites.slice(0, 1),
    clusters: FLEET.clusters.slice(0, 1),
    appliances: FLEET.appliances.slice(0, 2).map((appliance) => ({ ...appliance, capacityBytes: 1e12 })),
  });
  rig.addTitle(
    'long',
    Array.from({ length: RENDITIONS }, (_, rung) => 1_000_000 + rung),
  );
  for (const hours of [2, 3])
    rig.watch(
      'de',
      NOW_MS - hours * 3_600_000,
      new Map(Array.from({ length: RENDITIONS }, (_, rung) => [`/long/v${rung}.mp4`, 1e9])),
    );
});
afterEach(async () => {
  rig.close();
  await folder[Symbol.asyncDispose]();
});

/** Turns of the event loop that others have until it is done. */
async function turnsUntil<T>(work: Promise<T>, each: () => void = () => {}): Promise<{ result: T; turns: number }> {
  let turns = 0;
  const progress = { isDone: false };
  const done = work.finally(() => {
    progress.isDone = true;
  });
  while (!progress.isDone) {
    await othersTurn();
    turns += 1;
    each();
  }
  return { result: await done, turns };
}

test('others have their turn while the planner reads what a plan is made of', async () => {
  const { result, turns } = await turnsUntil(gatherFleet(rig.parts, NOW_MS));
  expect(result.inputs.facts).toHaveLength(RENDITIONS + 1);
  // The catalogue twice, once for its files, and two hours of demand.
  expect(turns).toBeGreaterThanOrEqual((2 * RENDITIONS + 2 * RENDITIONS) / MOST_PER_TURN);
});

test('a catalogue that changes while it is read is read as it was at one moment', async () => {
  let at = 0;
  const { result } = await turnsUntil(gatherFleet(rig.parts, NOW_MS), () => {
    at += 1;
    // Before those that are there, so that every number moves.
    if (at <= 6) rig.addTitle(`a${at}`, [5000 + at]);
  });
  const { inputs, contents, catalogueVersion } = result;
  for (const [index, { id, sizeBytes }] of inputs.facts.entries()) {
    expect(contents[index]?.id).toBe(id);
    expect(contents[index]?.files.map((file) => file.sizeBytes)).toEqual([sizeBytes]);
  }
  const added = new Set(inputs.facts.map(({ titleId }) => titleId)).size - 1;
  expect(catalogueVersion).toBe(1 + added);
});

test('plans are written one after the other, with turns for others, and each is whole', async () => {
  await rig.cycle();
  const { plans, identity } = rig.parts;
  const documents = new PlanDocuments(plans, identity);
  const order: string[] = [];
  const write = async (applianceId: string) => {
    const written = await documents.write(applianceId);
    order.push(applianceId);
    return written;
  };
  const { result, turns } = await turnsUntil(Promise.all([write('a1'), write('nobody'), write('a2')]));
  expect(order).toEqual(['a1', 'nobody', 'a2']);
  const files = result.map((written) =>
    written === undefined ? 0 : parseFillPlan(JSON.parse(written.body.toString())).files.length,
  );
  expect(files).toEqual([expect.any(Number), 0, expect.any(Number)]);
  const all = files.reduce((sum, count) => sum + count, 0);
  expect(all).toBeGreaterThan(RENDITIONS);
  expect(turns).toBeGreaterThanOrEqual(Math.floor(all / MOST_PER_TURN));
});

test('what is counted and asked while a cycle runs is answered before it ends', async () => {
  rig.close();
  await using planner = await RunningPlanner.start({ state: folder.path, allowUnsignedLoopback: true });
  const order: string[] = [];
  const told = async <T>(name: string, answer: Promise<T>): Promise<T> => {
    const value = await answer;
    order.push(name);
    return value;
  };
  const cycle = told('cycle', planner.admin.post('/v1/plan-cycle', {}));
  const sample = {
    version: 1,
    sampleId: crypto.randomUUID(),
    applianceId: 'a1',
    siteId: 's1',
    hourStartMs: Math.floor(Date.now() / 3_600_000) * 3_600_000,
    entries: [{ path: '/long/v1.mp4', requests: 1, servedBytes: 1000 }],
  };
  const others = [
    told('health', fetch(`${planner.adminUrl}/healthz`)),
    told('metrics', fetch(`${planner.adminUrl}/metrics`)),
    told('demand', planner.stranger.post('/v1/demand', sample)),
  ];
  await Promise.all(others);
  await cycle;
  expect(order.at(-1)).toBe('cycle');
  expect(await others[2]).toMatchObject({ outcome: 'counted' });
});
