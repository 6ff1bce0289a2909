import type { FillWindow } from '../../src/contracts/fill-plan.ts';
import { retiredTitles } from '../calendar/calendar-facts.ts';
import { HELD } from '../hold/held.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import { NOTHING_HELD } from '../plan/plan-facts.ts';
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
  /** Whether the disks of now take what the plan before asks for: after a change of the fleet it may be too much. */
  readonly fitsBefore: boolean;
}

/**
 * Of every cluster that has drafts. 200 clusters of five appliances and 200,000 renditions take some seconds, so what
 * is the same for all is laid out once, and loops are over columns.
 * @param heldNow what appliances have got; else they are taken to have what the plan before asked for
 * @param columns of the same inputs, for who asks cluster by cluster
 */
export function planFigures(
  inputs: FleetInputs,
  drafts: readonly PlanDraft[],
  {
    heldNow = inputs.heldBefore,
    columns = factColumns(inputs),
  }: { readonly heldNow?: HeldNow | undefined; readonly columns?: FactColumns | undefined } = {},
): ClusterFigures[] {
  return [...Map.groupBy(drafts, ({ clusterId }) => clusterId)].map(([id, ofCluster]) =>
    clusterFigures(inputs, columns, id, ofCluster, heldNow),
  );
}

/** What is known of each rendition, by rendition. */
export interface FactColumns {
  /** By part: a value of `HELD`. */
  readonly bytes: readonly Float64Array[];
  /** What must go is no loss. */
  readonly isRetired: Uint8Array;
}

export function factColumns({
  facts,
  calendar,
  nowMs,
}: Pick<FleetInputs, 'facts' | 'calendar' | 'nowMs'>): FactColumns {
  const retired = retiredTitles(calendar, nowMs);
  return {
    bytes: [HELD.nothing, HELD.head, HELD.whole].map((part) =>
      Float64Array.from(facts, (_, index) => bytesOfPart(facts, index, part)),
    ),
    isRetired: Uint8Array.from(facts, ({ titleId }) => Number(retired.has(titleId))),
  };
}

/** @param drafts of all appliances of the cluster */
function clusterFigures(
  inputs: FleetInputs,
  columns: FactColumns,
  clusterId: string,
  drafts: readonly PlanDraft[],
  heldNow: HeldNow,
): ClusterFigures {
  const { heldBefore, nowMs } = inputs;
  const heldOf = (held: HeldNow): HoldingColumns[] =>
    drafts.map(({ applianceId }) => held.get(applianceId) ?? NOTHING_HELD);
  const before = heldOf(heldBefore);
  const got = heldOf(heldNow);
  const fills = drafts.map((draft, index) => fillOf(draft, got[index] ?? NOTHING_HELD, columns));
  const ends = drafts.map(({ windows }, index) => fillEndsAtMs(fills[index] ?? NO_FILL, windows, nowMs));
  const capacities = new Map(inputs.appliances.map(({ id, capacityBytes }) => [id, capacityBytes]));
  return {
    clusterId,
    siteId: inputs.clusters.find(({ id }) => id === clusterId)?.siteId ?? '',
    applianceIds: drafts.map(({ applianceId }) => applianceId),
    isChanged: drafts.some((draft, index) => !isSame(draft, before[index] ?? NOTHING_HELD, inputs.facts.length)),
    ...weigh(before, drafts, columns, clusterDemand(inputs, clusterId)),
    fillBytes: fills.reduce(addFill, NO_FILL),
    endsAtMs: ends.reduce<number | undefined>(latest, nowMs),
    writesPerByte: Math.max(
      0,
      ...fills.map((fill, index) => totalOf(fill) / (capacities.get(drafts[index]?.applianceId ?? '') ?? 1)),
    ),
    broken: drafts
      .filter((draft) => !fits(draft, draft.applianceId, columns, capacities))
      .map(({ applianceId }) => `${applianceId} is to hold more than its disks take`),
    fitsBefore: drafts.every(({ applianceId }, index) =>
      fits(before[index] ?? NOTHING_HELD, applianceId, columns, capacities),
    ),
  };
}

/** Demand, what of it the cluster serves by both plans, and what it holds and drops. */
function weigh(
  before: readonly HoldingColumns[],
  after: readonly HoldingColumns[],
  { bytes, isRetired }: FactColumns,
  expected: (rendition: number) => number,
): Pick<ClusterFigures, 'demandBytes' | 'servedBytes' | 'servedBeforeBytes' | 'heldBeforeBytes' | 'droppedBytes'> {
  const sizes = bytes[HELD.whole] ?? new Float64Array();
  const was = heldByAny(before, sizes.length);
  const is = heldByAny(after, sizes.length);
  const sums = { demandBytes: 0, servedBytes: 0, servedBeforeBytes: 0, heldBeforeBytes: 0, droppedBytes: 0 };
  for (let index = 0; index < sizes.length; index += 1) {
    if (isRetired[index] === 1) continue;
    const asked = expected(index);
    sums.demandBytes += asked;
    const [wasBytes, isBytes] = [bytes[was[index] ?? 0]?.[index] ?? 0, bytes[is[index] ?? 0]?.[index] ?? 0];
    const perByte = asked / Math.max(1, sizes[index] ?? 0);
    sums.servedBeforeBytes += perByte * wasBytes;
    sums.servedBytes += perByte * isBytes;
    sums.heldBeforeBytes += wasBytes;
    sums.droppedBytes += Math.max(0, wasBytes - isBytes);
  }
  return sums;
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
function fillOf(draft: PlanDraft, before: HoldingColumns, { bytes, isRetired }: FactColumns): FillBytes {
  const held = heldByAny([before], isRetired.length);
  const fill = { ...NO_FILL };
  for (const [entry, index] of draft.rendition.entries()) {
    const had = held[index] ?? HELD.nothing;
    const missing = (bytes[partOf(draft, entry)]?.[index] ?? 0) - (bytes[had]?.[index] ?? 0);
    if (missing > 0) fill[draft.sourceLists[draft.sources[entry] ?? 0]?.[0]?.kind ?? 'origin'] += missing;
  }
  return fill;
}

const partOf = ({ isHead }: HoldingColumns, entry: number): number => (isHead[entry] === 1 ? HELD.head : HELD.whole);

/** Whether the disks of an appliance take what it is to hold. */
function fits(
  holding: HoldingColumns,
  applianceId: string,
  { bytes }: FactColumns,
  capacities: ReadonlyMap<string, number>,
): boolean {
  let held = 0;
  for (const [entry, index] of holding.rendition.entries()) held += bytes[partOf(holding, entry)]?.[index] ?? 0;
  return held <= (capacities.get(applianceId) ?? 0);
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

function isSame(draft: HoldingColumns, before: HoldingColumns, count: number): boolean {
  if (draft.rendition.length !== before.rendition.length) return false;
  const held = heldByAny([before], count);
  return draft.rendition.every((rendition, entry) => held[rendition] === partOf(draft, entry));
}
