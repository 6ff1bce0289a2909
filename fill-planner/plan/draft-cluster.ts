import type { FillPlanSource, FillWindow } from '../../src/contracts/fill-plan.ts';
import { fillWindows } from '../schedule/fill-window.ts';
import { holderTable, slotOf } from '../schedule/holder-table.ts';
import { stepsWithin } from '../schedule/site-pace.ts';
import { sourceLister } from '../schedule/source-lists.ts';
import { lastUrgentPriority, type PlannedOrder, urgentWindows } from '../schedule/urgent-fill.ts';
import type { PlanDraft } from './draft-plan.ts';
import type { FleetInputs, PlanSite } from './fleet-inputs.ts';
import type { FillRates, FleetLinks } from './link-fleet.ts';
import type { ClusterPlacement } from './plan-facts.ts';

const NO_RATES: FillRates = { fillBitsPerSec: 1, peerBitsPerSec: 1, share: 0, caps: [] };
const DAY_HOURS = 24;
const DAY_MS = 86_400_000;
/** What the contract takes in one plan. */
const MAX_PLAN_FILES = 1_000_000;

/** One plan for each appliance of a cluster. */
export function draftCluster(inputs: FleetInputs, placement: ClusterPlacement, links: FleetLinks): PlanDraft[] {
  const siteId = inputs.clusters.find(({ id }) => id === placement.clusterId)?.siteId;
  const site = inputs.sites.find(({ id }) => id === siteId);
  const place = links.placeOf.get(placement.clusterId);
  if (site === undefined || place === undefined) throw new Error(`cluster '${placement.clusterId}' has no site`);
  const { firstAppliance } = place;
  const table = place.table ?? holderTable(inputs.facts.length, [{ entries: placement, firstAppliance }]);
  const sourcesOf = sourceLister(links, place.site, table);
  const master = links.sites[place.site]?.master;
  return placement.applianceIds.map((_, member) =>
    draftOne(inputs, placement, site, {
      member,
      rates: links.rates.get(placement.applianceIds[member] ?? '') ?? NO_RATES,
      sourcesOf: (slot) => sourcesOf(slot, firstAppliance + member),
      isMaster: (slot) => master?.[slot] === firstAppliance + member,
    }),
  );
}

/** One appliance's part of the links. */
interface MemberLinks {
  /** Its index in the placement. */
  readonly member: number;
  readonly rates: FillRates;
  readonly sourcesOf: (slot: number) => readonly FillPlanSource[];
  readonly isMaster: (slot: number) => boolean;
}

function draftOne(inputs: FleetInputs, placement: ClusterPlacement, site: PlanSite, links: MemberLinks): PlanDraft {
  const applianceId = placement.applianceIds[links.member] ?? '';
  const { clusterId, rendition, isHead } = placement;
  const entries = entriesOf(inputs, placement, links.member);
  const slots = Uint32Array.from(entries, (entry) => slotOf(rendition[entry] ?? 0, isHead[entry] === 1));
  const copies = Uint16Array.from(entries, (entry) => copiesOf(placement, entry));
  const lists = new Map<readonly FillPlanSource[], number>();
  const sources = slots.map((slot) => {
    const list = links.sourcesOf(slot);
    const known = lists.get(list) ?? lists.size;
    lists.set(list, known);
    return known;
  });
  return {
    applianceId,
    clusterId,
    region: site.region,
    windows: windowsOf(inputs, site, links.rates, lastUrgent(inputs, placement, site, entries)),
    rendition: pick(Uint32Array, entries, placement.rendition),
    isHead: pick(Uint8Array, entries, placement.isHead),
    isMaster: Uint8Array.from(slots, (slot) => (links.isMaster(slot) ? 1 : 0)),
    expectedBytes: Float64Array.from(entries, (entry, at) => (placement.expectedBytes[entry] ?? 0) / (copies[at] ?? 1)),
    rank: pick(Uint32Array, entries, placement.rank),
    itemCount: placement.itemCount,
    copies,
    reason: pick(Uint32Array, entries, placement.reason),
    reasons: placement.reasons,
    sources,
    sourceLists: [...lists.keys()],
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

/** The last priority that may be filled outside the windows; -1 for none. */
function lastUrgent(
  { fileCounts }: FleetInputs,
  { sizeBytes, expectedBytes, rendition, isHead }: ClusterPlacement,
  { urgentFillBitsPerSec, windowHours }: PlanSite,
  entries: readonly number[],
): number {
  if (urgentFillBitsPerSec === undefined) return -1;
  const order: PlannedOrder = {
    count: entries.length,
    sizeBytes: (at) => sizeBytes[entries[at] ?? 0] ?? 0,
    expectedBytes: (at) => expectedBytes[entries[at] ?? 0] ?? 0,
    // How many files a head lies in is not known here: at least one.
    fileCount: (at) => (isHead[entries[at] ?? 0] === 1 ? 1 : (fileCounts[rendition[entries[at] ?? 0] ?? 0] ?? 1)),
  };
  return lastUrgentPriority(order, DAY_HOURS - windowHours);
}

function windowsOf(inputs: FleetInputs, site: PlanSite, rates: FillRates, lastPriority: number): FillWindow[] {
  const regular = fillWindows({
    startsAtMs: site.windowStartsAtMs,
    hours: site.windowHours,
    ...rates,
    nowMs: inputs.nowMs,
    openedByHand: inputs.openedByHand,
  });
  const { billRates, urgentFillBitsPerSec } = site;
  const windows =
    urgentFillBitsPerSec === undefined || lastPriority < 0
      ? regular
      : [
          ...regular,
          ...urgentWindows(regular, Math.floor(inputs.nowMs / DAY_MS) * DAY_MS, {
            fillBitsPerSec: Math.max(1, Math.floor(urgentFillBitsPerSec * rates.share)),
            peerBitsPerSec: rates.peerBitsPerSec,
            lastPriority,
          }),
        ].sort((a, b) => a.startsAtMs - b.startsAtMs);
  return windows.map((window) => {
    const { startsAtMs, endsAtMs } = window;
    const caps = rates.caps.filter(({ sinceMs, untilMs }) => sinceMs < endsAtMs && startsAtMs < untilMs);
    return {
      ...window,
      ...(billRates === undefined ? {} : { rates: stepsWithin(billRates, window, rates.share) }),
      ...(caps.length === 0
        ? {}
        : { caps: caps.map(({ sinceMs, untilMs, maxBytes }) => ({ sinceMs, untilMs, maxBytes })) }),
    };
  });
}
