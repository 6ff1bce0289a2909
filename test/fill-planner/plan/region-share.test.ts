import { expect, test } from 'vitest';
import type { Fleet } from '../../../fill-planner/fleet/fleet.ts';
import { ownFleet, parseShare, plannerOf } from '../../../fill-planner/plan/region-share.ts';

const regions = Array.from({ length: 60 }, (_, index) => `region${index}`);
const fleet: Fleet = {
  sites: regions.map((region, index) => ({
    id: `s${index}`,
    timeZone: 'Europe/Berlin',
    region,
    fillWindow: { start: '02:00', hours: 6 },
    fillBitsPerSec: 1e9,
  })),
  clusters: regions.map((_, index) => ({ id: `c${index}`, siteId: `s${index}` })),
  appliances: regions.map((_, index) => ({
    id: `a${index}`,
    clusterId: `c${index}`,
    baseUrl: `http://a${index}.example`,
    capacityBytes: 1,
  })),
};

test('several planners together plan every appliance, each once', () => {
  const shares = ['1/3', '2/3', '3/3'].map((text) => ownFleet(fleet, parseShare(text)));
  const planned = shares.flatMap(({ appliances }) => appliances.map(({ id }) => id));
  expect(planned.sort()).toEqual(fleet.appliances.map(({ id }) => id).sort());
  for (const share of shares) {
    expect(share.appliances.length).toBeGreaterThan(5);
    expect(share.clusters.map(({ siteId }) => siteId)).toEqual(share.sites.map(({ id }) => id));
  }
});

test('alone, a planner plans everything', () => {
  expect(ownFleet(fleet, parseShare('1/1'))).toBe(fleet);
});

test('one more planner takes regions from the others, and these exchange none', () => {
  for (const region of regions) {
    const after = plannerOf(region, 4);
    if (after !== 4) expect(after).toBe(plannerOf(region, 3));
  }
});
