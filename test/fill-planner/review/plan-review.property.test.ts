import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HELD } from '../../../fill-planner/hold/held.ts';
import type { RenditionFacts } from '../../../fill-planner/plan/plan-facts.ts';
import { planFleet } from '../../../fill-planner/plan/plan-fleet.ts';
import { diffHoldings } from '../../../fill-planner/review/diff-holdings.ts';
import { fillEndsAtMs } from '../../../fill-planner/review/fill-forecast.ts';
import { guardReasons } from '../../../fill-planner/review/guard-rails.ts';
import { bytesOfPart, type HoldingColumns, heldByAny } from '../../../fill-planner/review/holding-columns.ts';
import { linkBudgetsBroken, planFigures, totalOf } from '../../../fill-planner/review/plan-figures.ts';
import { generatedFleets } from '../plan/generated-fleet.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2030, 0, 20, 3);
const facts: RenditionFacts[] = Array.from({ length: 12 }, (_, index) => ({
  id: `t${index}/v`,
  titleId: `t${index}`,
  isManifest: false,
  sizeBytes: 1000 * (index + 1),
  bitsPerSec: 1,
  durationSec: 1,
  headBytes: 100,
  availableAtMs: 0,
}));

const holdings: fc.Arbitrary<HoldingColumns> = fc
  .uniqueArray(fc.record({ rendition: fc.nat(11), isHead: fc.nat(1) }), { selector: ({ rendition }) => rendition })
  .map((entries) => ({
    rendition: Uint32Array.from(entries, ({ rendition }) => rendition),
    isHead: Uint8Array.from(entries, ({ isHead }) => isHead),
  }));

const heldBytes = (columns: HoldingColumns): number =>
  heldByAny([columns], facts.length).reduce((sum, part, index) => sum + bytesOfPart(facts, index, part), 0);

const USUAL = { isLearning: false, isRebuilt: false };

describe('the difference of two plans', () => {
  test('leads from one to the other: bytes and expectations add up', () => {
    fc.assert(
      fc.property(holdings, holdings, (before, after) => {
        const diff = diffHoldings([before], [after], facts, (index) => 10 * (index + 1));
        expect(heldBytes(before) - diff.goesBytes + diff.comesBytes).toBe(heldBytes(after));
        expect(diff.staysBytes + diff.goesBytes).toBe(heldBytes(before));
        const gain = diff.comes.reduce((sum, row) => sum + row.expectedBytes, 0);
        const loss = diff.goes.reduce((sum, row) => sum + row.expectedBytes, 0);
        expect(diff.servedBeforeBytes - loss + gain).toBeCloseTo(diff.servedAfterBytes, 6);
        const back = diffHoldings([after], [before], facts, (index) => 10 * (index + 1));
        expect(back.comes).toEqual(diff.goes);
        expect(back.goes).toEqual(diff.comes);
      }),
    );
  });

  test('of a plan and itself is nothing, and copies within a cluster do not count', () => {
    fc.assert(
      fc.property(holdings, (columns) => {
        const diff = diffHoldings([columns, columns], [columns], facts, () => 1);
        expect(diff).toMatchObject({ comes: [], goes: [], comesBytes: 0, goesBytes: 0 });
        expect(diff.servedAfterBytes).toBe(diff.servedBeforeBytes);
      }),
    );
  });

  test('calls what joins a head its rest', () => {
    const head = { rendition: Uint32Array.of(3), isHead: Uint8Array.of(1) };
    const whole = { rendition: Uint32Array.of(3), isHead: Uint8Array.of(0) };
    const { comes } = diffHoldings([head], [whole], facts, () => 4000);
    expect(comes).toEqual([{ rendition: 't3/v', titleId: 't3', part: 'rest', sizeBytes: 3900, expectedBytes: 3900 }]);
    expect(heldByAny([head, whole], facts.length)[3]).toBe(HELD.whole);
  });
});

