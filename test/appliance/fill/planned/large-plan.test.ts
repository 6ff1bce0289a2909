import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FillRig } from './fill-rig.ts';

const MANY = 12_000;
/** More than so many files are never looked at in one turn. */
const MOST_PER_TURN = 4000;

let dir: string;
let rig: FillRig;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-large-plan-'));
  rig = new FillRig(dir);
  await rig.fill.start();
});
afterEach(async () => {
  await rig.end();
  await rm(dir, { recursive: true });
});

/** Turns that others had until the store keeps a place for this path. */
async function turnsUntilPinned(path: string): Promise<number> {
  let turns = 0;
  for (; !rig.store.pinned.has(path); turns += 1) await othersTurn();
  return turns;
}

describe('a plan of many thousand files', () => {
  it('is put in force a little at a time, with turns for others in between', async () => {
    rig.planOfMany('/a', MANY);
    expect(await turnsUntilPinned('/a/0')).toBeGreaterThanOrEqual(MANY / MOST_PER_TURN);
    expect(rig.store.pinned.size).toBe(MANY);
  });

  it('gives way to one that comes meanwhile', async () => {
    rig.planOfMany('/a', MANY);
    await othersTurn();
    rig.planOfMany('/b', 3);
    await turnsUntilPinned('/b/2');
    expect(rig.store.pinned.has('/b/0')).toBe(true);
  });
});
