import { describe, expect, test } from 'vitest';
import { lastUrgentPriority, urgentWindows } from '../../../fill-planner/schedule/urgent-fill.ts';

const order = (rows: readonly (readonly [sizeBytes: number, expectedBytes: number, files: number])[]) => ({
  count: rows.length,
  sizeBytes: (entry: number) => rows[entry]?.[0] ?? 0,
  expectedBytes: (entry: number) => rows[entry]?.[1] ?? 0,
  fileCount: (entry: number) => rows[entry]?.[2] ?? 0,
});

describe('urgent', () => {
  test('is what serves twice its size before the next window opens', () => {
    const plan = order([
      [10e6, 400e6, 3],
      [500, 0, 1],
      [10e6, 40e6, 4],
      [10e6, 39e6, 1],
      [10e6, 4000e6, 1],
    ]);
    expect(lastUrgentPriority(plan, 12)).toBe(7);
    expect(lastUrgentPriority(plan, 11)).toBe(3);
    expect(lastUrgentPriority(plan, 0)).toBe(-1);
    expect(lastUrgentPriority(order([]), 12)).toBe(-1);
  });
});

describe('windows for what is urgent', () => {
  const pace = { fillBitsPerSec: 5, lastPriority: 7 };
  const regular = (startsAtMs: number, endsAtMs: number) => ({ startsAtMs, endsAtMs, fillBitsPerSec: 100 });

  test('lie between the others', () => {
    expect(urgentWindows([regular(10, 20), regular(20, 30), regular(50, 60)], 5, pace)).toEqual([
      { startsAtMs: 5, endsAtMs: 10, ...pace },
      { startsAtMs: 30, endsAtMs: 50, ...pace },
    ]);
  });

  test('do not lie in a window that is open', () => {
    expect(urgentWindows([regular(0, 20), regular(40, 60)], 5, pace)).toEqual([
      { startsAtMs: 20, endsAtMs: 40, ...pace },
    ]);
  });
});
