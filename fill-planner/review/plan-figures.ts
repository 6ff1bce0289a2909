import type { FillWindow } from '../../src/contracts/fill-plan.ts';
import { retiredTitles } from '../calendar/calendar-facts.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import { NOTHING_HELD } from '../plan/plan-facts.ts';
import { diffHoldings } from './diff-holdings.ts';
import { type FillBytes, fillEndsAtMs, pieces } from './fill-forecast.ts';
import { bytesOfPart, type HoldingColumns, heldByAny } from './holding-columns.ts';

/**
 * What a plan would do, before anybody follows it: what it serves of the expected demand, what it fetches and from
 * whom, until when, what it drops, how much it writes, and whether it keeps to its windows and budgets. All from the
 * same inputs as the plan itself, so it shows a plan that is bad by its own forecast, never a forecast that is wrong:
 * that shows at the canary (rollout/).
 */
export interface ClusterFigures {
  readonly clusterId: string;
  readonly siteId: string;
  readonly applianceIds: readonly string[];
  /** An appliance is to hold something else than by the plan before. */
  readonly isChanged: boolean;
  /** Expected to be asked of this cluster within the next day, and what of it the plan and the plan before hold. */
  readonly demandBytes: number;
  readonly servedBytes: number;
  readonly servedBeforeBytes: number;
  /** Distinct bytes that the cluster holds by the plan before, and of them those that no appliance holds any more. */
  readonly heldBeforeBytes: number;
  readonly droppedBytes: number;
  /** Of all appliances, copies included. */
  readonly fillBytes: FillBytes;
  /** When the last appliance has what it is to fetch; undefined when the known windows do not suffice. */
  readonly endsAtMs: number | undefined;
  /** Of the appliance that writes most for its size: bytes written per byte of disk. */
  readonly writesPerByte: number;
  /** Where the plan breaks a limit that is not the forecast's, in words. */
  readonly broken: readonly string[];
}

/**
 * Of every cluster that has drafts.
 * @param heldNow what appliances have got; else they are taken to have what the plan before asked for
 */
export function planFigures(
  inputs: FleetInputs,
  drafts: readonly PlanDraft[],
  heldNow: HeldNow = inputs.heldBefore,
): ClusterFigures[] {
  return [...Map.groupBy(drafts, ({ clusterId }) => clusterId)].map(([id, ofCluster]) =>
    clusterFigures(inputs, id, ofCluster, heldNow),
  );
}

/** @param drafts of all appliances of the cluster */
function clusterFigures(
  inputs: FleetInputs,
  clusterId: string,
  drafts: readonly PlanDraft[],
  heldNow: HeldNow,
): ClusterFigures {
  const { facts, heldBefore, nowMs } = inputs;
  // What must go is no loss.
  const retired = retiredTitles(inputs.calendar, nowMs);
  const asked = clusterDemand(inputs, clusterId);
  const expected = (index: number): number => (retired.has(facts[index]?.titleId ?? '') ? 0 : asked(index));
  const before = drafts.map(({ applianceId }) => heldBefore.get(applianceId) ?? NOTHING_HELD);
  const diff = diffHoldings(before, drafts, facts, expected);
  const droppedBytes = diff.goes.reduce((sum, row) => sum + (retired.has(row.titleId) ? 0 : row.sizeBytes), 0);
  const fills = drafts.map((draft) => fillOf(draft, heldNow.get(draft.applianceId) ?? NOTHING_HELD, inputs));
  const ends = drafts.map(({ windows }, index) => fillEndsAtMs(fills[index] ?? NO_FILL, windows, nowMs));
  const capacities = new Map(inputs.appliances.map(({ id, capacityBytes }) => [id, capacityBytes]));
  return {
    clusterId,
    siteId: inputs.clusters.find(({ id }) => id === clusterId)?.siteId ?? '',
    applianceIds: drafts.map(({ applianceId }) => applianceId),
    isChanged: drafts.some((draft, index) => !isSame(draft, before[index] ?? NOTHING_HELD)),
    demandBytes: facts.reduce((sum, _, index) => sum + expected(index), 0),
    servedBytes: diff.servedAfterBytes,
    servedBeforeBytes: diff.servedBeforeBytes,
    heldBeforeBytes: diff.staysBytes + droppedBytes,
    droppedBytes,
    fillBytes: fills.reduce(addFill, NO_FILL),
    endsAtMs: ends.reduce<number | undefined>(latest, nowMs),
    writesPerByte: Math.max(
      0,
      ...fills.map((fill, index) => totalOf(fill) / (capacities.get(drafts[index]?.applianceId ?? '') ?? 1)),
    ),
    broken: overfull(inputs, drafts, capacities),
  };
}

