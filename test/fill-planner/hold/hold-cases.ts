import fc from 'fast-check';
import { type CalendarFacts, EMPTY_CALENDAR } from '../../../fill-planner/calendar/calendar-facts.ts';
import { economyOf } from '../../../fill-planner/hold/fill-economy.ts';
import { DEFAULT_HOLD_SETTINGS, type HoldInput } from '../../../fill-planner/hold/hold-input.ts';
import type { RegionDemand, RenditionFacts } from '../../../fill-planner/plan/plan-facts.ts';

export const NOW_MS = Date.UTC(2030, 5, 1);
const DAY_MS = 86_400_000;

/** Three renditions and a manifest to a title, the manifest the third of the four. */
export function renditionAt(index: number, over: Partial<RenditionFacts> = {}): RenditionFacts {
  const titleId = `t${String(Math.floor(index / 4)).padStart(4, '0')}`;
  const isManifest = index % 4 === 2;
  const sizeBytes = isManifest ? 10 : 1000;
  return {
    id: `${titleId}/r${index % 4}`,
    titleId,
    isManifest,
    sizeBytes,
    bitsPerSec: isManifest ? 0 : 1e6,
    durationSec: 3600,
    headBytes: isManifest ? 0 : 10,
    availableAtMs: NOW_MS - 30 * DAY_MS,
    ...over,
  };
}

/** Demand that is certain. @param expectedBytes of each rendition */
export function demandOf(expectedBytes: readonly number[], deviationShare = 0): RegionDemand {
  return {
    expectedBytes: Float64Array.from(expectedBytes),
    deviationBytes: Float64Array.from(expectedBytes, (bytes) => bytes * deviationShare),
    peakHourBytes: Float64Array.from(expectedBytes, (bytes) => bytes / 10),
  };
}

/** A cluster with room for everything, which holds nothing, where nothing is ordered. */
function holdInput(facts: readonly RenditionFacts[], demand: RegionDemand, over: Partial<HoldInput> = {}): HoldInput {
  const sum = (values: Float64Array): number => values.reduce((all, each) => all + each, 0);
  return {
    facts,
    demand,
    regionShare: 1,
    heldNow: new Uint8Array(facts.length),
    cluster: { clusterId: 'c1', siteId: 's1', region: 'EU' },
    calendar: EMPTY_CALENDAR,
    nowMs: NOW_MS,
    plannedBytes: 1e12,
    maxItemBytes: 1e12,
    fetchedLatelyBytes: 0,
    economy: economyOf({
      transit: undefined,
      expectedBytes: sum(demand.expectedBytes),
      peakHourBytes: sum(demand.peakHourBytes),
      wornShare: 0,
    }),
    settings: DEFAULT_HOLD_SETTINGS,
    ...over,
  };
}

interface Orders {
  readonly pinned: readonly { readonly at: number; readonly whole: boolean; readonly title: boolean }[];
  readonly retired: readonly number[];
  readonly launched: readonly number[];
}

/** Orders that name renditions by their place. */
function calendarOf(facts: readonly RenditionFacts[], { pinned, retired, launched }: Orders): CalendarFacts {
  const titleAt = (at: number): string => facts[at]?.titleId ?? '';
  return {
    launches: launched.map((at) => ({
      titleId: titleAt(at),
      region: undefined,
      startsAtMs: NOW_MS + DAY_MS,
      expected: undefined,
      isEmbargoed: false,
    })),
    retirements: retired.map((at) => ({
      titleId: titleAt(at),
      retiresAtMs: NOW_MS - 1,
      deletesAtMs: NOW_MS + DAY_MS,
    })),
    pins: pinned.map(({ at, whole, title }, number) => ({
      id: `p${number}`,
      subject: title ? { by: 'title', titleId: titleAt(at) } : { by: 'rendition', renditionId: facts[at]?.id ?? '' },
      part: whole ? 'whole' : 'head',
      place: { by: 'everywhere' },
      endsAtMs: undefined,
      reason: undefined,
    })),
  };
}

/** By the hundredth, because random doubles are mostly next to nothing. */
const share = fc.integer({ min: 0, max: 100 }).map((hundredths) => hundredths / 100);

/** Whole clusters: any sizes, demand, doubts, prices, holdings, orders and limits. */
export const anyInput: fc.Arbitrary<HoldInput> = fc
  .array(
    fc.record({
      sizeBytes: fc.integer({ min: 1, max: 1000 }),
      headShare: share,
      expected: fc.constantFrom(0, 50, 300, 1000, 3000, 9000),
      doubt: fc.constantFrom(0, 0.3, 1),
      peak: fc.constantFrom(0.05, 0.1, 0.5),
      held: fc.constantFrom(0, 0, 0, 1, 2),
      ageDays: fc.integer({ min: -3, max: 300 }),
    }),
    { minLength: 4, maxLength: 60 },
  )
  .chain((rows) =>
    fc
      .record({
        plannedBytes: fc.constantFrom(0, 3000, 10_000, 60_000),
        maxItemBytes: fc.constantFrom(300, 1000, 1000),
        fetchedLatelyBytes: fc.constantFrom(0, 0, 0, 300, 5000),
        regionShare: fc.constantFrom(0.1, 0.5, 1),
        pinned: fc.array(fc.record({ at: fc.nat(rows.length - 1), whole: fc.boolean(), title: fc.boolean() }), {
          maxLength: 4,
        }),
        retired: fc.array(fc.nat(rows.length - 1), { maxLength: 3 }),
        launched: fc.array(fc.nat(rows.length - 1), { maxLength: 3 }),
        perTerabyte: fc.constantFrom(undefined, undefined, 0, 3),
        perMbpsMonth: fc.constantFrom(undefined, undefined, 0, 0.8),
        wornShare: fc.constantFrom(0, 0, 0.1, 1, 2),
        fillBudgetBytes: fc.constantFrom(undefined, undefined, 500, 5000),
        writeBudgetBytes: fc.constantFrom(undefined, undefined, 700, 7000),
      })
      .map((over): HoldInput => {
        const facts = rows.map(({ sizeBytes, headShare, ageDays }, index) =>
          renditionAt(index, {
            sizeBytes,
            headBytes: index % 4 === 2 ? 0 : Math.floor((sizeBytes - 1) * headShare),
            availableAtMs: NOW_MS - ageDays * DAY_MS,
          }),
        );
        const demand: RegionDemand = {
          expectedBytes: Float64Array.from(rows, ({ expected }) => expected),
          deviationBytes: Float64Array.from(rows, ({ expected, doubt }) => expected * doubt),
          peakHourBytes: Float64Array.from(rows, ({ expected, peak }) => expected * peak),
        };
        const base = holdInput(facts, demand);
        return {
          ...base,
          heldNow: Uint8Array.from(rows, ({ held }, index) =>
            held === 1 && (facts[index]?.headBytes ?? 0) === 0 ? 0 : held,
          ),
          regionShare: over.regionShare,
          plannedBytes: over.plannedBytes,
          maxItemBytes: over.maxItemBytes,
          fetchedLatelyBytes: over.fetchedLatelyBytes,
          fillBudgetBytes: over.fillBudgetBytes,
          writeBudgetBytes: over.writeBudgetBytes,
          economy: economyOf({
            transit: { perTerabyte: over.perTerabyte, perMbpsMonth: over.perMbpsMonth },
            expectedBytes: demand.expectedBytes.reduce((sum, each) => sum + each, 0),
            peakHourBytes: demand.peakHourBytes.reduce((sum, each) => sum + each, 0),
            wornShare: over.wornShare,
          }),
          calendar: calendarOf(facts, over),
        };
      }),
  );
