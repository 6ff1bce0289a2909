import type { CatalogueRendition, CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import type { FillPlanFile, FillWindow } from '../../src/contracts/fill-plan.ts';
import type { PredictedDemand } from '../demand/predict-demand.ts';
import { shareFillRate } from '../placement/bandwidth-budget.ts';
import {
  chooseMasters,
  type FillMasters,
  masterKey,
  type SourceAppliance,
  type SourceCluster,
  type SourceRendition,
  sourcesFor,
  tierRoot,
} from '../placement/fill-sources.ts';
import { fillWindows } from '../placement/fill-window.ts';
import { type Placement, placeFiles } from '../placement/place-files.ts';

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
  readonly region: string;
  readonly placement: Placement;
  /** Expected bytes of this cluster, by path. */
  expectedBytes(path: string): number;
}

export function buildPlan(input: PlanInput): BuiltPlans {
  const sites = new Map(input.sites.map((site) => [site.id, site]));
  const rates = fillRates(input);
  const clusters = input.clusters.flatMap((cluster): PlacedCluster[] => {
    const site = sites.get(cluster.siteId);
    return site === undefined ? [] : [placeCluster(input, cluster.id, site.region, rates)];
  });
  const renditions = new Map(
    input.titles.flatMap((title) => title.renditions.map((rendition) => [rendition.id, { rendition, title }] as const)),
  );
  const sources = new Map(
    [...renditions].map(([id, { rendition, title }]): [string, SourceRendition] => [
      id,
      { id, sizeBytes: rendition.sizeBytes, originUrl: title.originUrl, holders: holdersByCluster(clusters, id) },
    ]),
  );
  const masters = chooseMasters(clusters, [...sources.values()], input.previousMasters);
  const appliances = new Map(clusters.flatMap((cluster) => cluster.appliances.map((each) => [each.id, each] as const)));
  const roots = new Map([...sources].map(([id, source]) => [id, tierRoot(clusters, source)]));
  const sourceContext = { masters, appliances, waits: { originWaitSec: input.originWaitSec } };
  const drafts = clusters.flatMap((cluster) =>
    cluster.appliances.map((appliance): PlanDraft => {
      const files = planFiles(appliance.id, cluster, renditions, masters, (id) => {
        const source = sources.get(id);
        return source === undefined
          ? []
          : sourcesFor(appliance.id, cluster.id, source, { ...sourceContext, rootClusterId: roots.get(id) });
      });
      return { applianceId: appliance.id, windows: windowsOf(input, cluster.id, appliance, sites), ...files };
    }),
  );
  return {
    drafts: drafts.toSorted((a, b) => (a.applianceId < b.applianceId ? -1 : 1)),
    masters,
    leftOut: new Map(clusters.map(({ id, placement }) => [id, placement.leftOut])),
  };
}

/** Bits per second of every appliance: its share of its site's budget. */
function fillRates(input: PlanInput): Map<string, number> {
  const siteOf = new Map(input.clusters.map(({ id, siteId }) => [id, siteId]));
  return new Map(
    input.sites.flatMap((site) => [
      ...shareFillRate(
        site.fillBitsPerSec,
        input.appliances
          .filter(({ clusterId }) => siteOf.get(clusterId) === site.id)
          .map(({ id, fillBitsPerSec }) => ({ applianceId: id, fillBitsPerSec })),
      ),
    ]),
  );
}

function placeCluster(
  input: PlanInput,
  clusterId: string,
  region: string,
  rates: ReadonlyMap<string, number>,
): PlacedCluster {
  const regionOfSite = new Map(input.sites.map((site) => [site.id, site.region]));
  const clustersOfRegion = input.clusters.filter(({ siteId }) => regionOfSite.get(siteId) === region).length;
  const predicted = input.predicted.get(region);
  const expectedBytes = (path: string): number => (predicted?.get(path) ?? 0) / Math.max(1, clustersOfRegion);
  const members = input.appliances.filter((appliance) => appliance.clusterId === clusterId);
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
  const appliances = members.map(
    ({ id, baseUrl }): SourceAppliance => ({ id, baseUrl, fillBitsPerSec: rates.get(id) ?? 1 }),
  );
  return { id: clusterId, region, appliances, placement, expectedBytes };
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
  renditions: ReadonlyMap<string, { readonly rendition: CatalogueRendition; readonly title: CatalogueTitle }>,
  masters: FillMasters,
  sourcesOf: (renditionId: string) => FillPlanFile['sources'],
): Pick<PlanDraft, 'renditions' | 'files'> {
  const { placement } = cluster;
  const byRank = [...placement.holders]
    .filter(([, holders]) => holders.includes(applianceId))
    .map(([id]) => id)
    .sort((a, b) => (placement.rank.get(a) ?? 0) - (placement.rank.get(b) ?? 0));
  // By id, so that a change of order alone does not change what the bits of holdings mean.
  const list = byRank.toSorted();
  const indexOf = new Map(list.map((id, index) => [id, index]));
  const files: FillPlanFile[] = [];
  for (const id of byRank) {
    const rendition = renditions.get(id)?.rendition;
    if (rendition === undefined || files.length + rendition.files.length > MAX_PLAN_FILES) continue;
    const copies = placement.holders.get(id)?.length ?? 1;
    const isMaster = masters.get(masterKey(cluster.id, id)) === applianceId;
    const reason = reasonFor(rendition, cluster, copies, isMaster);
    const sources = sourcesOf(id);
    for (const file of rendition.files) {
      files.push({
        ...file,
        rendition: indexOf.get(id) ?? 0,
        priority: files.length,
        reason,
        expectedBytes: twoDigits(cluster.expectedBytes(file.path) / copies),
        sources,
      });
    }
  }
  return { renditions: list, files };
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
    `rank ${rank} of ${placement.rank.size} in region ${cluster.region}: ${worth}; ` +
    `${copy} in cluster ${cluster.id}${isMaster ? ', fetched here for the others' : ''}`
  );
}

function windowsOf(
  input: PlanInput,
  clusterId: string,
  appliance: SourceAppliance,
  sites: ReadonlyMap<string, PlanSite>,
): FillWindow[] {
  const site = sites.get(input.clusters.find(({ id }) => id === clusterId)?.siteId ?? '');
  return fillWindows({
    startsAtMs: site?.windowStartsAtMs ?? [],
    hours: site?.windowHours ?? 0,
    fillBitsPerSec: appliance.fillBitsPerSec,
    nowMs: input.nowMs,
    openedByHand: input.openedByHand,
  });
}

/** Two digits are all that a forecast is good for, and a plan that differs in the third is not worth sending again. */
const twoDigits = (value: number): number => Number(value.toPrecision(2));
const perStoredByte = (worth: number): string => `${twoDigits(worth)} bytes`;
