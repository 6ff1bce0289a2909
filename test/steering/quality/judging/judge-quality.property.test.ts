import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareGroup, type Measured } from '../../../../steering/quality/judging/compare-group.ts';
import { judgeQuality, type QualityClass } from '../../../../steering/quality/judging/judge-quality.ts';

const count = (max: number) => fc.double({ min: 0, max, noNaN: true });
const measured: fc.Arbitrary<Measured> = fc
  .record({
    rates: count(1000),
    medianRate: count(28),
    reports: count(1000),
    stallShare: count(1),
    requests: count(1000),
    errorShare: count(1),
  })
  .map(({ stallShare, errorShare, ...rest }) => ({
    ...rest,
    stalls: rest.reports * stallShare,
    errors: rest.requests * errorShare,
  }));

const judgeOf = (one: Measured, comparison: ReturnType<typeof compareGroup>[number], before: QualityClass) =>
  judgeQuality(
    {
      ...one,
      ...comparison,
      hasComplainers: true,
      rateGaps: comparison.rateGap * comparison.rateWeight,
    },
    0,
    before,
  );

const one = (rates: number, medianRate: number, more: Partial<Measured> = {}): Measured => ({
  rates,
  medianRate,
  reports: 0,
  stalls: 0,
  requests: 0,
  errors: 0,
  ...more,
});

test('comparisons are finite, gaps are never positive and at most four octaves, whatever was measured', () => {
  fc.assert(
    fc.property(fc.array(measured, { maxLength: 6 }), (group) => {
      for (const { rateGap, rateWeight, expectedErrors, expectedStalls } of compareGroup(group)) {
        expect(rateGap).toBeLessThanOrEqual(0);
        expect(rateGap).toBeGreaterThanOrEqual(-8);
        expect(rateWeight).toBeGreaterThanOrEqual(0);
        for (const expected of [expectedErrors, expectedStalls]) expect(expected).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test('who has fewer stalls and errors and the higher rate is never judged worse', () => {
  fc.assert(
    fc.property(measured, measured, fc.double({ min: 0, max: 1, noNaN: true }), (other, worse, share) => {
      const better = {
        ...worse,
        medianRate: worse.medianRate + share * 4,
        stalls: worse.stalls * share,
        errors: worse.errors * share,
      };
      const [, ofWorse] = compareGroup([other, worse]);
      const [, ofBetter] = compareGroup([other, better]);
      if (ofWorse === undefined || ofBetter === undefined) throw new Error('two in, two out');
      expect(judgeOf(better, ofBetter, 0).qualityClass).toBeLessThanOrEqual(judgeOf(worse, ofWorse, 0).qualityClass);
    }),
  );
});

test('equals are all of class 0, however slow their viewers are', () => {
  fc.assert(
    fc.property(count(28), fc.integer({ min: 2, max: 5 }), fc.integer({ min: 0, max: 500 }), (rate, number, rates) => {
      const group = Array.from({ length: number }, () =>
        one(rates, rate, { reports: 300, stalls: 90, requests: 300, errors: 90 }),
      );
      for (const comparison of compareGroup(group))
        expect(judgeOf(group[0] as Measured, comparison, 0).qualityClass).toBe(0);
    }),
  );
});

test('few measurements say little: of a quarter of the speed it takes about sixty to be sure', () => {
  const classOf = (rates: number): number => {
    const group = [one(200, 16), one(rates, 12)];
    const [, comparison] = compareGroup(group);
    return comparison === undefined ? -1 : judgeOf(group[1] as Measured, comparison, 0).qualityClass;
  };
  expect([5, 15, 40, 100].map(classOf)).toEqual([0, 1, 2, 3]);
});

test('what is judged worse must do better by a margin to be judged better', () => {
  const at = (gap: number, before: QualityClass) =>
    judgeQuality(
      {
        ...one(0, 0),
        rateGaps: gap * 1e6,
        rateWeight: 1e6,
        expectedErrors: 0,
        expectedStalls: 0,
        hasComplainers: true,
      },
      0,
      before,
    ).qualityClass;
  expect([at(-1.9, 0), at(-1.9, 2), at(-1.6, 2), at(-0.8, 1), at(-0.6, 1), at(-3.1, 0)]).toEqual([1, 2, 1, 1, 0, 3]);
});

test('a neighbourhood with one appliance compares nothing, and draws on what is known elsewhere', () => {
  const [alone] = compareGroup([one(500, 3)]);
  expect(alone).toMatchObject({ rateGap: 0, rateWeight: 0 });
  const evidence = {
    ...one(0, 0),
    rateGaps: 0,
    rateWeight: 0,
    expectedErrors: 0,
    expectedStalls: 0,
    hasComplainers: true,
  };
  expect(judgeQuality(evidence, -4, 0)).toMatchObject({ qualityClass: 3, because: expect.stringContaining('25 %') });
});

test('stalls and errors are held against what others have in the same place', () => {
  const judge = (stalls: number, others: number) => {
    const group = [one(0, 0, { reports: 1000, stalls: others }), one(0, 0, { reports: 400, stalls })];
    const [, comparison] = compareGroup(group);
    return comparison && judgeOf(group[1] as Measured, comparison, 0);
  };
  expect(judge(60, 5)).toMatchObject({ qualityClass: 3, because: expect.stringContaining('15 % of the reports') });
  expect(judge(60, 150)?.qualityClass).toBe(0);
  const failing = [one(0, 0, { requests: 500, errors: 1 }), one(0, 0, { requests: 100, errors: 30 })];
  const [, comparison] = compareGroup(failing);
  expect(comparison && judgeOf(failing[1] as Measured, comparison, 0)).toMatchObject({
    qualityClass: 3,
    because: expect.stringContaining('30 % of the requests fail'),
  });
});