/** Expected bytes of the next day by rendition, of one cluster: its region's, shared with the other clusters there. */
export function clusterDemand(inputs: FleetInputs, clusterId: string): (rendition: number) => number {
  const regionOf = new Map(inputs.sites.map(({ id, region }) => [id, region]));
  const region = regionOf.get(inputs.clusters.find(({ id }) => id === clusterId)?.siteId ?? '') ?? '';
  const sharing = inputs.clusters.filter(({ siteId }) => regionOf.get(siteId) === region).length;
  const expected = inputs.demand.get(region)?.expectedBytes;
  return (rendition) => (expected?.[rendition] ?? 0) / Math.max(1, sharing);
}

/** By appliance. */
export type HeldNow = ReadonlyMap<string, HoldingColumns>;

const NO_FILL: FillBytes = { peer: 0, tier: 0, origin: 0 };
export const totalOf = ({ peer, tier, origin }: FillBytes): number => peer + tier + origin;
const addFill = (a: FillBytes, b: FillBytes): FillBytes => ({
  peer: a.peer + b.peer,
  tier: a.tier + b.tier,
  origin: a.origin + b.origin,
});
const latest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : Math.max(a, b);

/** What an appliance has to fetch of what it is to hold. */
function fillOf(draft: PlanDraft, before: HoldingColumns, { facts }: FleetInputs): FillBytes {
  const held = heldByAny([before], facts.length);
  const wanted = heldByAny([draft], facts.length);
  const fill = { ...NO_FILL };
  for (const [entry, index] of draft.rendition.entries()) {
    const bytes = bytesOfPart(facts, index, wanted[index] ?? 0) - bytesOfPart(facts, index, held[index] ?? 0);
    if (bytes <= 0) continue;
    // A head and its rest are two entries of one rendition: the first one takes all.
    wanted[index] = 0;
    fill[draft.sourceLists[draft.sources[entry] ?? 0]?.[0]?.kind ?? 'origin'] += bytes;
  }
  return fill;
}

function overfull(
  inputs: FleetInputs,
  drafts: readonly PlanDraft[],
  capacities: ReadonlyMap<string, number>,
): string[] {
  return drafts.flatMap((draft) => {
    const held = heldByAny([draft], inputs.facts.length);
    const bytes = held.reduce((sum, part, index) => sum + bytesOfPart(inputs.facts, index, part), 0);
    const capacity = capacities.get(draft.applianceId) ?? 0;
    return bytes <= capacity ? [] : [`${draft.applianceId} is to hold more than its disks take`];
  });
}

/** By site, in words: moments at which its appliances together may take more than its link's budget. */
export function linkBudgetsBroken(
  { sites, clusters, appliances }: FleetInputs,
  windowsOf: (applianceId: string) => readonly FillWindow[],
): Map<string, string[]> {
  const siteOf = new Map(clusters.map(({ id, siteId }) => [id, siteId]));
  const bySite = Map.groupBy(appliances, ({ clusterId }) => siteOf.get(clusterId));
  return new Map(
    sites.map(({ id, fillBitsPerSec }) => {
      const all = (bySite.get(id) ?? []).flatMap((appliance) => windowsOf(appliance.id).flatMap(pieces));
      const most = highestSum(all);
      // Sums of fractions of bits: less than one bit per second over is none.
      const isBroken = most > fillBitsPerSec + 1;
      return [id, isBroken ? [`the windows of site ${id} allow ${Math.round(most)} bit/s of ${fillBitsPerSec}`] : []];
    }),
  );
}

function highestSum(all: ReturnType<typeof pieces>): number {
  const steps = all
    .flatMap((piece) => [
      { atMs: piece.startsAtMs, change: piece.fillBitsPerSec },
      { atMs: piece.endsAtMs, change: -piece.fillBitsPerSec },
    ])
    .sort((a, b) => a.atMs - b.atMs || a.change - b.change);
  let rate = 0;
  let most = 0;
  for (const { change } of steps) {
    rate += change;
    most = Math.max(most, rate);
  }
  return most;
}

function isSame(draft: HoldingColumns, before: HoldingColumns): boolean {
  if (draft.rendition.length !== before.rendition.length) return false;
  const parts = new Map(Array.from(before.rendition, (rendition, at) => [rendition, before.isHead[at]]));
  return draft.rendition.every((rendition, entry) => parts.get(rendition) === draft.isHead[entry]);
}
