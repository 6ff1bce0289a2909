import fc from 'fast-check';
import { expect, test } from 'vitest';
import { orderByScore } from '../../../fill-planner/hold/rank-order.ts';

const scores = fc
  .array(
    fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constantFrom(0, -1, 1e-30, 1, Number.POSITIVE_INFINITY)),
  )
  .map((values) => Float64Array.from(values));

test('orders what has a score from the best down, but for what no forecast tells apart', () => {
  fc.assert(
    fc.property(scores, (values) => {
      const order = orderByScore(values);
      const tellable = [...order.keys()].slice(1).every((at) => {
        const [before = 0, after = 0] = [values[order[at - 1] ?? 0], values[order[at] ?? 0]];
        return after <= Math.max(before * 1.01, before + 1e-37);
      });
      expect(tellable).toBe(true);
      expect([...order].sort((a, b) => a - b)).toEqual([...values.keys()].filter((index) => (values[index] ?? 0) > 0));
    }),
  );
});

test('leaves equals in their order', () => {
  expect([...orderByScore(Float64Array.of(1, 5, 1.001, 0, 5.01, 1, 1e30))]).toEqual([6, 1, 4, 0, 2, 5]);
});
