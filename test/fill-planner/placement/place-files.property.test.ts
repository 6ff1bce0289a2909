import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Placement,
  type PlacementAppliance,
  type PlacementRendition,
  placeFiles,
} from '../../../fill-planner/placement/place-files.ts';

const rendition = (id: number, sizeBytes: number, expectedBytes: number, isManifest = false): PlacementRendition => ({
  id: `t${Math.floor(id / 4)}/r${id % 4}`,
  titleId: `t${Math.floor(id / 4)}`,
  isManifest,
  sizeBytes,
  expectedBytes,
});

const renditions = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 100_000 })), { maxLength: 60 })
  .map((rows) =>
    rows.map(([sizeBytes, expectedBytes], index) => rendition(index, sizeBytes, expectedBytes, index % 4 === 0)),
  );
const appliances = fc
  .array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 8 })
  .map((capacities) =>
    capacities.map((capacityBytes, index): PlacementAppliance => ({ id: `a${index}`, capacityBytes })),
  );
const reserve = fc.double({ min: 0, max: 0.9, noNaN: true });

function heldBytes(placement: Placement, all: readonly PlacementRendition[]): Map<string, number> {
  const sizes = new Map(all.map(({ id, sizeBytes }) => [id, sizeBytes]));
  const held = new Map<string, number>();
  for (const [id, holders] of placement.holders) {
    for (const holder of holders) held.set(holder, (held.get(holder) ?? 0) + (sizes.get(id) ?? 0));
  }
  return held;
}

describe('placement', () => {
  test('never puts more on an appliance than its disk without the reserve', () => {
    fc.assert(
      fc.property(renditions, appliances, reserve, (all, members, reserveShare) => {
        const held = heldBytes(placeFiles({ renditions: all, appliances: members, reserveShare }), all);
        for (const { id, capacityBytes } of members) {
          expect(held.get(id) ?? 0).toBeLessThanOrEqual(capacityBytes * (1 - reserveShare));
        }
      }),
    );
  });

  test('puts a rendition at most once on an appliance, and each one is placed or named as left out', () => {
    fc.assert(
      fc.property(renditions, appliances, reserve, (all, members, reserveShare) => {
        const placement = placeFiles({ renditions: all, appliances: members, reserveShare });
        for (const holders of placement.holders.values()) expect(new Set(holders).size).toBe(holders.length);
        const named = [...placement.holders.keys(), ...placement.leftOut].sort();
        expect(named).toEqual(all.map(({ id }) => id).sort());
      }),
    );
  });

  test('depends on what it is given and not on the order in which it comes', () => {
    const withShuffle = renditions.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all], { minLength: all.length })),
    );
    fc.assert(
      fc.property(withShuffle, appliances, reserve, ([all, shuffled], members, reserveShare) => {
        const first = placeFiles({ renditions: all, appliances: members, reserveShare });
        const second = placeFiles({ renditions: shuffled, appliances: members.toReversed(), reserveShare });
        expect([...second.holders]).toEqual([...first.holders]);
        expect(second.leftOut).toEqual(first.leftOut);
      }),
    );
  });

  test('a rendition is left out only when no appliance had room for it after what ranks before it', () => {
    fc.assert(
      fc.property(renditions, appliances, (all, members) => {
        const placement = placeFiles({ renditions: all, appliances: members, reserveShare: 0 });
        const held = heldBytes(placement, all);
        const sizes = new Map(all.map(({ id, sizeBytes }) => [id, sizeBytes]));
        for (const id of placement.leftOut) {
          for (const member of members) {
            expect((held.get(member.id) ?? 0) + (sizes.get(id) ?? 0)).toBeGreaterThan(member.capacityBytes);
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
        const placement = placeFiles({ renditions: all, appliances: members, reserveShare: 0.5 });
        for (const holders of placement.holders.values()) expect(holders).toHaveLength(count);
        expect(placement.leftOut).toEqual([]);
      }),
    );
  });

  test('copies grow with worth', () => {
    const all = Array.from({ length: 100 }, (_, index) => rendition(index * 4 + 1, 100, 100_000 / (index + 1)));
    const members = Array.from({ length: 6 }, (_, index) => ({ id: `a${index}`, capacityBytes: 4000 }));
    const { holders, leftOut } = placeFiles({ renditions: all, appliances: members, reserveShare: 0 });
    expect(leftOut).toEqual([]);
    const copies = all.map(({ id }) => holders.get(id)?.length ?? 0);
    expect(copies[0]).toBe(6);
    expect(copies[99]).toBe(1);
    expect(copies).toEqual(copies.toSorted((a, b) => b - a));
  });
});

describe('a new appliance', () => {
  const all = Array.from({ length: 2000 }, (_, index) =>
    rendition(index * 4 + 1, 100 + (index % 7) * 30, 1e6 / (index + 1)),
  );
  const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

  /** Bytes that appliances of `before` have to fetch because of the change, as a share of what they hold. */
  function movedShare(before: readonly PlacementAppliance[], after: readonly PlacementAppliance[]): number {
    const old = placeFiles({ renditions: all, appliances: before, reserveShare: 0.1 });
    const fresh = placeFiles({ renditions: all, appliances: after, reserveShare: 0.1 });
    let fetched = 0;
    let held = 0;
    for (const { id, sizeBytes } of all) {
      const had = new Set(old.holders.get(id));
      for (const holder of fresh.holders.get(id) ?? []) {
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
