import { describe, expect, test } from 'vitest';
import { SpaceEarnings } from '../../../appliance/report/space-earnings.ts';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import { parseFillReport } from '../../../src/contracts/fill-report.ts';

const HOUR_MS = 3_600_000;
const ROOT = 'a'.repeat(64);

/** A hundred planned files of 10 bytes, and space for 1000 more bytes. */
function watched(maxEntries?: number) {
  const plan: FillPlan = {
    version: 1,
    planVersion: 1,
    applianceId: 'a1',
    createdAtMs: 0,
    renditions: ['t/r'],
    windows: [],
    files: Array.from({ length: 100 }, (_, index) => ({
      path: `/p${index}`,
      sizeBytes: 10,
      root: ROOT,
      rendition: 0,
      priority: index,
      reason: '',
      expectedBytes: 0,
      sources: [],
    })),
    keyId: 'k',
    signature: '',
  };
  let nowMs = 1000 * HOUR_MS;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const earnings = new SpaceEarnings({
    plan: () => plan,
    capacityBytes: () => 2000,
    clock,
    ...(maxEntries === undefined ? {} : { maxEntries }),
  });
  return { earnings, pass: (ms: number) => void (nowMs += ms) };
}

describe('what space earns', () => {
  test('is not told before half a day was watched', () => {
    const { earnings, pass } = watched();
    earnings.count('/p99', 10, 0);
    earnings.count('/u1', 10, 7);
    expect(earnings.report()).toBeUndefined();
    pass(12 * HOUR_MS);
    expect(earnings.report()).toEqual({
      overMs: 12 * HOUR_MS,
      plannedTail: { spaceBytes: 50, servedBytes: 10 },
      demandTail: { spaceBytes: 50, servedBytes: 0 },
      demandFilledBytes: 7,
    });
  });

  test('is that of the least urgent planned files and no others, for a day', () => {
    const { earnings, pass } = watched();
    for (const path of ['/p0', '/p94', '/p95', '/p99']) earnings.count(path, 10, 0);
    pass(13 * HOUR_MS);
    earnings.count('/p97', 3, 0);
    expect(earnings.report()?.plannedTail.servedBytes).toBe(23);
    pass(12 * HOUR_MS);
    expect(earnings.report()?.plannedTail.servedBytes).toBe(3);
    pass(12 * HOUR_MS);
    expect(earnings.report()?.plannedTail.servedBytes).toBe(0);
  });

  test('a cache in place of planned files would serve them too, all but the first time', () => {
    const { earnings, pass } = watched();
    for (let time = 0; time < 5; time++) earnings.count('/p99', 10, 0);
    // A film that is read in ranges: no range of it is here before it has been read once.
    for (const bytes of [4, 4, 2, 4, 4, 2]) earnings.count('/p98', bytes, 0);
    pass(12 * HOUR_MS);
    expect(earnings.report()?.plannedTail.servedBytes).toBe(70);
    expect(earnings.report()?.demandTail.servedBytes).toBe(50);
  });

  test('a larger cache would serve unplanned files that have just fallen out of this one', () => {
    const { earnings, pass } = watched();
    // Room for 100 files of 10 bytes, and with the planned part's for 105: /u0 to /u2 are gone from both.
    for (let index = 0; index < 108; index++) earnings.count(`/u${index}`, 10, 10);
    const after = (path: string, fetchedBytes: number): number => {
      earnings.count(path, 10, fetchedBytes);
      return earnings.report()?.demandTail.servedBytes ?? 0;
    };
    pass(12 * HOUR_MS);
    expect(after('/u50', 0)).toBe(0);
    expect(after('/u0', 10)).toBe(0);
    expect(after('/u7', 10)).toBe(10);
    expect(after('/u7', 0)).toBe(10);
  });

  test('is about the same from a sample as from all paths', () => {
    const earned = (maxEntries?: number): number => {
      const { earnings, pass } = watched(maxEntries);
      // Rounds over a little more than there is room for, so that what comes next has just been dropped.
      for (let round = 0; round < 300; round++)
        for (let index = 0; index < 103; index++) earnings.count(`/u${index}`, 10, 10);
      pass(12 * HOUR_MS);
      return earnings.report()?.demandTail.servedBytes ?? 0;
    };
    const all = earned();
    expect(all).toBeGreaterThan(300_000);
    expect(earned(60) / all).toBeGreaterThan(0.3);
    expect(earned(60) / all).toBeLessThan(3);
  });

  test('is part of a fill report', () => {
    const { earnings, pass } = watched();
    pass(30 * HOUR_MS);
    const report = {
      version: 1,
      applianceId: 'a1',
      planVersion: 1,
      reportedAtMs: 0,
      state: 'complete',
      fileCount: 0,
      heldFileCount: 0,
      planBytes: 0,
      heldBytes: 0,
      filledBytes: { peer: 0, tier: 0, origin: 0 },
      failures: [],
      space: earnings.report(),
    };
    expect(parseFillReport(report)).toEqual(report);
  });
});
