import { expect, test } from 'vitest';
import type { Judgement, QualityClass } from '../../../../steering/quality/judging/judge-quality.ts';
import { CONFIRM_MS, KEEP_MS, settleClass } from '../../../../steering/quality/judging/settle-class.ts';

const judged = (qualityClass: QualityClass): Judgement => ({
  qualityClass,
  rateGap: -qualityClass,
  because: qualityClass === 0 ? undefined : `class ${qualityClass}`,
});

test('what is judged worse is watched first, and then stands as it is judged by then', () => {
  const first = settleClass(undefined, judged(1), 100, 0);
  expect(first).toMatchObject({ qualityClass: 0, worseSinceMs: 0 });
  const second = settleClass(first, judged(2), 100, CONFIRM_MS - 1);
  expect(second).toMatchObject({ qualityClass: 0, worseSinceMs: 0 });
  expect(settleClass(second, judged(3), 100, CONFIRM_MS)).toMatchObject({ qualityClass: 3, because: 'class 3' });
});

test('a moment of doubt in between begins the watch anew', () => {
  const first = settleClass(undefined, judged(2), 100, 0);
  const second = settleClass(first, judged(0), 100, 10_000);
  expect(settleClass(second, judged(2), 100, CONFIRM_MS)).toMatchObject({ qualityClass: 0, worseSinceMs: CONFIRM_MS });
});

test('what stands is only judged better by enough measurements, or when nothing was measured for long', () => {
  const stands = { ...judged(2), worseSinceMs: undefined, measuredAtMs: 0 };
  expect(settleClass(stands, judged(0), 59, 1000).qualityClass).toBe(2);
  expect(settleClass(stands, undefined, 0, KEEP_MS - 1).qualityClass).toBe(2);
  expect(settleClass(stands, judged(1), 60, 1000)).toMatchObject({ qualityClass: 1, because: 'class 1' });
  expect(settleClass(stands, undefined, 0, KEEP_MS)).toMatchObject({ qualityClass: 0, because: undefined });
});
