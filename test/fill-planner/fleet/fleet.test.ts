import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Fleet, parseFleet } from '../../../fill-planner/fleet/fleet.ts';
import { FleetStore } from '../../../fill-planner/fleet/fleet-store.ts';
import { temporaryFolder } from '../catalog/demo-title.ts';

const fleet = (change: Partial<Fleet> = {}): Fleet => ({
  sites: [
    {
      id: 'berlin',
      timeZone: 'Europe/Berlin',
      region: 'de',
      fillWindow: { start: '02:00', hours: 12 },
      fillBitsPerSec: 1e9,
    },
  ],
  clusters: [{ id: 'b-1', siteId: 'berlin' }],
  appliances: [{ id: 'a1', clusterId: 'b-1', baseUrl: 'http://127.0.0.1:8080', capacityBytes: 1e12 }],
  ...change,
});
const [site] = fleet().sites;

describe('a fleet', () => {
  test('that is in order is taken as it is', () => {
    expect(parseFleet(fleet())).toEqual(fleet());
  });

  test('with prices, a budget for the month and disks that wear is taken as it is', () => {
    const priced = fleet({
      sites: fleet().sites.map((each) => ({
        ...each,
        transit: { perMbpsMonth: 0.8, perTerabyte: 3, currency: 'EUR' },
        monthlyFillBytes: 20e12,
      })),
      appliances: fleet().appliances.map((each) => ({ ...each, enduranceBytesPerDay: 8e12 })),
    });
    expect(parseFleet(priced)).toEqual(priced);
  });

  test.each([
    [
      'an unknown time zone',
      { sites: [{ ...site, timeZone: 'Mars/Olympus' }] },
      /sites\.0\.timeZone: is not a time zone/,
    ],
    ['two sites of one id', { sites: [site, site] }, /sites\.1\.id: 'berlin' is also sites\.0/],
    [
      'a cluster without its site',
      { clusters: [{ id: 'b-1', siteId: 'rome' }] },
      /clusters\.0\.siteId: there is no 'rome'/,
    ],
    [
      'an appliance without its cluster',
      { appliances: [{ ...fleet().appliances[0], clusterId: 'b-2' }] },
      /appliances\.0\.clusterId: there is no 'b-2' \(in 'a1'\)/,
    ],
    [
      'an appliance called origin',
      { appliances: [{ ...fleet().appliances[0], id: 'origin' }] },
      /may not be called 'origin'/,
    ],
    ['a window at no time of day', { sites: [{ ...site, fillWindow: { start: '24:00', hours: 1 } }] }, /must be HH:MM/],
    ['a window longer than a day', { sites: [{ ...site, fillWindow: { start: '02:00', hours: 25 } }] }, /hours/],
    ['a price below nothing', { sites: [{ ...site, transit: { perTerabyte: -1 } }] }, /transit\.perTerabyte/],
    ['no budget', { sites: [{ ...site, fillBitsPerSec: 0 }] }, /fillBitsPerSec/],
    [
      'a base URL with a slash at the end',
      { appliances: [{ ...fleet().appliances[0], baseUrl: 'http://a/' }] },
      /slash/,
    ],
  ])('with %s is refused in words', (_, change, says) => {
    expect(() => parseFleet({ ...fleet(), ...change })).toThrow(says);
  });

  test('counts its versions by change, keeps the last over a restart, and knows the region of an appliance', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'fleet.sqlite');
    const first = new FleetStore(file);
    expect(first.get()).toMatchObject({ fleetVersion: 0, fleet: { appliances: [] } });
    expect(first.set(fleet(), 5).fleetVersion).toBe(1);
    expect(first.set(fleet(), 6)).toMatchObject({ fleetVersion: 1, changedAtMs: 5 });
    first.close();
    const second = new FleetStore(file);
    expect(second.get()).toEqual({ fleetVersion: 1, changedAtMs: 5, fleet: fleet() });
    expect(second.regionOf('a1', 'rome')).toBe('de');
    expect(second.regionOf('newcomer', 'berlin')).toBe('de');
    expect(second.regionOf('newcomer', 'rome')).toBeUndefined();
    expect(second.set(fleet({ appliances: [] }), 7).fleetVersion).toBe(2);
    second.close();
  });
});
