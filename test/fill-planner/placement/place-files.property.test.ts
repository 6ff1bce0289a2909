import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeFiles } from '../../../fill-planner/placement/place-files.ts';
import type { PlacementAppliance } from '../../../fill-planner/placement/placement-columns.ts';
import type { ClusterPlacement, HeldBefore, HoldItem } from '../../../fill-planner/plan/plan-facts.ts';

/** Items of these sizes and expectations, best first. */
const bestFirst = (rows: readonly (readonly [sizeBytes: number, expectedBytes: number])[]): HoldItem[] =>
  rows
    .map(
      ([sizeBytes, expectedBytes], rendition): HoldItem => ({
        rendition,
        part: 'whole',
        sizeBytes,
        expectedBytes,
        peakBitsPerSec: expectedBytes / 1000,
        reason: 'asked for',
      }),
    )
    .sort((a, b) => b.expectedBytes / b.sizeBytes - a.expectedBytes / a.sizeBytes || a.rendition - b.rendition);

const place = (
  items: readonly HoldItem[],
  appliances: readonly PlacementAppliance[],
  heldBefore?: ReadonlyMap<string, HeldBefore>,
) => placeFiles({ clusterId: 'c1', items, idOf: (rendition) => `t/r${rendition}`, appliances, heldBefore });

/** What the next cycle is told of a placement. */
const heldBy = (placement: ClusterPlacement): Map<string, HeldBefore> =>
  new Map(
    placement.applianceIds.map((id, member) => {
      const entries = Array.from(placement.rendition.keys())
        .filter((entry) =>
          placement.holders.subarray(placement.holderStart[entry], placement.holderStart[entry + 1]).includes(member),
        )
        .sort((a, b) => (placement.rendition[a] ?? 0) - (placement.rendition[b] ?? 0));
      return [
        id,
        {
          rendition: Uint32Array.from(entries, (entry) => placement.rendition[entry] ?? 0),
          isHead: Uint8Array.from(entries, (entry) => placement.isHead[entry] ?? 0),
          isMaster: new Uint8Array(entries.length),
        },
      ];
    }),
  );

/** Holders by rendition. */
const holdersOf = ({ rendition, holderStart, holders, applianceIds }: ClusterPlacement): Map<number, string[]> =>
  new Map(
    Array.from(rendition, (each, entry) => [
      each,
      Array.from(holders.subarray(holderStart[entry], holderStart[entry + 1]), (member) => applianceIds[member] ?? ''),
    ]),
  );

const renditions = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 100_000 })), { maxLength: 60 })
  .map(bestFirst);
const appliances = fc
  .array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 8 })
  .map((capacities) =>
    capacities.map((plannedBytes, index): PlacementAppliance => ({ id: `a${index}`, plannedBytes })),
  );

function heldBytes(placement: ClusterPlacement, all: readonly HoldItem[]): Map<string, number> {
  const sizes = new Map(all.map(({ rendition, sizeBytes }) => [rendition, sizeBytes]));
  const held = new Map<string, number>();
  for (const [rendition, holders] of holdersOf(placement)) {
    for (const holder of holders) held.set(holder, (held.get(holder) ?? 0) + (sizes.get(rendition) ?? 0));
  }
  return held;
}

