import { placeFiles } from '../placement/place-files.ts';
import { draftCluster } from './draft-cluster.ts';
import type { PlanDraft } from './draft-plan.ts';
import type { FleetInputs, PlanCluster, PlanSite } from './fleet-inputs.ts';
import { type FleetLinks, linkFleet } from './link-fleet.ts';
import type { ClusterPlacement, HoldItem, RegionDemand, RenditionFacts } from './plan-facts.ts';

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
  const { site, demandShare } = locate(inputs, clusterId);
  return placeFiles({
    clusterId,
    items: holdByWorth(inputs.facts, inputs.demand.get(site.region), demandShare),
    idOf: (rendition) => inputs.facts[rendition]?.id ?? '',
    appliances: inputs.appliances.filter((appliance) => appliance.clusterId === clusterId),
    reserveShare: inputs.settings.reserveShare,
  });
}

/** Where a cluster is, and which share of its region's demand it sees. */
function locate(inputs: FleetInputs, clusterId: string): { readonly site: PlanSite; readonly demandShare: number } {
  const sites = new Map(inputs.sites.map((site) => [site.id, site]));
  const siteId = inputs.clusters.find(({ id }) => id === clusterId)?.siteId ?? '';
  const site = sites.get(siteId);
  if (site === undefined) throw new Error(`cluster '${clusterId}' has no site`);
  const sharing = inputs.clusters.filter((other) => sites.get(other.siteId)?.region === site.region);
  return { site, demandShare: 1 / sharing.length };
}

const HOUR_SEC = 3600;

/** Everything, by expected bytes per stored byte; manifests just before the best rendition of their title. */
function holdByWorth(
  facts: readonly RenditionFacts[],
  demand: RegionDemand | undefined,
  demandShare: number,
): HoldItem[] {
  const expected = (rendition: number): number => (demand?.expectedBytes[rendition] ?? 0) * demandShare;
  const worth = Float64Array.from(facts, ({ sizeBytes }, rendition) =>
    Number((expected(rendition) / Math.max(1, sizeBytes)).toPrecision(3)),
  );
  const bestOfTitle = new Map<string, number>();
  for (const [rendition, { titleId }] of facts.entries())
    bestOfTitle.set(titleId, Math.max(bestOfTitle.get(titleId) ?? 0, worth[rendition] ?? 0));
  return facts
    .map(({ titleId, isManifest }, rendition) => ({
      rendition,
      isManifest,
      claim: isManifest ? (bestOfTitle.get(titleId) ?? 0) : (worth[rendition] ?? 0),
    }))
    .sort((a, b) => b.claim - a.claim || Number(b.isManifest) - Number(a.isManifest) || a.rendition - b.rendition)
    .map(({ rendition, isManifest, claim }) => ({
      rendition,
      part: 'whole',
      sizeBytes: facts[rendition]?.sizeBytes ?? 0,
      expectedBytes: expected(rendition),
      peakBitsPerSec: ((demand?.peakHourBytes[rendition] ?? 0) * demandShare * 8) / HOUR_SEC,
      reason: isManifest
        ? 'manifests go before the best rendition of their title'
        : `${Number(claim.toPrecision(2))} bytes expected per stored byte and day`,
    }));
}
