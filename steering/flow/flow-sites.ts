import type { FleetMember, FleetView } from '../fleet/fleet-registry.ts';
import type { SiteTable } from '../sites/site-table.ts';
import type { FlowSite } from './site-cost.ts';

/** The sites that have an appliance which may serve, each with what it can give now. */
export function flowSites({ membersBySite }: Pick<FleetView, 'membersBySite'>, sites: SiteTable): FlowSite[] {
  return [...membersBySite].flatMap(([id, members]): FlowSite[] => {
    const site = sites.find(id);
    const gives = members.filter(mayServe).reduce((sum, member) => sum + roomOf(member), 0);
    const capacityBitsPerSec = Math.min(gives, site?.egressCapBitsPerSec ?? Infinity);
    if (capacityBitsPerSec <= 0) return [];
    const { kind, network } = sites.of(id);
    return [{ id, kind, network, location: site?.location, capacityBitsPerSec }];
  });
}

const mayServe = ({ lease, state, healthy, withheld }: FleetMember): boolean =>
  lease.kind !== 'expired' && state === 'serving' && healthy && withheld === undefined;

const roomOf = ({ softEgressBitsPerSec, capacityShare }: FleetMember): number => softEgressBitsPerSec * capacityShare;