describe('the end of a fill', () => {
  const window = { startsAtMs: NOW_MS + HOUR_MS, endsAtMs: NOW_MS + 3 * HOUR_MS, fillBitsPerSec: 8000 };

  test('lies within the windows, by their rates', () => {
    const end = (origin: number, windows = [window]) => fillEndsAtMs({ peer: 0, tier: 0, origin }, windows, NOW_MS);
    expect(end(0)).toBe(NOW_MS);
    expect(end(3_600_000)).toBe(NOW_MS + 2 * HOUR_MS);
    expect(end(7_200_000)).toBe(NOW_MS + 3 * HOUR_MS);
    expect(end(7_200_001)).toBeUndefined();
    const slower = { ...window, rates: [{ fromMs: NOW_MS + 2 * HOUR_MS, fillBitsPerSec: 4000 }] };
    expect(end(5_400_000, [slower])).toBe(NOW_MS + 3 * HOUR_MS);
    const next = { ...window, startsAtMs: NOW_MS + 25 * HOUR_MS, endsAtMs: NOW_MS + 27 * HOUR_MS };
    expect(end(7_200_000 + 1000, [window, next])).toBe(NOW_MS + 25 * HOUR_MS + 1000);
    expect(end(1, [{ ...window, lastPriority: 3 } as typeof window])).toBeUndefined();
  });

  test('lets peers run beside the link where the window does', () => {
    const both = { ...window, peerBitsPerSec: 80_000 };
    expect(fillEndsAtMs({ peer: 36_000_000, tier: 0, origin: 3_600_000 }, [both], NOW_MS)).toBe(NOW_MS + 2 * HOUR_MS);
    expect(fillEndsAtMs({ peer: 3_600_000, tier: 0, origin: 3_600_000 }, [window], NOW_MS)).toBe(NOW_MS + 3 * HOUR_MS);
  });
});

describe('the figures of a plan', () => {
  test('keep every budget, serve no more than is asked for, and a plan made again drops nothing', () => {
    fc.assert(
      fc.property(generatedFleets, ({ inputs }) => {
        const { drafts } = planFleet(inputs);
        for (const figures of planFigures(inputs, drafts)) {
          expect(figures.broken).toEqual([]);
          expect(figures.servedBytes).toBeLessThanOrEqual(figures.demandBytes * (1 + 1e-9));
          expect(guardReasons(figures, { maxDropShare: 0, maxServedFall: 0 }, USUAL)).toEqual([]);
        }
        const windows = new Map(drafts.map((draft) => [draft.applianceId, draft.windows]));
        const broken = linkBudgetsBroken(inputs, (id) => windows.get(id) ?? []);
        expect([...broken.values()].flat()).toEqual([]);
        const heldBefore = new Map(drafts.map((draft) => [draft.applianceId, draft]));
        for (const figures of planFigures({ ...inputs, heldBefore }, drafts)) {
          expect(figures.isChanged).toBe(false);
          expect(figures.droppedBytes).toBe(0);
          expect(totalOf(figures.fillBytes)).toBe(0);
          expect(figures.endsAtMs).toBe(inputs.nowMs);
          expect(figures.writesPerByte).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the guard rails', () => {
  const figures = {
    clusterId: 'c1',
    siteId: 's1',
    applianceIds: ['a1'],
    isChanged: true,
    demandBytes: 1000,
    servedBytes: 900,
    servedBeforeBytes: 900,
    heldBeforeBytes: 1000,
    droppedBytes: 300,
    fillBytes: { peer: 0, tier: 0, origin: 300 },
    endsAtMs: NOW_MS,
    writesPerByte: 0.1,
    broken: [],
    fitsBefore: true,
  };
  const limits = { maxDropShare: 0.3, maxServedFall: 0.02 };

  test('hold a plan that drops too much or serves less than the one in force, and say how much', () => {
    expect(guardReasons(figures, limits, USUAL)).toEqual([]);
    expect(guardReasons({ ...figures, droppedBytes: 301 }, limits, USUAL)).toEqual([
      'drops 30.1 % of what the cluster holds; the limit is 30.0 %',
    ]);
    expect(guardReasons({ ...figures, servedBytes: 883 }, limits, USUAL)).toEqual([]);
    expect(guardReasons({ ...figures, servedBytes: 800 }, limits, USUAL)).toEqual([
      'is expected to serve 11.1 % less than the plan in force; the limit is 2.0 %',
    ]);
  });

  test('let a cluster drop what it likes while its demand is being learned, and not serve less', () => {
    expect(guardReasons({ ...figures, droppedBytes: 900 }, limits, { ...USUAL, isLearning: true })).toEqual([]);
    expect(guardReasons({ ...figures, servedBytes: 800 }, limits, { ...USUAL, isLearning: true })).toHaveLength(1);
  });

  test('hold a plan that breaks a budget, and let a first plan through', () => {
    expect(guardReasons({ ...figures, broken: ['too fast'] }, limits, USUAL)).toEqual(['too fast']);
    expect(
      guardReasons({ ...figures, servedBeforeBytes: 0, heldBeforeBytes: 0, droppedBytes: 0 }, limits, USUAL),
    ).toEqual([]);
  });
});
