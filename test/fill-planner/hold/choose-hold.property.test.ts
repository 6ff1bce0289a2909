import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retiredTitles } from '../../../fill-planner/calendar/calendar-facts.ts';
import { chooseHold } from '../../../fill-planner/hold/choose-hold.ts';
import { HELD } from '../../../fill-planner/hold/held.ts';
import type { HoldInput } from '../../../fill-planner/hold/hold-input.ts';
import type { HoldItem } from '../../../fill-planner/plan/plan-facts.ts';
import { anyInput } from './hold-cases.ts';

function isPinned({ calendar, facts }: HoldInput, index: number): boolean {
  const { id, titleId } = facts[index] ?? { id: '', titleId: '' };
  return calendar.pins.some(({ subject }) =>
    subject.by === 'title' ? subject.titleId === titleId : subject.renditionId === id,
  );
}

function missingBytes({ heldNow, facts }: HoldInput, { rendition, part, sizeBytes }: HoldItem): number {
  const held = heldNow[rendition] ?? 0;
  if (held === HELD.whole || (held === HELD.head && part === 'head')) return 0;
  return sizeBytes - (held === HELD.head ? (facts[rendition]?.headBytes ?? 0) : 0);
}

describe('what a cluster holds', () => {
  test('is tried on clusters that have something to fetch, and that would fetch too much without the rule', () => {
    const inputs = fc.sample(anyInput, { numRuns: 400, seed: 1 });
    const fetches = (input: HoldInput): number => {
      const { fillBytes, pinnedFillBytes } = chooseHold(input);
      return fillBytes - pinnedFillBytes;
    };
    const isTooMuch = (input: HoldInput): boolean => {
      const unruled = { ...input, settings: { ...input.settings, minSavedPerFilled: 0 } };
      return fetches(unruled) > chooseHold(unruled).servedBytes;
    };
    expect(inputs.filter((input) => fetches(input) > 0).length).toBeGreaterThan(40);
    expect(inputs.filter(isTooMuch).length).toBeGreaterThan(20);
    const items = inputs.flatMap((input) => chooseHold(input).items);
    expect(items.filter(({ part }) => part === 'head').length).toBeGreaterThan(50);
  });

  test('is fetched for no more bytes in a day than the day is expected to serve from it, except for pins', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { items } = chooseHold(input);
        let fetched = input.fetchedLatelyBytes;
        let served = 0;
        for (const item of items) {
          const title = input.facts[item.rendition]?.titleId;
          // The manifests of a title with a pin are paid by the pin.
          const isFree =
            isPinned(input, item.rendition) ||
            (input.facts[item.rendition]?.isManifest === true &&
              input.facts.some(({ titleId }, index) => titleId === title && isPinned(input, index)));
          if (!isFree) fetched += missingBytes(input, item);
          served += input.facts[item.rendition]?.isManifest === true ? 0 : item.expectedBytes;
        }
        if (fetched > input.fetchedLatelyBytes) expect(fetched).toBeLessThanOrEqual(served * (1 + 1e-9));
      }),
      { numRuns: 2000 },
    );
  });

  test('fits into the planned space, the budget of the day and the endurance, except for pins', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const choice = chooseHold(input);
        const bytes = choice.items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        const fetched = choice.items.reduce((sum, item) => sum + missingBytes(input, item), 0);
        expect(choice.heldBytes).toBeCloseTo(bytes);
        expect(choice.fillBytes).toBeCloseTo(fetched);
        if (input.calendar.pins.length > 0) return;
        expect(bytes).toBeLessThanOrEqual(input.plannedBytes);
        if (fetched === 0) return;
        const ofDay = fetched + input.fetchedLatelyBytes;
        expect(ofDay).toBeLessThanOrEqual(input.fillBudgetBytes ?? Number.POSITIVE_INFINITY);
        expect(ofDay).toBeLessThanOrEqual(input.writeBudgetBytes ?? Number.POSITIVE_INFINITY);
        for (const { sizeBytes } of choice.items.filter(({ rendition }) => input.facts[rendition]?.isManifest !== true))
          expect(sizeBytes).toBeLessThanOrEqual(input.maxItemBytes);
      }),
      { numRuns: 1000 },
    );
  });

  test('has every pin, no retired title, nothing twice, and manifests before the rest of their title', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { items } = chooseHold(input);
        const retired = retiredTitles(input.calendar, input.nowMs);
        const listed = new Map(items.map((item) => [item.rendition, item]));
        expect(listed.size).toBe(items.length);
        const titles = new Set<string>();
        for (const { rendition } of items) {
          const { titleId, isManifest } = input.facts[rendition] ?? { titleId: '', isManifest: false };
          expect(retired.has(titleId)).toBe(false);
          if (!isManifest && !titles.has(titleId)) {
            titles.add(titleId);
            for (const [index, other] of input.facts.entries())
              if (other.titleId === titleId && other.isManifest) expect(listed.has(index)).toBe(true);
          }
          if (isManifest) expect(titles.has(titleId)).toBe(false);
        }
        for (const [index, { titleId }] of input.facts.entries())
          if (isPinned(input, index) && !retired.has(titleId)) expect(listed.has(index)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('gives every item a reason that a plan can carry', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        for (const { reason } of chooseHold(input).items) {
          expect(reason.length).toBeLessThanOrEqual(220);
          expect(reason).not.toMatch(/NaN|Infinity|undefined/);
        }
      }),
    );
  });
});
