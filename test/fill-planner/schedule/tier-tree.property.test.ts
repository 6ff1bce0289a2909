import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planTiers, type TierSite } from '../../../fill-planner/schedule/tier-tree.ts';

const HOUR_MS = 3_600_000;
const site = (id: string, more: Partial<TierSite> = {}): TierSite => ({
  id,
  region: 'de',
  fillBitsPerSec: 100,
  windowStartsAtMs: 2 * HOUR_MS,
  ...more,
});

const siteArbitrary = fc.record({
  region: fc.constantFrom('de', 'fr', 'us'),
  fillBitsPerSec: fc.integer({ min: 1, max: 100 }),
  windowStartsAtMs: fc.integer({ min: 0, max: 23 }).map((hour) => hour * HOUR_MS),
  location: fc.option(
    fc.record({ latitude: fc.integer({ min: -80, max: 80 }), longitude: fc.integer({ min: -180, max: 180 }) }),
    { nil: undefined },
  ),
});
const fleets = fc
  .array(siteArbitrary, { minLength: 1, maxLength: 25 })
  .map((sites) => sites.map((each, index): TierSite => ({ id: `s${index}`, ...each })));

describe('the tree of sites', () => {
  test('has no circle, whatever the sites, and names nobody twice', () => {
    fc.assert(
      fc.property(fleets, (sites) => {
        const tiers = planTiers(sites);
        const done = new Set<number>();
        const visit = (at: number, path: readonly number[]): void => {
          expect(path).not.toContain(at);
          if (done.has(at)) return;
          for (const from of tiers[at] ?? []) visit(from, [...path, at]);
          done.add(at);
        };
        for (const [at, list] of tiers.entries()) {
          expect(new Set(list).size).toBe(list.length);
          expect(list.length).toBeLessThanOrEqual(8);
          visit(at, []);
        }
      }),
    );
  });

  test('lets nobody give more than four times what he takes to those who take from him first', () => {
    fc.assert(
      fc.property(fleets, (sites) => {
        const given = new Map<number, number>();
        for (const [to, [from]] of planTiers(sites).entries()) {
          if (from !== undefined) given.set(from, (given.get(from) ?? 0) + (sites[to]?.fillBitsPerSec ?? 0));
        }
        for (const [from, bitsPerSec] of given) {
          expect(bitsPerSec).toBeLessThanOrEqual(4 * (sites[from]?.fillBitsPerSec ?? 0));
        }
      }),
    );
  });

  test('of equal sites a few take from the origin, and each gives to four', () => {
    const sites = Array.from({ length: 21 }, (_, index) => site(`s${String(index).padStart(2, '0')}`));
    const tiers = planTiers(sites);
    const fromOrigin = tiers.filter((list) => list.length === 0);
    expect(fromOrigin).toHaveLength(1);
    const children = Map.groupBy(tiers, ([parent]) => parent);
    for (const [parent, lists] of children) if (parent !== undefined) expect(lists.length).toBeLessThanOrEqual(4);
  });

  test('a near site is preferred to a far one, and the origin to a dearer site', () => {
    const berlin = { latitude: 52.5, longitude: 13.4 };
    const munich = { latitude: 48.1, longitude: 11.6 };
    const sydney = { latitude: -33.9, longitude: 151.2 };
    const tiers = planTiers([
      site('berlin', { location: berlin, originCostPerGb: 0.1 }),
      site('sydney', { location: sydney, originCostPerGb: 0.1 }),
      site('munich', { location: munich }),
      site('dear', { location: munich, tierCostPerGb: 2 }),
    ]);
    expect(tiers[2]?.[0]).toBe(0);
    expect(tiers[3]).toEqual([]);
    expect(tiers[0]).toEqual([]);
  });

  test('nobody takes from a site whose window opens after its own, or over a way that it does not have', () => {
    const early = site('early', { windowStartsAtMs: 0, originCostPerGb: 0.9 });
    const late = site('late', { windowStartsAtMs: 6 * HOUR_MS });
    expect(planTiers([early, late])).toEqual([[], [0]]);
    expect(planTiers([early, { ...late, originCostPerGb: 0.1 }])).toEqual([[], []]);
    expect(planTiers([early, { ...late, fillFrom: [] }])).toEqual([[], []]);
    expect(planTiers([early, { ...late, fillFrom: ['early'] }])).toEqual([[], [0]]);
  });

  test('nobody waits for a site that takes longer, unless that began earlier', () => {
    const slow = site('slow', { fillSec: 7200, originCostPerGb: 0.1 });
    expect(planTiers([slow, site('quick', { fillSec: 3600 })])).toEqual([[], []]);
    expect(planTiers([slow, site('alike', { fillSec: 7000 })])).toEqual([[], [0]]);
    const later = site('later', { fillSec: 3600, windowStartsAtMs: 4 * HOUR_MS });
    expect(planTiers([slow, later])).toEqual([[], [0]]);
  });

  test('of two ways that cost the same the one that the operator names first is taken', () => {
    const sites = [
      site('a', { originCostPerGb: 0.1 }),
      site('b', { originCostPerGb: 0.1 }),
      site('c', { fillFrom: ['b', 'a'] }),
    ];
    expect(planTiers(sites)[2]).toEqual([1, 0]);
  });
});