describe('placement', () => {
  test('never puts more on an appliance than is planned of its disk', () => {
    fc.assert(
      fc.property(renditions, appliances, (all, members) => {
        const held = heldBytes(place(all, members), all);
        for (const { id, plannedBytes } of members) {
          expect(held.get(id) ?? 0).toBeLessThanOrEqual(plannedBytes);
        }
      }),
    );
  });

  test('puts a rendition at most once on an appliance, and each one is placed or named as left out', () => {
    fc.assert(
      fc.property(renditions, appliances, (all, members) => {
        const placement = place(all, members);
        const holders = holdersOf(placement);
        for (const each of holders.values()) expect(new Set(each).size).toBe(each.length);
        const named = [...holders.keys(), ...placement.leftOut].sort((a, b) => a - b);
        expect(named).toEqual(all.map(({ rendition }) => rendition).sort((a, b) => a - b));
      }),
    );
  });

  test('depends on what it is given and not on the order of the appliances', () => {
    fc.assert(
      fc.property(renditions, appliances, (all, members) => {
        expect(place(all, members.toReversed())).toEqual(place(all, members));
      }),
    );
  });

  test('a rendition is left out only when no appliance had room for it after what ranks before it', () => {
    fc.assert(
      fc.property(renditions, appliances, (all, members) => {
        const placement = place(all, members);
        const held = heldBytes(placement, all);
        for (const left of placement.leftOut) {
          const sizeBytes = all.find(({ rendition }) => rendition === left)?.sizeBytes ?? 0;
          for (const member of members) {
            expect((held.get(member.id) ?? 0) + sizeBytes).toBeGreaterThan(member.plannedBytes);
          }
        }
      }),
    );
  });

  test.each([
    ['a manifest', 0, 51_000],
    ['an unpopular pin', 1, 51_000],
    ['a manifest, where the last find no room', 0, 49_500],
  ])(
    '%s at the front of the list makes no second copies that push out first ones',
    (_, expectedBytes, plannedBytes) => {
      const numbers = { rendition: 100, sizeBytes: 10, expectedBytes, peakBitsPerSec: expectedBytes / 1000 };
      const front: HoldItem = { ...numbers, part: 'whole', reason: 'in front' };
      const all = [front, ...bestFirst(Array.from({ length: 100 }, (_one, at) => [1000, 100_000 - at]))];
      const members = ['a0', 'a1'].map((id): PlacementAppliance => ({ id, plannedBytes }));
      const roomFor = Math.min(100, 2 * Math.floor((plannedBytes - 20) / 1000));
      expect(place(all, members).rendition.length).toBeGreaterThanOrEqual(roomFor);
    },
  );

  test('a catalogue that fits everywhere is held everywhere', () => {
    fc.assert(
      fc.property(renditions, fc.integer({ min: 1, max: 8 }), (all, count) => {
        const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        const members = Array.from({ length: count }, (_, index) => ({
          id: `a${index}`,
          plannedBytes: total,
        }));
        const placement = place(all, members);
        for (const holders of holdersOf(placement).values()) expect(holders).toHaveLength(count);
        expect([...placement.leftOut]).toEqual([]);
      }),
    );
  });

  test('copies grow with worth, and everything has its second before most have their third', () => {
    const all = bestFirst(Array.from({ length: 100 }, (_, index) => [100, 100_000 / (index + 1)] as const));
    const members = Array.from({ length: 6 }, (_, index) => ({ id: `a${index}`, plannedBytes: 4000 }));
    const holders = holdersOf(place(all, members));
    const copies = all.map(({ rendition }) => holders.get(rendition)?.length ?? 0);
    expect(copies[0]).toBeGreaterThanOrEqual(3);
    expect(Math.min(...copies)).toBe(2);
    expect(copies.reduce((sum, count) => sum + count, 0)).toBe(240);
  });
});

/** Sizes and demand as catalogues have them: few are asked for often. */
const longTail = (count: number): HoldItem[] =>
  bestFirst(Array.from({ length: count }, (_, index) => [100 + (index % 7) * 30, 1e6 / (index + 1)] as const));

