import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { volumeCapacityBytes } from '../../appliance/volume-capacity.ts';

describe('the capacity of a volume', () => {
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'oca-capacity-'));
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('is what the operator says', () => {
    expect(volumeCapacityBytes(dir, 12_345)).toBe(12_345);
  });

  it('is else most of what is free, and what it holds already counts as its own', () => {
    const before = volumeCapacityBytes(dir, 0);
    mkdirSync(join(dir, 'deeper'));
    writeFileSync(join(dir, 'deeper', 'held'), Buffer.alloc(32 * 2 ** 20));
    const after = volumeCapacityBytes(dir, 0);
    const { bavail, bsize } = statfsSync(dir);
    expect(after).toBeLessThanOrEqual(0.9 * (bavail * bsize + 33 * 2 ** 20));
    // Others write to the disk meanwhile; ours is 32 MiB that must not be missing.
    expect(after).toBeGreaterThan(before * 0.9);
  });
});
