import { holdCluster } from '../hold/hold-cluster.ts';
import { placeFiles } from '../placement/place-files.ts';
import { draftCluster } from './draft-cluster.ts';
import type { PlanDraft } from './draft-plan.ts';
import type { FleetInputs, PlanAppliance, PlanCluster, PlanSite } from './fleet-inputs.ts';
import { type FleetLinks, linkFleet } from './link-fleet.ts';
import type { ClusterPlacement } from './plan-facts.ts';

/**
 * From everything the planner knows to one plan per appliance, as pure functions: the same inputs give the same plans,
 * so a plan can be explained, simulated, replayed and compared. Three steps, of which two are done for each cluster
 * without knowing of the others, in any order and in any thread:
 *
 *   placeCluster   what the cluster should hold, and on which of its appliances
 *   linkFleet      who fetches for each site, and from which other site; the one step that sees all placements
 *   draftCluster   one plan per appliance: order, sources, windows, reasons
 *
 * Demand comes per region; a cluster's share of it is one over the number of clusters in its region, and a holder's
 * share of that is one over the copies.
 */
export interface FleetPlan {
  /** By cluster, in the order of their ids. */
  readonly placements: readonly ClusterPlacement[];
  readonly links: FleetLinks;
  /** By appliance, in the order of their ids. */
  readonly drafts: readonly PlanDraft[];
}

/** All three steps in one thread: for simulations and small fleets. */
export function planFleet(inputs: FleetInputs): FleetPlan {
  const placements = plannedClusters(inputs).map(({ id }) => placeCluster(inputs, id));
  const links = linkFleet(inputs, placements);
  const drafts = placements.flatMap((placement) => draftCluster(inputs, placement, links));
  return { placements, links, drafts: drafts.toSorted((a, b) => (a.applianceId < b.applianceId ? -1 : 1)) };
}

/** The clusters that there are plans for, by id: those whose site the fleet knows. */
export function plannedClusters({ clusters, sites }: FleetInputs): PlanCluster[] {
  const known = new Set(sites.map(({ id }) => id));
  return clusters.filter(({ siteId }) => known.has(siteId)).sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function placeCluster(inputs: FleetInputs, clusterId: string): ClusterPlacement {
  const { cluster, site, demandShare } = locate(inputs, clusterId);
  const { choice, disks, memory } = holdCluster(inputs, cluster, site, demandShare);
  const placement = placeFiles({
    clusterId,
    items: choice.items,
    idOf: (rendition) => inputs.facts[rendition]?.id ?? '',
    appliances: disks.map(({ applianceId, ...disk }) => ({
      id: applianceId,
      servingBitsPerSec: servingRate(inputs.appliances.find(({ id }) => id === applianceId)),
      ...disk,
    })),
    heldBefore: inputs.heldBefore,
  });
  const leftOut = Uint32Array.from([...placement.leftOut, ...choice.leftOut]);
  return { ...placement, leftOut, holdVerdicts: choice.verdicts, holdMemory: memory };
}

/** What machines of a class send safely, where nobody states it: as Netflix's published kinds do, less a tenth. */
const CLASS_BITS_PER_SEC = { storage: 36e9, flash: 90e9, global: 16e9 } as const;

function servingRate(appliance: PlanAppliance | undefined): number | undefined {
  return appliance?.servingBitsPerSec ?? (appliance?.class && CLASS_BITS_PER_SEC[appliance.class]);
}

/** Where a cluster is, and which share of its region's demand it sees. */
function locate(
  inputs: FleetInputs,
  clusterId: string,
): { readonly cluster: PlanCluster; readonly site: PlanSite; readonly demandShare: number } {
  const sites = new Map(inputs.sites.map((site) => [site.id, site]));
  const cluster = inputs.clusters.find(({ id }) => id === clusterId);
  const site = sites.get(cluster?.siteId ?? '');
  if (cluster === undefined || site === undefined) throw new Error(`cluster '${clusterId}' has no site`);
  const sharing = inputs.clusters.filter((other) => sites.get(other.siteId)?.region === site.region);
  return { cluster, site, demandShare: 1 / sharing.length };
}
