import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shareFillRate } from '../../../fill-planner/schedule/bandwidth-budget.ts';

const claims = fc.array(fc.option(fc.integer({ min: 1000, max: 2_000_000 }), { nil: undefined }), {
  minLength: 1,
  maxLength: 30,
});

test('appliances together never take more than the site has, and none more than its own limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 10_000_000 }), claims, (siteBitsPerSec, limits) => {
      const rates = shareFillRate(
        siteBitsPerSec,
        limits.map((fillBitsPerSec, index) => ({ applianceId: `a${index}`, fillBitsPerSec, linkBytes: index * index })),
      );
      const all = [...rates.values()];
      expect(all.reduce((sum, rate) => sum + rate, 0)).toBeLessThanOrEqual(siteBitsPerSec);
      limits.forEach((limit, index) => {
        expect(rates.get(`a${index}`)).toBeLessThanOrEqual(limit ?? siteBitsPerSec);
      });
    }),
  );
});

test('what a limited appliance leaves goes to the others in equal parts', () => {
  const rates = shareFillRate(900, [
    { applianceId: 'a', fillBitsPerSec: 100 },
    { applianceId: 'b', fillBitsPerSec: undefined },
    { applianceId: 'c', fillBitsPerSec: 5000 },
  ]);
  expect(Object.fromEntries(rates)).toEqual({ a: 100, b: 400, c: 400 });
});

test('nothing of the budget is lost while somebody could use it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 10_000_000 }), claims, (siteBitsPerSec, limits) => {
      const rates = shareFillRate(
        siteBitsPerSec,
        limits.map((fillBitsPerSec, index) => ({ applianceId: `a${index}`, fillBitsPerSec })),
      );
      const taken = [...rates.values()].reduce((sum, rate) => sum + rate, 0);
      const wanted = limits.reduce<number>((sum, limit) => sum + (limit ?? siteBitsPerSec), 0);
      // Each rate is rounded down to a whole bit.
      expect(taken).toBeGreaterThan(Math.min(siteBitsPerSec, wanted) - limits.length - 1);
    }),
  );
});

test('who has more to fetch gets more of the link, so that all end together', () => {
  const rates = shareFillRate(1000, [
    { applianceId: 'a', fillBitsPerSec: undefined, linkBytes: 600 },
    { applianceId: 'b', fillBitsPerSec: undefined, linkBytes: 300 },
    { applianceId: 'c', fillBitsPerSec: 50, linkBytes: 100 },
  ]);
  expect(Object.fromEntries(rates)).toEqual({ a: 633, b: 316, c: 50 });
});

test('who has nothing to fetch keeps a little, for what others cannot fetch any more', () => {
  const rates = shareFillRate(1000, [
    { applianceId: 'a', fillBitsPerSec: undefined, linkBytes: 100 },
    { applianceId: 'b', fillBitsPerSec: undefined, linkBytes: 0 },
  ]);
  expect(Object.fromEntries(rates)).toEqual({ a: 975, b: 24 });
});
