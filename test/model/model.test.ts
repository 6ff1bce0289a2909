import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLife } from './life.ts';

/** The fourth life of every seed is without faults. */
const CALM = 3;
const STEPS = 1200;

describe('an appliance through requests, fills, evictions, purges, faults and restarts (more: npm run model)', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'oca-model-'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['with faults', 0],
    ['without faults, where nothing may be refused, cut, lost or fetched twice', CALM],
  ])('never gives a wrong byte (%s)', async (_what, life) => {
    const { counts } = await runLife({ seed: 1, life, steps: STEPS, folder });
    expect((counts.get('206') ?? 0) + (counts.get('200') ?? 0)).toBeGreaterThan(STEPS / 3);
  });

  it('never gives a wrong byte with a seed that nobody has tried', async () => {
    const seed = Math.floor(Math.random() * 1e6);
    console.log(`model: seed ${seed}`);
    const { counts } = await runLife({ seed, life: 1, steps: STEPS, folder });
    expect((counts.get('206') ?? 0) + (counts.get('200') ?? 0)).toBeGreaterThan(STEPS / 10);
  });
});
