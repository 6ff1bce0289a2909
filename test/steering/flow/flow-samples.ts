import type { FlowPlace, FlowSite } from '../../../steering/flow/site-cost.ts';

export const flowSite = (id: string, changes: Partial<FlowSite> = {}): FlowSite => ({
  id,
  kind: 'embedded',
  network: undefined,
  location: undefined,
  capacityBitsPerSec: 100e6,
  ...changes,
});

export const flowPlace = (group: string, siteId: string | undefined, changes: Partial<FlowPlace> = {}): FlowPlace => ({
  group,
  siteId,
  network: undefined,
  siteCosts: new Map(),
  ...changes,
});
