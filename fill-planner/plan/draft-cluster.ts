import type { FillPlanSource, FillWindow } from '../../src/contracts/fill-plan.ts';
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
import type { PlanDraft } from './draft-plan.ts';
import type { FleetInputs, PlanSite } from './fleet-inputs.ts';
import type { ClusterPlacement } from './plan-facts.ts';

/** Who fetches what for whom, over all clusters. */
export interface FleetLinks {
  readonly masters: FillMasters;
  readonly tierOrder: readonly string[];
  readonly appliances: ReadonlyMap<string, SourceAppliance>;
  /** By source key, see `sourceKey`. */
  readonly renditions: ReadonlyMap<string, SourceRendition>;
}

/** What the contract takes in one plan. */
const MAX_PLAN_FILES = 1_000_000;

export function linkFleet(inputs: FleetInputs, placements: readonly ClusterPlacement[]): FleetLinks {
  const rates = fillRates(inputs);
  const clusters = placements.map(
    ({ clusterId }): SourceCluster => ({
      id: clusterId,
      appliances: inputs.appliances
        .filter((appliance) => appliance.clusterId === clusterId)
        .map(({ id, baseUrl }) => ({ id, baseUrl, fillBitsPerSec: rates.get(id) ?? 1 })),
    }),
  );
  const renditions = sourceRenditions(inputs, placements);
  return {
    masters: chooseMasters(clusters, [...renditions.values()], previousMasters(inputs)),
    tierOrder: tierOrder(clusters),
    appliances: new Map(clusters.flatMap(({ appliances }) => appliances.map((each) => [each.id, each] as const))),
    renditions,
  };
}

/** One plan for each appliance of a cluster. */
export function draftCluster(inputs: FleetInputs, placement: ClusterPlacement, links: FleetLinks): PlanDraft[] {
  const siteId = inputs.clusters.find(({ id }) => id === placement.clusterId)?.siteId;
  const site = inputs.sites.find(({ id }) => id === siteId);
  if (site === undefined) throw new Error(`cluster '${placement.clusterId}' has no site`);
  return placement.applianceIds.map((_, member) => draftOne(inputs, placement, links, site, member));
}

function draftOne(
  inputs: FleetInputs,
  placement: ClusterPlacement,
  links: FleetLinks,
  site: PlanSite,
  member: number,
): PlanDraft {
  const applianceId = placement.applianceIds[member] ?? '';
  const { clusterId } = placement;
  const entries = entriesOf(inputs, placement, member);
  const keys = entries.map((entry) => sourceKey(inputs, placement, entry));
  const copies = Uint16Array.from(entries, (entry) => copiesOf(placement, entry));
  const lists = new Map<string, { readonly index: number; readonly sources: readonly FillPlanSource[] }>();
  const sources = Uint32Array.from(keys, (key) => {
    const rendition = links.renditions.get(key);
    const list =
      rendition === undefined
        ? []
        : sourcesFor(applianceId, clusterId, rendition, {
            ...links,
            waits: { originWaitSec: inputs.settings.originWaitSec },
          });
    const text = JSON.stringify(list);
    const known = lists.get(text) ?? { index: lists.size, sources: list };
    lists.set(text, known);
    return known.index;
  });
  return {
    applianceId,
    clusterId,
    region: site.region,
    windows: windowsOf(inputs, site, links.appliances.get(applianceId)?.fillBitsPerSec ?? 1),
    rendition: pick(Uint32Array, entries, placement.rendition),
    isHead: pick(Uint8Array, entries, placement.isHead),
    isMaster: Uint8Array.from(keys, (key) => (links.masters.get(masterKey(clusterId, key)) === applianceId ? 1 : 0)),
    expectedBytes: Float64Array.from(entries, (entry, at) => (placement.expectedBytes[entry] ?? 0) / (copies[at] ?? 1)),
    rank: pick(Uint32Array, entries, placement.rank),
    itemCount: placement.itemCount,
    copies,
    reason: pick(Uint32Array, entries, placement.reason),
    reasons: placement.reasons,
    sources,
    sourceLists: [...lists.values()].map(({ sources: list }) => list),
  };
}

