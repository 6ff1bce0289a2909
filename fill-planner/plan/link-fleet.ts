import type { FillCap } from '../../src/contracts/fill-plan.ts';
import { shareFillRate } from '../schedule/bandwidth-budget.ts';
import { chooseMasters } from '../schedule/fill-masters.ts';
import { fillWindows } from '../schedule/fill-window.ts';
import { type HolderTable, holderTable, slotOf } from '../schedule/holder-table.ts';
import { shareCaps } from '../schedule/site-pace.ts';
import type { LinkedSite, SourceLinks } from '../schedule/source-lists.ts';
import { planTiers, type TierSite } from '../schedule/tier-tree.ts';
import type { FleetInputs, PlanAppliance, PlanSite } from './fleet-inputs.ts';
import type { ClusterPlacement } from './plan-facts.ts';

/** Who fetches what for whom, over all sites, and at which rate. */
export interface FleetLinks extends SourceLinks {
  /** By cluster. */
  readonly placeOf: ReadonlyMap<string, ClusterPlace>;
  /** By appliance. */
  readonly rates: ReadonlyMap<string, FillRates>;
}

export interface FillRates {
  /** Across the site's link. */
  readonly fillBitsPerSec: number;
  /** From peers beside it. */
  readonly peerBitsPerSec: number;
  /** Its part of what the site may take now, where that changes by the minute. */
  readonly share: number;
  readonly caps: readonly FillCap[];
}

export interface ClusterPlace {
  /** Index into `sites`. */
  readonly site: number;
  /** Index that the cluster's first appliance has among the site's. */
  readonly firstAppliance: number;
  /** The site's, where it has other clusters too. */
  readonly table: HolderTable | undefined;
}

/** The one step that sees all placements. */
export function linkFleet(inputs: FleetInputs, placements: readonly ClusterPlacement[]): FleetLinks {
  const siteOf = new Map(inputs.clusters.map(({ id, siteId }) => [id, siteId]));
  const bySite = Map.groupBy(placements, ({ clusterId }) => siteOf.get(clusterId));
  const appliances = new Map(inputs.appliances.map((each) => [each.id, each]));
  // By id, so that the result does not depend on the order of the fleet document.
  const sites = inputs.sites.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const placeOf = new Map<string, ClusterPlace>();
  const rates = new Map<string, FillRates>();
  const fillSec = new Map<string, number>();
  const linked = sites.map((site, index): LinkedSite => {
    const clusters = placedClusters(bySite.get(site.id) ?? []);
    const table = holderTable(inputs.facts.length, clusters);
    for (const { clusterId, firstAppliance } of clusters)
      placeOf.set(clusterId, { site: index, firstAppliance, table: clusters.length > 1 ? table : undefined });
    fillSec.set(site.id, (sumOf(table) * 8) / Math.max(1, site.fillBitsPerSec));
    return linkSite(inputs, site, table, {
      members: clusters.flatMap(({ entries }) => entries.applianceIds.flatMap((id) => appliances.get(id) ?? [])),
      rates,
    });
  });
  return {
    sites: linked,
    tiers: planTiers(sites.map((site) => ({ ...toTierSite(site), fillSec: fillSec.get(site.id) }))),
    originUrls: inputs.originUrls,
    originWaitSec: inputs.settings.originWaitSec,
    placeOf,
    rates,
  };
}

/** @param rates is told the rates of the site's appliances */
function linkSite(
  inputs: FleetInputs,
  site: PlanSite,
  table: HolderTable,
  { members, rates }: { readonly members: readonly PlanAppliance[]; readonly rates: Map<string, FillRates> },
): LinkedSite {
  const siteBitsPerSec = site.fillBitsPerSec;
  const claims = members.map(({ id, fillBitsPerSec: limit }) => ({ applianceId: id, fillBitsPerSec: limit }));
  const fairRates = shareFillRate(siteBitsPerSec, claims);
  const isAway = Uint8Array.from(members, ({ id }) => (inputs.awayAppliances?.has(id) === true ? 1 : 0));
  const { master, linkBytes } = chooseMasters({
    table,
    linkBitsPerSec: Float64Array.from(members, ({ id }) => fairRates.get(id) ?? 1),
    previous: mastersBefore(inputs, members),
    isAway,
  });
  const shares = shareFillRate(
    siteBitsPerSec,
    claims.map((claim, at) => ({ ...claim, linkBytes: linkBytes[at] ?? 0 })),
  );
  const caps = capsOf(inputs, site, members, linkBytes);
  for (const { id, peerFillBitsPerSec } of members) {
    const fillBitsPerSec = shares.get(id) ?? 1;
    const peerBitsPerSec = peerFillBitsPerSec ?? Math.max(USUAL_PEER_BITS_PER_SEC, 4 * fillBitsPerSec);
    const share = fillBitsPerSec / siteBitsPerSec;
    rates.set(id, { fillBitsPerSec, peerBitsPerSec, share, caps: caps.get(id) ?? [] });
  }
  return { appliances: members.map(({ id, baseUrl }) => ({ id, baseUrl })), master, isAway };
}

/** What each appliance may take in the periods that the site's caps are for. */
function capsOf(
  { nowMs, openedByHand }: FleetInputs,
  site: PlanSite,
  members: readonly PlanAppliance[],
  linkBytes: Float64Array,
): Map<string, FillCap[]> {
  const { link, windowStartsAtMs: startsAtMs, windowHours: hours, fillBitsPerSec, givenCaps } = site;
  if (link === undefined) return new Map();
  // Windows as they are stated, and not the parts that one opened by hand cuts them into: each part would have the cap of
  // the whole, anew with every window that is opened.
  const windows = [
    ...fillWindows({ startsAtMs, hours, fillBitsPerSec, nowMs }),
    ...(openedByHand === undefined ? [] : [openedByHand]),
  ];
  const appliances = members.map(({ id }, at) => ({ id, linkBytes: linkBytes[at] ?? 0 }));
  const caps = shareCaps(link, windows, appliances, givenCaps ?? [], nowMs);
  return Map.groupBy(caps, ({ applianceId }) => applianceId);
}

/** What disks take without being felt, where the operator says nothing. */
const USUAL_PEER_BITS_PER_SEC = 1e9;

/** Bytes that a site takes in when it takes everything once. */
function sumOf({ order, sizeBytes }: HolderTable): number {
  return order.reduce((sum, slot) => sum + (sizeBytes[slot] ?? 0), 0);
}

interface PlacedCluster {
  readonly clusterId: string;
  readonly entries: ClusterPlacement;
  readonly firstAppliance: number;
}

function placedClusters(placements: readonly ClusterPlacement[]): PlacedCluster[] {
  let firstAppliance = 0;
  return placements
    .toSorted((a, b) => (a.clusterId < b.clusterId ? -1 : 1))
    .map((entries) => {
      const placed = { clusterId: entries.clusterId, entries, firstAppliance };
      firstAppliance += entries.applianceIds.length;
      return placed;
    });
}

function mastersBefore({ facts, heldBefore }: FleetInputs, members: readonly PlanAppliance[]): Int16Array {
  const masters = new Int16Array(facts.length * 2).fill(-1);
  for (const [member, { id }] of members.entries()) {
    const before = heldBefore.get(id);
    for (const [at, rendition] of before?.rendition.entries() ?? []) {
      if (before?.isMaster[at] === 1) masters[slotOf(rendition, before.isHead[at] === 1)] = member;
    }
  }
  return masters;
}

const toTierSite = (site: PlanSite): TierSite => ({
  ...site,
  windowStartsAtMs: site.windowStartsAtMs[0] ?? 0,
});
