import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fitTrees,
  scoreByTrees,
  type TreeLoss,
  type TreeOptions,
  type TreeRow,
} from '../../../../../fill-planner/demand/models/trees/boosted-trees.ts';

const options = (loss: TreeLoss, change: Partial<TreeOptions> = {}): TreeOptions => ({
  loss,
  rounds: 120,
  leaves: 8,
  minRows: 5,
  ridge: 0.1,
  rate: 0.1,
  rowShare: 1,
  factShare: 1,
  ...change,
});

const rowsOf = (count: number, targetOf: (x: number, y: number, index: number) => number): TreeRow[] =>
  Array.from({ length: count }, (_, index) => {
    const [x, y] = [index % 20, (index * 7) % 13];
    return { facts: [x, y], target: targetOf(x, y, index), weight: 1 };
  });

describe('boosted trees', () => {
  test('learn what depends on two facts at once', () => {
    const rows = rowsOf(2000, (x, y) => (x < 10 === y < 6 ? 4 : 1));
    const model = fitTrees(rows, options('mean'));
    expect(Math.exp(scoreByTrees(model, [3, 2]))).toBeCloseTo(4, 1);
    expect(Math.exp(scoreByTrees(model, [3, 9]))).toBeCloseTo(1, 1);
    expect(Math.exp(scoreByTrees(model, [15, 9]))).toBeCloseTo(4, 1);
  });

  test('give the mean, the median or the chance, as the loss says', () => {
    // Three of four are 1, the fourth is 9: mean 3, median 1.
    const rows = rowsOf(2000, (_x, _y, index) => (index % 4 === 0 ? 9 : 1));
    const mean = Math.exp(scoreByTrees(fitTrees(rows, options('mean', { minRows: 900 })), [5, 5]));
    expect(mean).toBeGreaterThan(2.3);
    expect(mean).toBeLessThan(3.7);
    expect(Math.exp(scoreByTrees(fitTrees(rows, options('absolute', { minRows: 900 })), [5, 5]))).toBeLessThan(1.3);
    const flags = rowsOf(2000, (_x, _y, index) => (index % 4 === 0 ? 1 : 0));
    const score = scoreByTrees(fitTrees(flags, options('chance', { minRows: 900 })), [5, 5]);
    expect(Math.abs(1 / (1 + Math.exp(-score)) - 0.25)).toBeLessThan(0.12);
  });

  test('learn from what is not known', () => {
    const rows = Array.from({ length: 1000 }, (_, index): TreeRow => {
      const isKnown = index % 2 === 0;
      return { facts: [isKnown ? index % 9 : Number.NaN], target: isKnown ? 1 : 5, weight: 1 };
    });
    const model = fitTrees(rows, options('mean'));
    expect(Math.exp(scoreByTrees(model, [Number.NaN]))).toBeCloseTo(5, 1);
    expect(Math.exp(scoreByTrees(model, [4]))).toBeCloseTo(1, 1);
  });

  test('a row of weight five is five rows', () => {
    const rows = rowsOf(300, (x, _y, index) => 1 + ((x + index) % 3));
    const heavy = rows.map((row, index) => ({ ...row, weight: index % 2 === 0 ? 5 : 1 }));
    const many = rows.flatMap((row, index) => Array.from({ length: index % 2 === 0 ? 5 : 1 }, () => row));
    const plain = options('mean', { minRows: 1, rounds: 20, leaves: 4 });
    for (const facts of [
      [1, 2],
      [9, 9],
      [19, 0],
    ])
      expect(scoreByTrees(fitTrees(heavy, plain), facts)).toBeCloseTo(scoreByTrees(fitTrees(many, plain), facts), 1);
  });

  test('are the same for the same rows, and say nothing without any', () => {
    const rows = rowsOf(500, (x) => 1 + x);
    const drawn = options('mean', { rowShare: 0.5, factShare: 0.5 });
    expect(fitTrees(rows, drawn)).toEqual(fitTrees(rows, drawn));
    expect(scoreByTrees(fitTrees([], drawn), [1, 2])).toBe(0);
  });

  test('any rows give a finite score for any facts', () => {
    const value = fc.oneof(fc.double(), fc.constant(Number.NaN), fc.integer({ min: -3, max: 3 }));
    const row = fc.record({
      facts: fc.tuple(value, value),
      target: fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
      weight: fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 40 }),
        fc.constantFrom<TreeLoss>('mean', 'absolute'),
        fc.tuple(value, value),
        (rows, loss, facts) => {
          const model = fitTrees(rows, options(loss, { rounds: 10, minRows: 1 }));
          expect(Number.isFinite(scoreByTrees(model, facts))).toBe(true);
        },
      ),
    );
  });
});
