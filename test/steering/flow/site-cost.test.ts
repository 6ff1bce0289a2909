import { expect, test } from 'vitest';
import { ORIGIN_COST, siteCost } from '../../../steering/flow/site-cost.ts';
import { flowPlace, flowSite } from './flow-samples.ts';

const OSLO = { latitudeDeg: 59.9, longitudeDeg: 10.7 };
const BERGEN = { latitudeDeg: 60.4, longitudeDeg: 5.3 };
const ROME = { latitudeDeg: 41.9, longitudeDeg: 12.5 };

test('the own site is cheapest, then embedded, peering and transit, whatever the distance, and the origin last', () => {
  const place = flowPlace('g', 'oslo');
  const costs = [
    siteCost(place, flowSite('oslo', { kind: 'transit' }), OSLO),
    siteCost(place, flowSite('rome', { location: ROME }), OSLO),
    siteCost(place, flowSite('bergen', { kind: 'peering', location: BERGEN }), OSLO),
    siteCost(place, flowSite('bergen', { kind: 'transit', location: BERGEN }), OSLO),
    ORIGIN_COST,
  ];
  expect(costs).toEqual([...costs].sort((a = 0, b = 0) => a - b));
  expect(new Set(costs).size).toBe(5);
});

test('within a kind the nearer site is cheaper, by the word of the ISP where it gives one', () => {
  const place = flowPlace('g', 'oslo');
  const cost = (id: string, location = OSLO, at = place): number =>
    siteCost(at, flowSite(id, { location }), OSLO) ?? Infinity;
  expect(cost('bergen', BERGEN)).toBeLessThan(cost('rome', ROME));
  const told = flowPlace('g', 'oslo', {
    siteCosts: new Map([
      ['rome', 5],
      ['bergen', 90],
    ]),
  });
  expect(cost('rome', ROME, told)).toBeLessThan(cost('bergen', BERGEN, told));
  expect(cost('nowhere', BERGEN, told)).toBe(cost('bergen', BERGEN, told));
});

test("another ISP's embedded site is not there for a group", () => {
  const site = flowSite('theirs', { network: 'isp-b' });
  expect(siteCost(flowPlace('g', 'oslo', { network: 'isp-a' }), site, undefined)).toBeUndefined();
  expect(siteCost(flowPlace('g', 'oslo', { network: 'isp-b' }), site, undefined)).toBeDefined();
});