const copiesOf = ({ holderStart }: ClusterPlacement, entry: number): number =>
  (holderStart[entry + 1] ?? 0) - (holderStart[entry] ?? 0);

function pick<A extends Uint8Array | Uint32Array>(
  kind: { from(entries: readonly number[], map: (entry: number) => number): A },
  entries: readonly number[],
  column: A,
): A {
  return kind.from(entries, (entry) => column[entry] ?? 0);
}

/** The entries that one appliance holds, best first, which together have no more files than one plan takes. */
function entriesOf({ fileCounts }: FleetInputs, placement: ClusterPlacement, member: number): number[] {
  const entries: number[] = [];
  let fileCount = 0;
  for (const [entry, rendition] of placement.rendition.entries()) {
    const first = placement.holderStart[entry] ?? 0;
    if (!placement.holders.subarray(first, placement.holderStart[entry + 1]).includes(member)) continue;
    fileCount += fileCounts[rendition] ?? 1;
    if (fileCount <= MAX_PLAN_FILES) entries.push(entry);
  }
  return entries;
}

function windowsOf(inputs: FleetInputs, site: PlanSite, fillBitsPerSec: number): FillWindow[] {
  return fillWindows({
    startsAtMs: site.windowStartsAtMs,
    hours: site.windowHours,
    fillBitsPerSec,
    nowMs: inputs.nowMs,
    openedByHand: inputs.openedByHand,
  });
}

/** Bits per second of every appliance: its share of its site's budget. */
function fillRates({ sites, clusters, appliances }: FleetInputs): Map<string, number> {
  const siteOf = new Map(clusters.map(({ id, siteId }) => [id, siteId]));
  const members = Map.groupBy(appliances, ({ clusterId }) => siteOf.get(clusterId));
  return new Map(
    sites.flatMap((site) => [
      ...shareFillRate(
        site.fillBitsPerSec,
        (members.get(site.id) ?? []).map(({ id, fillBitsPerSec }) => ({ applianceId: id, fillBitsPerSec })),
      ),
    ]),
  );
}

/** What sources are chosen for: a rendition, or its head as a thing of its own. */
const keyOf = (id: string, isHead: boolean): string => (isHead ? `${id} head` : id);

const sourceKey = ({ facts }: FleetInputs, { rendition, isHead }: ClusterPlacement, entry: number): string =>
  keyOf(facts[rendition[entry] ?? 0]?.id ?? '', isHead[entry] === 1);

function sourceRenditions(
  inputs: FleetInputs,
  placements: readonly ClusterPlacement[],
): ReadonlyMap<string, SourceRendition> {
  const renditions = new Map<string, SourceRendition & { readonly holders: Map<string, readonly string[]> }>();
  for (const placement of placements) {
    const { applianceIds, holders, holderStart } = placement;
    for (const [entry, rendition] of placement.rendition.entries()) {
      const key = sourceKey(inputs, placement, entry);
      const known = renditions.get(key) ?? {
        id: key,
        sizeBytes: placement.sizeBytes[entry] ?? 0,
        originUrl: inputs.originUrls[rendition] ?? '',
        holders: new Map<string, readonly string[]>(),
      };
      const members = holders.subarray(holderStart[entry], holderStart[entry + 1]);
      known.holders.set(
        placement.clusterId,
        Array.from(members, (member) => applianceIds[member] ?? ''),
      );
      renditions.set(key, known);
    }
  }
  return renditions;
}

function previousMasters({ appliances, facts, heldBefore }: FleetInputs): FillMasters {
  const masters = new Map<string, string>();
  for (const { id, clusterId } of appliances) {
    const before = heldBefore.get(id);
    for (const [at, rendition] of before?.rendition.entries() ?? []) {
      if (before?.isMaster[at] !== 1) continue;
      masters.set(masterKey(clusterId, keyOf(facts[rendition]?.id ?? '', before.isHead[at] === 1)), id);
    }
  }
  return masters;
}
