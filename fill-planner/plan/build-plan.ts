import type { CatalogueRendition, CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { FillPlanFile, FillWindow } from '../../src/contracts/fill-plan.ts';
import type { PredictedDemand } from '../demand/predict-demand.ts';
import { type Placement, placeFiles } from '../placement/place-files.ts';
import { shareFillRate } from '../schedule/bandwidth-budget.ts';
import {
  chooseMasters,
  type FillMasters,
  masterKey,
  type SourceAppliance,
  type SourceCluster,
  type SourceRendition,
  sourcesFor,
  tierOrder,
} from '../schedule/fill-sources.ts';
import { fillWindows } from '../schedule/fill-window.ts';

/**
 * From everything the planner knows to one plan per appliance, in one pure function: the same inputs give the same
 * plans, so a plan can be explained, replayed and compared. Demand goes in per region; a cluster's share of it is one
 * over the number of clusters in its region, and a holder's share of that is one over the copies.
 */
export interface PlanInput {
  readonly nowMs: number;
  readonly sites: readonly PlanSite[];
  readonly clusters: readonly { readonly id: string; readonly siteId: string }[];
  readonly appliances: readonly PlanAppliance[];
  readonly titles: readonly CatalogueTitle[];
  readonly predicted: PredictedDemand;
  readonly previousMasters: FillMasters;
  /** A window opened by hand for the whole fleet. */
  readonly openedByHand?: { readonly startsAtMs: number; readonly endsAtMs: number } | undefined;
  readonly reserveShare: number;
  readonly originWaitSec: number;
}

export interface PlanSite {
  readonly id: string;
  readonly region: string;
  readonly fillBitsPerSec: number;
  readonly windowHours: number;
  /** Starts of the site's windows in absolute time, the one that may be open now included. */
  readonly windowStartsAtMs: readonly number[];
}

export interface PlanAppliance {
  readonly id: string;
  readonly clusterId: string;
  readonly baseUrl: string;
  readonly capacityBytes: number;
  readonly fillBitsPerSec?: number | undefined;
}

/** A plan before it has a version and a signature. */
export interface PlanDraft {
  readonly applianceId: string;
  readonly renditions: readonly string[];
  readonly windows: readonly FillWindow[];
  readonly files: readonly FillPlanFile[];
}

export interface BuiltPlans {
  readonly drafts: readonly PlanDraft[];
  readonly masters: FillMasters;
  /** Renditions that found no room, by cluster. */
  readonly leftOut: ReadonlyMap<string, readonly string[]>;
}

/** What the contract takes in one plan. */
const MAX_PLAN_FILES = 1_000_000;

interface PlacedCluster extends SourceCluster {
  readonly site: PlanSite;
  readonly placement: Placement;
  /** Rendition ids by holder, best first. */
  readonly heldBy: ReadonlyMap<string, readonly string[]>;
  /** Expected bytes of this cluster, by path. */
  readonly expectedBytes: (path: string) => number;
}

export function buildPlan(input: PlanInput): BuiltPlans {
  const clusters = placeClusters(input);
  const renditions = new Map(
    input.titles.flatMap((title) => title.renditions.map((rendition) => [rendition.id, rendition] as const)),
  );
  const sources = new Map(
    input.titles.flatMap(({ originUrl, renditions: ofTitle }) =>
      ofTitle.map(({ id, sizeBytes }): [string, SourceRendition] => [
        id,
        { id, sizeBytes, originUrl, holders: holdersByCluster(clusters, id) },
      ]),
    ),
  );
  const masters = chooseMasters(clusters, [...sources.values()], input.previousMasters);
  const context = {
    masters,
    tierOrder: tierOrder(clusters),
    appliances: new Map(clusters.flatMap((cluster) => cluster.appliances.map((each) => [each.id, each] as const))),
    waits: { originWaitSec: input.originWaitSec },
  };
  const drafts = clusters.flatMap((cluster) =>
    cluster.appliances.map((appliance): PlanDraft => {
      const files = planFiles(appliance.id, cluster, renditions, masters, (id) => {
        const source = sources.get(id);
        return source === undefined ? [] : sourcesFor(appliance.id, cluster.id, source, context);
      });
      return { applianceId: appliance.id, windows: windowsOf(input, cluster.site, appliance), ...files };
    }),
  );
  return {
    drafts: drafts.toSorted((a, b) => (a.applianceId < b.applianceId ? -1 : 1)),
    masters,
    leftOut: new Map(clusters.map(({ id, placement }) => [id, placement.leftOut])),
  };
}

function placeClusters(input: PlanInput): PlacedCluster[] {
  const sites = new Map(input.sites.map((site) => [site.id, site]));
  const regionOf = ({ siteId }: PlanInput['clusters'][number]): string | undefined => sites.get(siteId)?.region;
  const clusterCounts = Map.groupBy(input.clusters, regionOf);
  const members = Map.groupBy(input.appliances, ({ clusterId }) => clusterId);
  const rates = fillRates(input);
  return input.clusters.flatMap((cluster): PlacedCluster[] => {
    const site = sites.get(cluster.siteId);
    if (site === undefined) return [];
    const clusterCount = clusterCounts.get(site.region)?.length ?? 1;
    return [placeCluster(input, cluster.id, site, clusterCount, members.get(cluster.id) ?? [], rates)];
  });
}

/** Bits per second of every appliance: its share of its site's budget. */
function fillRates(input: PlanInput): Map<string, number> {
  const siteOf = new Map(input.clusters.map(({ id, siteId }) => [id, siteId]));
  const members = Map.groupBy(input.appliances, ({ clusterId }) => siteOf.get(clusterId));
  return new Map(
    input.sites.flatMap((site) => [
      ...shareFillRate(
        site.fillBitsPerSec,
        (members.get(site.id) ?? []).map(({ id, fillBitsPerSec }) => ({ applianceId: id, fillBitsPerSec })),
      ),
    ]),
  );
}

function placeCluster(
  input: PlanInput,
  clusterId: string,
  site: PlanSite,
  clusterCount: number,
  members: readonly PlanAppliance[],
  rates: ReadonlyMap<string, number>,
): PlacedCluster {
  const predicted = input.predicted.get(site.region);
  const expectedBytes = (path: string): number => (predicted?.get(path) ?? 0) / clusterCount;
  const placement = placeFiles({
    renditions: input.titles.flatMap((title) =>
      title.renditions.map((rendition) => ({
        id: rendition.id,
        titleId: title.id,
        isManifest: rendition.kind === 'manifest',
        sizeBytes: rendition.sizeBytes,
        expectedBytes: rendition.files.reduce((sum, { path }) => sum + expectedBytes(path), 0),
      })),
    ),
    appliances: members,
    reserveShare: input.reserveShare,
  });
  const heldBy = new Map<string, string[]>(members.map(({ id }) => [id, []]));
  for (const [renditionId, holders] of placement.holders) {
    for (const holder of holders) heldBy.get(holder)?.push(renditionId);
  }
  const appliances = members.map(
    ({ id, baseUrl }): SourceAppliance => ({ id, baseUrl, fillBitsPerSec: rates.get(id) ?? 1 }),
  );
  return { id: clusterId, site, appliances, placement, heldBy, expectedBytes };
}

function holdersByCluster(clusters: readonly PlacedCluster[], renditionId: string): Map<string, readonly string[]> {
  return new Map(
    clusters.flatMap(({ id, placement }) => {
      const holders = placement.holders.get(renditionId);
      return holders === undefined ? [] : [[id, holders] as const];
    }),
  );
}

function planFiles(
  applianceId: string,
  cluster: PlacedCluster,
  renditions: ReadonlyMap<string, CatalogueRendition>,
  masters: FillMasters,
  sourcesOf: (renditionId: string) => FillPlanFile['sources'],
): Pick<PlanDraft, 'renditions' | 'files'> {
  const held = withinLimit((cluster.heldBy.get(applianceId) ?? []).flatMap((id) => renditions.get(id) ?? []));
  // By id, so that a change of order alone does not change what the bits of holdings mean.
  const list = held.map(({ id }) => id).sort();
  const indexOf = new Map(list.map((id, index) => [id, index]));
  const files: FillPlanFile[] = [];
  for (const rendition of held) {
    const { id } = rendition;
    const copies = cluster.placement.holders.get(id)?.length ?? 1;
    const isMaster = masters.get(masterKey(cluster.id, id)) === applianceId;
    const reason = reasonFor(rendition, cluster, copies, isMaster);
    const sources = sourcesOf(id);
    for (const { path, sizeBytes, root } of rendition.files) {
      files.push({
        path,
        sizeBytes,
        root,
        rendition: indexOf.get(id) ?? 0,
        priority: files.length,
        reason,
        expectedBytes: twoDigits(cluster.expectedBytes(path) / copies),
        sources,
      });
    }
  }
  return { renditions: list, files };
}

/** The best renditions that together have no more files than one plan takes. */
function withinLimit(renditions: readonly CatalogueRendition[]): readonly CatalogueRendition[] {
  let fileCount = 0;
  return renditions.filter(({ files }) => {
    fileCount += files.length;
    return fileCount <= MAX_PLAN_FILES;
  });
}

function reasonFor(rendition: CatalogueRendition, cluster: PlacedCluster, copies: number, isMaster: boolean): string {
  const { placement } = cluster;
  const expected = rendition.files.reduce((sum, { path }) => sum + cluster.expectedBytes(path), 0);
  const rank = (placement.rank.get(rendition.id) ?? 0) + 1;
  const worth =
    rendition.kind === 'manifest'
      ? 'manifests go before the best rendition of their title'
      : `${perStoredByte(expected / rendition.sizeBytes)} expected per stored byte and day`;
  const copy = copies === 1 ? 'the only copy' : `one of ${copies} copies`;
  return (
    `rank ${rank} of ${placement.rank.size} in region ${cluster.site.region}: ${worth}; ` +
    `${copy} in cluster ${cluster.id}${isMaster ? ', fetched here for the others' : ''}`
  );
}

function windowsOf(input: PlanInput, site: PlanSite, appliance: SourceAppliance): FillWindow[] {
  return fillWindows({
    startsAtMs: site.windowStartsAtMs,
    hours: site.windowHours,
    fillBitsPerSec: appliance.fillBitsPerSec,
    nowMs: input.nowMs,
    openedByHand: input.openedByHand,
  });
}

/** Two digits are all that a forecast is good for, and a plan that differs in the third is not worth sending again. */
const twoDigits = (value: number): number => Number(value.toPrecision(2));
const perStoredByte = (worth: number): string => `${twoDigits(worth)} bytes`;
