import { expect, test } from 'vitest';
import type { FleetMember } from '../../../steering/fleet/fleet-registry.ts';
import { flowSites } from '../../../steering/flow/flow-sites.ts';
import { makeSiteTable, NO_SITES } from '../../../steering/sites/site-table.ts';
import { appliance } from '../ranking-samples.ts';

const member = (id: string, changes: Partial<FleetMember> = {}): FleetMember => ({
  ...appliance(id, { softEgressBitsPerSec: 10e9, hardEgressBitsPerSec: 12e9 }),
  slot: 0,
  clusterId: 'north',
  lastHeardAtMs: 0,
  ...changes,
});
const capacityOf = (members: FleetMember[], table = NO_SITES): number | undefined =>
  flowSites({ membersBySite: new Map([['north', members]]) }, table)[0]?.capacityBitsPerSec;

test('a site gives what its appliances that may serve give below their soft limits, less while they warm up', () => {
  expect(capacityOf([member('a'), member('b', { capacityShare: 0.25 })])).toBe(12.5e9);
  const others = [
    member('c', { state: 'draining' }),
    member('d', { healthy: false }),
    member('e', { lease: { kind: 'expired', silentMs: 9000 } }),
    member('f', { withheld: 'works on the power' }),
  ];
  expect(capacityOf([member('a'), ...others])).toBe(10e9);
  expect(capacityOf(others)).toBeUndefined();
  expect(capacityOf([member('g', { lease: { kind: 'doubtful', because: 'silent with many' } })])).toBe(10e9);
});

test('its links may carry less than its appliances', () => {
  const table = makeSiteTable('t', [
    {
      id: 'north',
      kind: 'peering',
      network: undefined,
      failureDomain: 'north',
      location: undefined,
      egressCapBitsPerSec: 3e9,
      timeZone: undefined,
      maintenance: [],
    },
  ]);
  expect(capacityOf([member('a')], table)).toBe(3e9);
  expect(flowSites({ membersBySite: new Map([['north', [member('a')]]]) }, table)[0]?.kind).toBe('peering');
});
