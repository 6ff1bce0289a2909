import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { volumeCapacityBytes, volumesToOpen } from '../../appliance/volume-capacity.ts';
import { type Logger, silentLogger } from '../../src/telemetry/logger.ts';

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

  it('does not mind a lost+found that only root may look into, as every fresh file system has one', () => {
    mkdirSync(join(dir, 'lost+found'), { mode: 0o000 });
    chmodSync(dir, 0o755);
    expect(asNobody(() => volumeCapacityBytes(dir, 0))).toBeGreaterThan(0);
  });

  describe('of volumes of which one is broken', () => {
    const logged: object[] = [];
    const logger: Logger = { ...silentLogger, error: (fields) => void logged.push(fields) };
    let broken: string;

    beforeEach(() => {
      logged.length = 0;
      writeFileSync(join(dir, 'file'), '');
      broken = join(dir, 'file', 'volume');
    });

    it('is asked of the others alone, and the log names the one that is left out', () => {
      const volumes = volumesToOpen([broken, join(dir, 'good')], 0, logger);
      expect(volumes).toEqual([{ dir: join(dir, 'good'), capacityBytes: expect.any(Number) }]);
      expect(logged).toMatchObject([{ volume: broken }]);
    });

    it('is given to all when it is configured: the store tries the broken one again', () => {
      const dirs = [broken, join(dir, 'good')];
      expect(volumesToOpen(dirs, 1000, logger)).toEqual(dirs.map((each) => ({ dir: each, capacityBytes: 1000 })));
    });

    it('is no reason to start when there is no other, and that names it', () => {
      const failure = { code: 'VOLUME_IO', detail: expect.stringContaining(broken) };
      expect(() => volumesToOpen([broken], 0, logger)).toThrow(expect.objectContaining(failure));
      expect(() => volumesToOpen([broken], 1000, logger)).toThrow(expect.objectContaining(failure));
    });
  });
});

/** Root may read everything, so a test that root runs has to be somebody else for a moment. */
function asNobody<T>(task: () => T): T {
  const NOBODY = 65_534;
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    return task();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
