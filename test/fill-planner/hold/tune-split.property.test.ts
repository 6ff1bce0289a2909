import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstSplit, SPLIT_LIMITS, type SpaceEarnings, tuneSplit } from '../../../fill-planner/hold/tune-split.ts';

const earned = (planned: number, demand: number): SpaceEarnings => ({
  plannedTail: { spaceBytes: 100, servedBytes: planned },
  demandTail: { spaceBytes: 100, servedBytes: demand },
  demandFilledBytes: 0,
});

describe('the split of a disk', () => {
  test('stays within its limits whatever is measured, and moves by 4 % a day at most', () => {
    const days = fc.array(fc.tuple(fc.integer({ min: -50, max: 1000 }), fc.integer({ min: 0, max: 1000 })));
    fc.assert(
      fc.property(days, fc.double({ min: 0.3, max: 0.98, noNaN: true }), (measured, first) => {
        let state = firstSplit(first);
        for (const [planned, demand] of measured) {
          const next = tuneSplit(state, earned(planned, demand));
          expect(Math.abs(next.plannedShare - state.plannedShare)).toBeLessThanOrEqual(0.0401);
          expect(next.plannedShare).toBeGreaterThanOrEqual(SPLIT_LIMITS.minPlannedShare);
          expect(next.plannedShare).toBeLessThanOrEqual(SPLIT_LIMITS.maxPlannedShare);
          state = next;
        }
      }),
    );
  });

  test('does not move where both sides earn about the same, nor for one odd day, nor where nothing is measured', () => {
    const state = firstSplit(0.9);
    expect(tuneSplit(tuneSplit(state, earned(100, 110)), earned(110, 100)).plannedShare).toBe(0.9);
    expect(tuneSplit(tuneSplit(state, earned(100, 300)), earned(300, 100)).plannedShare).toBe(0.9);
    const nothing = { spaceBytes: 0, servedBytes: 0 };
    expect(tuneSplit(state, { ...earned(1, 9), plannedTail: nothing }).plannedShare).toBe(0.9);
  });

  test('arrives where both earn the same, from either side, and stays near there', () => {
    const share = fc.double({ min: 0.35, max: 0.95, noNaN: true });
    fc.assert(
      fc.property(share, share, fc.integer({ min: 1, max: 2 ** 31 }), (best, first, seed) => {
        let noise = seed;
        const random = (): number => {
          noise = (noise * 48_271) % 2_147_483_647;
          return 0.7 + (0.6 * noise) / 2_147_483_647;
        };
        let state = firstSplit(first);
        for (let day = 0; day < 120; day++) {
          // The further from the best split, the more the side that is too small earns.
          const lead = Math.exp(8 * (best - state.plannedShare));
          state = tuneSplit(state, earned(100 * lead * random(), 100 * random()));
        }
        expect(Math.abs(state.plannedShare - best)).toBeLessThan(0.08);
      }),
    );
  });
});
