import type { HoldItem } from '../plan/plan-facts.ts';
import { expectSaving, headFactor, headWorth, worthOfDay } from './expected-saving.ts';
import { HELD } from './held.ts';
import type { HoldDraft } from './hold-draft.ts';
import type { HoldChoice, HoldInput } from './hold-input.ts';
import { type HoldVerdict, HoldWords, type VerdictFigures } from './hold-words.ts';
import { orderByScore } from './rank-order.ts';
import type { StandingOrders } from './standing-orders.ts';

/** What was taken, best first, a title's manifests just before its best item. */
export function listItems(input: HoldInput, draft: HoldDraft, orders: StandingOrders): HoldChoice {
  const { columns } = draft;
  const items: HoldItem[] = [];
  const words = new HoldWords();
  const isListed = new Uint8Array(columns.titleCount);
  const listManifests = (title: number): void => {
    if (isListed[title] === 1 || !draft.hasManifestsOf(title)) return;
    isListed[title] = 1;
    for (let at = columns.manifestStart[title] ?? 0; at < (columns.manifestStart[title + 1] ?? 0); at++) {
      const index = columns.manifests[at] ?? 0;
      draft.markManifest(index);
      items.push(itemOf(input, draft, orders, index, words));
    }
  };
  // Pinned manifests whose title has nothing else.
  for (const index of columns.manifests)
    if (orders.pinned[index] !== HELD.nothing) listManifests(columns.title[index] ?? 0);
  for (const index of orderByScore(listScores(input, draft))) {
    listManifests(columns.title[index] ?? 0);
    items.push(itemOf(input, draft, orders, index, words));
  }
  return {
    items,
    verdicts: draft.verdicts,
    leftOut: draft.leftOut(),
    heldBytes: draft.usedBytes,
    fillBytes: draft.fillBytes,
    pinnedFillBytes: draft.pinnedFillBytes,
    servedBytes: draft.servedBytes,
    ...watched(input, draft),
  };
}

/** Worth nothing, and yet on the list. */
const LEAST_SCORE = 1e-30;

/**
 * The list goes by worth alone, pins first: what it costs to fetch decides who is on it, and would change the order of
 * the list as soon as it is fetched.
 */
function listScores(input: HoldInput, draft: HoldDraft): Float64Array {
  const { columns, part } = draft;
  const scores = new Float64Array(columns.count);
  for (let index = 0; index < columns.count; index++) {
    if (part[index] === HELD.nothing || columns.isManifest[index] === 1) continue;
    const worth =
      part[index] === HELD.head
        ? headWorth(input, columns, index)
        : worthOfDay(input, index) / Math.max(1, columns.sizeBytes[index] ?? 0);
    scores[index] = draft.verdictOf(index) === 'pinned' ? Number.POSITIVE_INFINITY : Math.max(LEAST_SCORE, worth);
  }
  return scores;
}

const NO_FIGURES: VerdictFigures = { dailyShare: 0, savedPerCost: 0, savedPerCostLow: 0 };
const BITS_PER_SEC_OF_HOURLY_BYTE = 8 / 3600;

function itemOf(input: HoldInput, draft: HoldDraft, orders: StandingOrders, index: number, words: HoldWords): HoldItem {
  const { columns } = draft;
  const isHead = draft.part[index] === HELD.head;
  const part = isHead ? 'head' : 'whole';
  const verdict = draft.verdictOf(index);
  const peakHourBytes = (input.demand.peakHourBytes[index] ?? 0) * input.regionShare;
  return {
    rendition: index,
    part,
    sizeBytes: draft.bytesOf(index, isHead ? HELD.head : HELD.whole),
    // Manifests are not counted as served: who fetches them is not known before somebody plays.
    expectedBytes: draft.served[index] ?? 0,
    peakBitsPerSec: peakHourBytes * BITS_PER_SEC_OF_HOURLY_BYTE * (isHead ? headFactor(columns, index) : 1),
    reason: words.reason(verdict, part, figuresOf(verdict, input, draft, orders, index)),
  };
}

const SAYS_WHAT_IS_SAVED: ReadonlySet<HoldVerdict> = new Set(['kept', 'worth-fetching', 'not-worth-fetching']);

/** What was decided by, where the words of the reason have it. */
function figuresOf(
  verdict: HoldVerdict,
  input: HoldInput,
  { columns }: Pick<HoldDraft, 'columns'>,
  orders: Pick<StandingOrders, 'endsAtMs'>,
  index: number,
): VerdictFigures {
  if (verdict === 'manifest') return NO_FIGURES;
  const sizeBytes = Math.max(1, columns.sizeBytes[index] ?? 0);
  const dailyShare = ((input.demand.expectedBytes[index] ?? 0) * input.regionShare) / sizeBytes;
  if (!SAYS_WHAT_IS_SAVED.has(verdict)) return { dailyShare, savedPerCost: 0, savedPerCostLow: 0 };
  const endsAtMs = orders.endsAtMs[columns.title[index] ?? 0] ?? Number.POSITIVE_INFINITY;
  const { worthPerDay, days, lowShare } = expectSaving(input, columns, index, endsAtMs);
  const cost = sizeBytes * (input.economy.costPerFilledByte + input.economy.costPerWrittenByte);
  const savedPerCost = (worthPerDay * days) / cost;
  return { dailyShare, savedPerCost, savedPerCostLow: savedPerCost * lowShare };
}

function watched(input: HoldInput, { columns, part }: HoldDraft): Pick<HoldChoice, 'askedBytes' | 'localStartShare'> {
  let askedBytes = 0;
  let starts = 0;
  let localStarts = 0;
  for (let index = 0; index < columns.count; index++) {
    const bytes = (input.demand.expectedBytes[index] ?? 0) * input.regionShare;
    askedBytes += bytes;
    if (columns.isManifest[index] === 1) continue;
    const its = bytes / Math.max(1, columns.sizeBytes[index] ?? 0);
    starts += its;
    if (part[index] !== HELD.nothing) localStarts += its;
  }
  return { askedBytes, localStartShare: starts > 0 ? localStarts / starts : 1 };
}