describe('a machine that comes or goes', () => {
  const all = longTail(3000);
  const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sizeOf = new Map(all.map(({ rendition, sizeBytes }) => [rendition, sizeBytes]));

  /** Bytes that anybody has to fetch because of the change, as a share of what was held. */
  function movedShare(before: readonly PlacementAppliance[], after: readonly PlacementAppliance[]): number {
    const first = place(all, before);
    const old = holdersOf(first);
    let fetched = 0;
    for (const [rendition, holders] of holdersOf(place(all, after, heldBy(first)))) {
      const had = new Set(old.get(rendition));
      fetched += holders.filter((holder) => !had.has(holder)).length * (sizeOf.get(rendition) ?? 0);
    }
    const held = [...old].reduce((sum, [rendition, { length }]) => sum + length * (sizeOf.get(rendition) ?? 0), 0);
    return fetched / held;
  }

  const cluster = (shares: readonly number[]): PlacementAppliance[] =>
    shares.map((share, index) => ({ id: `a${index}`, plannedBytes: Math.ceil(total * share) }));
  const alike = fc
    .tuple(fc.integer({ min: 3, max: 12 }), fc.constantFrom(0.05, 0.15, 0.3, 0.6))
    .map(([count, share]) => cluster(Array.from({ length: count }, () => share)));

  test('moves at most 1.2 times its part of the bytes when it comes', () => {
    fc.assert(
      fc.property(alike, (members) => {
        const before = members.slice(0, -1);
        expect(movedShare(before, members)).toBeLessThanOrEqual(1.2 / before.length);
      }),
      { numRuns: 30 },
    );
  });

  test('moves at most 1.2 times its part of the bytes when it goes, whichever it is', () => {
    fc.assert(
      fc.property(alike, fc.nat(), (members, which) => {
        const rest = members.filter((_, index) => index !== which % members.length);
        expect(movedShare(members, rest)).toBeLessThanOrEqual(1.2 / members.length);
      }),
      { numRuns: 30 },
    );
  });

  test('nothing moves when nothing changes, and little when demand changes by a tenth', () => {
    const members = cluster([0.2, 0.2, 0.2, 0.1]);
    const first = place(all, members);
    expect(place(all, members, heldBy(first))).toEqual(first);
    const changed = bestFirst(
      all
        .toSorted((a, b) => a.rendition - b.rendition)
        .map(({ sizeBytes, expectedBytes, rendition }) => {
          return [sizeBytes, expectedBytes * (rendition % 2 === 0 ? 1.1 : 0.9)] as const;
        }),
    );
    const [old, fresh] = [holdersOf(first), holdersOf(place(changed, members, heldBy(first)))];
    let fetched = 0;
    for (const [rendition, holders] of fresh)
      fetched +=
        holders.filter((id) => old.get(rendition)?.includes(id) !== true).length * (sizeOf.get(rendition) ?? 0);
    expect(fetched / total).toBeLessThan(0.05);
  });

  test('its loss leaves what is most in demand served by others', () => {
    fc.assert(
      fc.property(alike, fc.nat(), (members, which) => {
        const placement = place(all, members);
        const lost = members[which % members.length]?.id;
        const holders = holdersOf(placement);
        const peak = all.reduce((sum, { peakBitsPerSec }) => sum + peakBitsPerSec, 0);
        let hot = 0;
        for (const { rendition, peakBitsPerSec } of all) {
          if (hot > peak / 3) break;
          hot += peakBitsPerSec;
          expect(holders.get(rendition)?.some((id) => id !== lost)).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('unlike machines', () => {
  const all = longTail(3000);
  const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const peak = all.reduce((sum, { peakBitsPerSec }) => sum + peakBitsPerSec, 0);
  const flash = { id: 'flash', plannedBytes: total * 0.02, servingBitsPerSec: peak };
  const storage = ['storage0', 'storage1'].map((id) => ({
    id,
    plannedBytes: total * 0.3,
    servingBitsPerSec: peak * 0.3,
  }));

  test('hold what they are built for: the hottest bytes lie on flash, the tail on large disks', () => {
    const placement = place(all, [flash, ...storage]);
    const density = new Map(
      all.map(({ rendition, peakBitsPerSec, sizeBytes }) => [rendition, peakBitsPerSec / sizeBytes]),
    );
    const onFlash: number[] = [];
    for (const [rendition, holders] of holdersOf(placement))
      if (holders.includes('flash')) onFlash.push(density.get(rendition) ?? 0);
    const byDensity = [...density.values()].sort((a, b) => b - a);
    expect(onFlash.length).toBeGreaterThan(20);
    expect(Math.min(...onFlash)).toBeGreaterThan(byDensity[200] ?? 0);
  });

  test('nothing is written to flash beyond what its disks stand, except when it is new', () => {
    const first = place(all, [flash, ...storage]);
    const hottest = all.slice(0, 60).map(({ rendition }) => rendition);
    const turned = all.filter(({ rendition }) => !hottest.includes(rendition));
    const writeBudgetBytes = total * 0.001;
    const before = heldBy(first);
    const had = new Set(before.get('flash')?.rendition);
    const second = holdersOf(place(turned, [{ ...flash, writeBudgetBytes }, ...storage], before));
    let written = 0;
    for (const { rendition, sizeBytes } of turned)
      if (second.get(rendition)?.includes('flash') === true && !had.has(rendition)) written += sizeBytes;
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThanOrEqual(writeBudgetBytes);
  });
});
