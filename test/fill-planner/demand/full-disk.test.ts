import { randomUUID } from 'node:crypto';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DemandStore, type SampleOutcome } from '../../../fill-planner/demand/demand-store.ts';
import type { DemandSample } from '../../../src/contracts/demand-sample.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { SmallDisk } from '../../appliance/store/small-disk.ts';

const HOUR = Date.UTC(2030, 0, 20, 3);
const LEFT_BYTES = 64 * 1024;

const sample = (hour: number): DemandSample => ({
  version: 1,
  sampleId: randomUUID(),
  applianceId: 'a1',
  siteId: 's1',
  hourStartMs: HOUR - hour * 3_600_000,
  entries: Array.from({ length: 100 }, (_, at) => ({ path: `/title-${at}/v1.mp4`, requests: 1, servedBytes: 1000 })),
});

test('a disk that is full refuses samples, keeps what was counted, and counts a refused one once there is room', () => {
  using disk = SmallDisk.inMemory(4);
  const limits = { retentionMs: 30 * 86_400_000, maxRows: 1e6 };
  let store = new DemandStore(join(disk.dir, 'demand.sqlite'), limits);
  const count = (each: DemandSample): SampleOutcome => store.count(each, 'de', (path) => path, HOUR);
  expect(count(sample(0))).toBe('counted');
  const ballast = join(disk.dir, 'ballast');
  const { bavail, bsize } = statfsSync(disk.dir);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - LEFT_BYTES));
  let counted = 1;
  let refused: DemandSample | undefined;
  while (refused === undefined) {
    const next = sample(counted);
    try {
      count(next);
      counted += 1;
    } catch (error) {
      expect(error).toMatchObject({ code: 'VOLUME_FULL' });
      refused = next;
    }
  }
  expect([...store.history()]).toHaveLength(100 * counted);

  rmSync(ballast);
  expect(count(refused)).toBe('counted');
  expect(count(refused)).toBe('duplicate');
  store.close();
  store = new DemandStore(join(disk.dir, 'demand.sqlite'), limits);
  atOnce(store.trim(HOUR));
  expect(store.rowCount).toBe(100 * (counted + 1));
  store.close();
});
