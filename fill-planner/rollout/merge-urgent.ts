import { launchOf, pinsOf } from '../calendar/calendar-facts.ts';
import { HELD } from '../hold/held.ts';
import type { PlanDraft } from '../plan/draft-plan.ts';
import type { FleetInputs } from '../plan/fleet-inputs.ts';
import type { RenditionFacts } from '../plan/plan-facts.ts';
import { bytesOfPart } from '../review/holding-columns.ts';

const DAY_MS = 86_400_000;
/** A launch is urgent from so long before its start, time for a few fill windows, to so long after it. */
const LAUNCH_DAYS = 3;

/** What cannot wait for a stage of a release in a cluster: launches of these days, and what the operator has pinned there. */
export function urgentIn(inputs: FleetInputs, clusterId: string): (rendition: number) => boolean {
  const { calendar, facts, nowMs } = inputs;
  const siteId = inputs.clusters.find(({ id }) => id === clusterId)?.siteId ?? '';
  const region = inputs.sites.find(({ id }) => id === siteId)?.region ?? '';
  const pins = pinsOf(calendar, { clusterId, siteId, region }, nowMs).map(({ subject }) => subject);
  const titles = new Set(pins.flatMap((subject) => (subject.by === 'title' ? [subject.titleId] : [])));
  const renditions = new Set(pins.flatMap((subject) => (subject.by === 'rendition' ? [subject.renditionId] : [])));
  for (const { titleId } of calendar.launches) {
    const startsAtMs = launchOf(calendar.launches, titleId, region)?.startsAtMs;
    if (startsAtMs !== undefined && Math.abs(startsAtMs - nowMs) <= LAUNCH_DAYS * DAY_MS) titles.add(titleId);
  }
  return (rendition) => titles.has(facts[rendition]?.titleId ?? '') || renditions.has(facts[rendition]?.id ?? '');
}

/**
 * The plan of a cluster that waits for its stage, with what cannot wait. A launch on Friday must lie everywhere by
 * Friday, whatever stage a release is at; publishing the whole new plan for it would pass by the canary every week.
 *
 * So an urgent entry of the new plan goes to the front of the kept one, and what makes room for it goes from the end:
 * first what the new plan drops as well, then the least of the rest. Both plans fit where they are, so as many bytes as
 * the larger of them has fit, too. Expectations and ranks are those of the plan that each entry comes from.
 *
 * @param kept what the appliance goes on with @param draft what it would get @param isUrgent by rendition
 * @returns `kept` itself where nothing is urgent
 */
export function mergeUrgent(
  kept: PlanDraft,
  draft: PlanDraft,
  facts: readonly RenditionFacts[],
  isUrgent: (rendition: number) => boolean,
): PlanDraft {
  const bytesOf = (plan: PlanDraft, entry: number): number =>
    bytesOfPart(facts, plan.rendition[entry] ?? 0, plan.isHead[entry] === 1 ? HELD.head : HELD.whole);
  const partKept = partsOf(kept);
  const urgent = entriesOf(draft).filter((entry) => {
    const rendition = draft.rendition[entry] ?? 0;
    const part = draft.isHead[entry] === 1 ? HELD.head : HELD.whole;
    return isUrgent(rendition) && partKept.get(rendition) !== part;
  });
  if (urgent.length === 0) return kept;
  const renewed = new Set(urgent.map((entry) => draft.rendition[entry] ?? 0));
  const stays = entriesOf(kept).filter((entry) => !renewed.has(kept.rendition[entry] ?? 0));
  const sum = (plan: PlanDraft, entries: readonly number[]): number =>
    entries.reduce((bytes, entry) => bytes + bytesOf(plan, entry), 0);
  const roomBytes = Math.max(sum(kept, entriesOf(kept)), sum(draft, entriesOf(draft)));
  let excessBytes = sum(draft, urgent) + sum(kept, stays) - roomBytes;
  const inDraft = partsOf(draft);
  const gone = new Set<number>();
  // What is urgent and has its place elsewhere by the new plan goes last; what is urgent here never.
  const order = (rendition: number): number => 2 * Number(isUrgent(rendition)) + Number(inDraft.has(rendition));
  const leaving = stays
    .map((entry) => ({ entry, order: order(kept.rendition[entry] ?? 0) }))
    .filter(({ order: place }) => place < 3)
    .sort((a, b) => a.order - b.order || b.entry - a.entry);
  for (const { entry } of leaving) {
    if (excessBytes <= 0) break;
    gone.add(entry);
    excessBytes -= bytesOf(kept, entry);
  }
  return joined(
    draft,
    urgent,
    kept,
    stays.filter((entry) => !gone.has(entry)),
  );
}

const entriesOf = ({ rendition }: PlanDraft): number[] => Array.from(rendition.keys());

const partsOf = ({ rendition, isHead }: PlanDraft): Map<number, number> =>
  new Map(Array.from(rendition, (each, entry) => [each, isHead[entry] === 1 ? HELD.head : HELD.whole]));

/** Entries of one plan and then entries of another, under what is said once in the second. */
function joined(
  first: PlanDraft,
  firstEntries: readonly number[],
  second: PlanDraft,
  secondEntries: readonly number[],
): PlanDraft {
  const column = (pick: (plan: PlanDraft) => ArrayLike<number>, shift = 0): number[] => [
    ...firstEntries.map((entry) => pick(first)[entry] ?? 0),
    ...secondEntries.map((entry) => (pick(second)[entry] ?? 0) + shift),
  ];
  return {
    ...second,
    itemCount: Math.max(first.itemCount, second.itemCount),
    rendition: Uint32Array.from(column(({ rendition }) => rendition)),
    isHead: Uint8Array.from(column(({ isHead }) => isHead)),
    isMaster: Uint8Array.from(column(({ isMaster }) => isMaster)),
    expectedBytes: Float64Array.from(column(({ expectedBytes }) => expectedBytes)),
    rank: Uint32Array.from(column(({ rank }) => rank)),
    copies: Uint16Array.from(column(({ copies }) => copies)),
    reason: Uint32Array.from(column(({ reason }) => reason, first.reasons.length)),
    reasons: [...first.reasons, ...second.reasons],
    sources: Uint32Array.from(column(({ sources }) => sources, first.sourceLists.length)),
    sourceLists: [...first.sourceLists, ...second.sourceLists],
  };
}
