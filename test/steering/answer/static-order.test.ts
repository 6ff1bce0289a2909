import { expect, test } from 'vitest';
import { type ClientPlace, locateClient } from '../../../steering/answer/locate-client.ts';
import { staticApplianceIds } from '../../../steering/answer/static-order.ts';
import { makeView } from '../../../steering/fleet/fleet-registry.ts';
import { RouteTable } from '../../../steering/routing/route-table.ts';
import { makeSiteTable, type Site } from '../../../steering/sites/site-table.ts';
import { appliance } from '../ranking-samples.ts';

const site = (id: string, changes: Partial<Site> = {}): Site => ({
  id,
  kind: 'embedded',
  network: undefined,
  failureDomain: id,
  location: undefined,
  egressCapBitsPerSec: undefined,
  timeZone: undefined,
  maintenance: [],
  ...changes,
});
const sites = makeSiteTable('test', [
  site('north', { network: 'isp-a' }),
  site('south', { network: 'isp-b' }),
  site('exchange', { kind: 'peering' }),
]);
const fleet = makeView(
  ['north', 'south', 'exchange'].flatMap((siteId, at) =>
    [0, 1].map((index) => ({
      ...appliance(`${siteId}-${index}`, { siteId }),
      slot: 2 * at + index,
      clusterId: siteId,
      lastHeardAtMs: 0,
    })),
  ),
  false,
);
const at = (changes: Partial<ClientPlace>): ClientPlace => ({
  ...locateClient('no address', new RouteTable().current()),
  ...changes,
});
const orderFor = (client: ClientPlace, reported: readonly string[] = []): string[] =>
  staticApplianceIds({ sessionId: 's', client, reported }, { fleet, sites });

test('without a ranking, too, no viewer is sent to an embedded site of another ISP', () => {
  const ofNorth = orderFor(at({ siteId: 'north', evidence: 'route' }));
  expect(ofNorth.slice(0, 2).toSorted()).toEqual(['north-0', 'north-1']);
  expect(ofNorth.toSorted()).toEqual(['exchange-0', 'exchange-1', 'north-0', 'north-1']);
  expect(orderFor(at({ network: 'isp-b' })).toSorted()).toEqual(['exchange-0', 'exchange-1', 'south-0', 'south-1']);
  expect(orderFor(at({})).toSorted()).toEqual(['exchange-0', 'exchange-1']);
});

test('where the ISP refuses a site its appliances are not in the order', () => {
  const order = orderFor(at({ siteId: 'north', evidence: 'route', refusingSites: ['exchange'] }));
  expect(order.toSorted()).toEqual(['north-0', 'north-1']);
});

test('whoever plays stays first where it plays, and at the origin whoever was left there', () => {
  const client = at({ siteId: 'north', evidence: 'route' });
  expect(orderFor(client, ['exchange-1'])[0]).toBe('exchange-1');
  expect(orderFor(client, ['origin'])).toEqual([]);
});
