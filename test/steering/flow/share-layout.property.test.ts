import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changeLayout, type ShareLayout, sharesOf, siteAt } from '../../../steering/flow/share-layout.ts';

const shares = fc
  .array(fc.nat(20), { minLength: 5, maxLength: 5 })
  .filter((weights) => weights.some((weight) => weight > 0))
  .map((weights) => {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return new Map(
      weights.flatMap((weight, at): [string, number][] => (weight === 0 ? [] : [[`site-${at}`, weight / sum]])),
    );
  });

test('whatever shares follow one another, a layout gives them exactly and moves only the difference', () => {
  fc.assert(
    fc.property(fc.array(shares, { minLength: 1, maxLength: 12 }), (history) => {
      let layout: ShareLayout = [];
      for (const next of history) {
        const before = layout;
        layout = changeLayout(before, next);
        const now = sharesOf(layout);
        for (const id of new Set([...next.keys(), ...now.keys()]))
          expect(Math.abs((now.get(id) ?? 0) - (next.get(id) ?? 0))).toBeLessThan(1e-4);
        expect(layout.at(-1)?.end).toBe(1);
        if (before.length === 0) continue;
        const old = sharesOf(before);
        const difference = [...old].reduce((sum, [id, share]) => sum + Math.max(0, share - (now.get(id) ?? 0)), 0);
        expect(movedBetween(before, layout)).toBeLessThan(difference + 1e-4);
      }
    }),
  );
});

test('the same shares again leave the layout as it is', () => {
  fc.assert(
    fc.property(shares, (once) => {
      const layout = changeLayout([], once);
      expect(changeLayout(layout, new Map(once))).toBe(layout);
    }),
  );
});

test('a session goes where its number falls, borders included', () => {
  const layout: ShareLayout = [
    { end: 0.25, siteId: 'north' },
    { end: 1, siteId: 'south' },
  ];
  expect([0, 0.2499, 0.25, 0.9999].map((unit) => siteAt(layout, unit))).toEqual(['north', 'north', 'south', 'south']);
  expect(siteAt([], 0.5)).toBeUndefined();
});

/** Length of the numbers that lead to another site than before. */
function movedBetween(before: ShareLayout, after: ShareLayout): number {
  const borders = [0, ...before.map(({ end }) => end), ...after.map(({ end }) => end)].sort((a, b) => a - b);
  return borders.reduce((sum, border, at) => {
    const next = borders[at + 1] ?? 1;
    const middle = (border + next) / 2;
    return siteAt(before, middle) === siteAt(after, middle) ? sum : sum + next - border;
  }, 0);
}
