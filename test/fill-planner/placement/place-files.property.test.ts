import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PlacementAppliance, placeFiles } from '../../../fill-planner/placement/place-files.ts';
import type { ClusterPlacement, HoldItem } from '../../../fill-planner/plan/plan-facts.ts';

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

const place = (items: readonly HoldItem[], appliances: readonly PlacementAppliance[], reserveShare: number) =>
  placeFiles({ clusterId: 'c1', items, idOf: (rendition) => `t/r${rendition}`, appliances, reserveShare });

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
    capacities.map((capacityBytes, index): PlacementAppliance => ({ id: `a${index}`, capacityBytes })),
  );
const reserve = fc.double({ min: 0, max: 0.9, noNaN: true });

function heldBytes(placement: ClusterPlacement, all: readonly HoldItem[]): Map<string, number> {
  const sizes = new Map(all.map(({ rendition, sizeBytes }) => [rendition, sizeBytes]));
  const held = new Map<string, number>();
  for (const [rendition, holders] of holdersOf(placement)) {
    for (const holder of holders) held.set(holder, (held.get(holder) ?? 0) + (sizes.get(rendition) ?? 0));
  }
  return held;
}

describe('placement', () => {
  test('never puts more on an appliance than its disk without the reserve', () => {
    fc.assert(
      fc.property(renditions, appliances, reserve, (all, members, reserveShare) => {
        const held = heldBytes(place(all, members, reserveShare), all);
        for (const { id, capacityBytes } of members) {
          expect(held.get(id) ?? 0).toBeLessThanOrEqual(capacityBytes * (1 - reserveShare));
        }
      }),
    );
  });

  test('puts a rendition at most once on an appliance, and each one is placed or named as left out', () => {
    fc.assert(
      fc.property(renditions, appliances, reserve, (all, members, reserveShare) => {
        const placement = place(all, members, reserveShare);
        const holders = holdersOf(placement);
        for (const each of holders.values()) expect(new Set(each).size).toBe(each.length);
        const named = [...holders.keys(), ...placement.leftOut].sort((a, b) => a - b);
        expect(named).toEqual(all.map(({ rendition }) => rendition).sort((a, b) => a - b));
      }),
    );
  });

  test('depends on what it is given and not on the order of the appliances', () => {
    fc.assert(
      fc.property(renditions, appliances, reserve, (all, members, reserveShare) => {
        expect(place(all, members.toReversed(), reserveShare)).toEqual(place(all, members, reserveShare));
      }),
    );
  });

  test('a rendition is left out only when no appliance had room for it after what ranks before it', () => {
    fc.assert(
      fc.property(renditions, appliances, (all, members) => {
        const placement = place(all, members, 0);
        const held = heldBytes(placement, all);
        for (const left of placement.leftOut) {
          const sizeBytes = all.find(({ rendition }) => rendition === left)?.sizeBytes ?? 0;
          for (const member of members) {
            expect((held.get(member.id) ?? 0) + sizeBytes).toBeGreaterThan(member.capacityBytes);
          }
        }
      }),
    );
  });

  test('a catalogue that fits everywhere is held everywhere', () => {
    fc.assert(
      fc.property(renditions, fc.integer({ min: 1, max: 8 }), (all, count) => {
        const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        const members = Array.from({ length: count }, (_, index) => ({
          id: `a${index}`,
          capacityBytes: total * 2 + 1,
        }));
        const placement = place(all, members, 0.5);
        for (const holders of holdersOf(placement).values()) expect(holders).toHaveLength(count);
        expect([...placement.leftOut]).toEqual([]);
      }),
    );
  });

  test('copies grow with worth', () => {
    const all = bestFirst(Array.from({ length: 100 }, (_, index) => [100, 100_000 / (index + 1)] as const));
    const members = Array.from({ length: 6 }, (_, index) => ({ id: `a${index}`, capacityBytes: 4000 }));
    const placement = place(all, members, 0);
    expect([...placement.leftOut]).toEqual([]);
    const holders = holdersOf(placement);
    const copies = all.map(({ rendition }) => holders.get(rendition)?.length ?? 0);
    expect(copies[0]).toBe(6);
    expect(copies[99]).toBe(1);
    // One copy more or less where a disk had just filled up.
    for (const [index, count] of copies.entries())
      expect(count + 1).toBeGreaterThanOrEqual(Math.max(...copies.slice(index)));
  });
});

describe('a new appliance', () => {
  const all = bestFirst(
    Array.from({ length: 2000 }, (_, index) => [100 + (index % 7) * 30, 1e6 / (index + 1)] as const),
  );
  const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

  /** Bytes that appliances of `before` have to fetch because of the change, as a share of what they hold. */
  function movedShare(before: readonly PlacementAppliance[], after: readonly PlacementAppliance[]): number {
    const [old, fresh] = [holdersOf(place(all, before, 0.1)), holdersOf(place(all, after, 0.1))];
    let fetched = 0;
    let held = 0;
    for (const { rendition, sizeBytes } of all) {
      const had = new Set(old.get(rendition));
      for (const holder of fresh.get(rendition) ?? []) {
        if (!before.some((appliance) => appliance.id === holder)) continue;
        held += sizeBytes;
        if (!had.has(holder)) fetched += sizeBytes;
      }
    }
    return fetched / held;
  }

  test.each([0.25, 0.5, 1.5])(
    'makes the old ones of a cluster fetch little when disks hold %f of the catalogue',
    (share) => {
      const members = Array.from({ length: 6 }, (_, index) => ({
        id: `a${index}`,
        capacityBytes: Math.ceil((total * share) / 0.9),
      }));
      const grown = [...members, { id: 'a6', capacityBytes: Math.ceil((total * share) / 0.9) }];
      expect(movedShare(members, grown)).toBeLessThan(1 / 7);
    },
  );
});
