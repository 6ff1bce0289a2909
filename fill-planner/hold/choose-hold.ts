import { expectSaving, headWorth, servedBytesOf, worthOfDay } from './expected-saving.ts';
import { HELD } from './held.ts';
import { columnsOf, type HoldColumns } from './hold-columns.ts';
import { HoldDraft } from './hold-draft.ts';
import type { HoldChoice, HoldInput } from './hold-input.ts';
import { listItems } from './list-items.ts';
import { orderByScore } from './rank-order.ts';
import { type StandingOrders, standingOrders } from './standing-orders.ts';

/**
 * What a cluster should hold, best first.
 *
 * Bytes served per byte stored is the greedy answer to the knapsack, and it is what everybody ranks by. Alone it is
 * wrong four times: a byte saved at four in the morning saves nothing; the forecast changes a little every day, so the
 * border of the list would be fetched and dropped for ever; a small ISP would fetch every night more than its viewers
 * watch the next evening; and what was left out has no first second, so every viewer of the tail waits for the origin.
 *
 *   worth     what a rendition is expected to save per day: bytes of the busiest hour, or money (fill-economy)
 *   held      ranks by worth per stored byte. Keeping it costs nothing
 *   not held  ranks by worth less the price of its fill, spread over the days that the fill will pay for (keep-days). So
 *             it displaces what is held only where the change pays: churn is a price, not a limit
 *   net       it is fetched only where even a low estimate of what it saves in those days is more than the fill. The low
 *             estimate, because the two errors differ: a useless fill is paid at once and wears a disk, while a fill that
 *             was not made can be made tomorrow, when more is known, and until then viewers fetch it themselves. A
 *             launch cannot wait for tomorrow: there the mean counts
 *   budget    all fills of a day together are no more than what the day is expected to serve from what is held. An ISP
 *             whose viewers watch nothing twice fetches nothing, and lets demand fill do it
 *   heads     of what is not held whole the first seconds, within a share of the space, by expected starts per byte
 *   orders    pins come first and are bound by nothing; retired titles never come
 *
 * One item per rendition, each rung for itself; a title's manifests stand just before its best item. 200,000 renditions
 * take 0.2 s.
 *
 * Limits: the day's budget and the space are those of the cluster, copies are not counted: placement gives them what is
 * left. The mean of a forecast is trusted for ranking, so what is wrong on average is ranked wrong.
 */
/** Of what the day is expected to serve, kept for fetching heads. */
const HEAD_FILL_SHARE = 0.05;
/** What is held already goes before what is not, where both are worth nothing. */
const LEAST_SCORE = 1e-30;
const KEPT_LEAST_SCORE = 1e-29;
/** A head that is held goes before one that is worth a little more and is not. */
const KEPT_HEAD_LEAD = 1.25;

interface Choosing {
  readonly input: HoldInput;
  readonly columns: HoldColumns;
  readonly draft: HoldDraft;
  readonly orders: StandingOrders;
}

/** @see file comment. Time is O(n log n) in the number of renditions. */
export function chooseHold(input: HoldInput): HoldChoice {
  const columns = columnsOf(input.facts);
  const draft = new HoldDraft(columns, input.heldNow, {
    maxItemBytes: input.maxItemBytes,
    fetchedLatelyBytes: input.fetchedLatelyBytes,
    fillBudgetBytes: input.fillBudgetBytes ?? Number.POSITIVE_INFINITY,
    writeBudgetBytes: input.writeBudgetBytes ?? Number.POSITIVE_INFINITY,
    servedPerFilled: input.settings.minSavedPerFilled,
  });
  const orders = standingOrders(input.facts, columns, input.calendar, input.cluster, input.nowMs);
  const choosing = { input, columns, draft, orders };
  takePins(choosing);
  takeWholes(choosing);
  takeHeads(choosing);
  return listItems(input, draft, orders);
}

function isRetired({ input, columns, orders }: Choosing, index: number): boolean {
  return (orders.endsAtMs[columns.title[index] ?? 0] ?? 0) <= input.nowMs;
}

function takePins(choosing: Choosing): void {
  const { input, columns, draft, orders } = choosing;
  for (let index = 0; index < columns.count; index++) {
    const part = orders.pinned[index] ?? HELD.nothing;
    if (part === HELD.nothing || isRetired(choosing, index)) continue;
    if (columns.isManifest[index] === 1) draft.takeManifestsOf(index, 'pinned');
    else draft.take(index, part, servedBytesOf(input, columns, index, part), 'pinned');
  }
}

function takeWholes(choosing: Choosing): void {
  const { input, columns, draft, orders } = choosing;
  const scores = new Float64Array(columns.count);
  for (let index = 0; index < columns.count; index++) {
    if (draft.part[index] === HELD.whole) continue;
    if (isRetired(choosing, index)) draft.say(index, 'retired');
    else if (columns.isManifest[index] === 1) draft.say(index, 'not-worth-fetching');
    else scores[index] = scoreWhole(choosing, index);
  }
  const limits = { roomBytes: input.plannedBytes - headRoom(choosing), spareShare: HEAD_FILL_SHARE };
  for (const index of orderByScore(scores)) {
    const servedBytes = servedBytesOf(input, columns, index, HELD.whole);
    const refusal = draft.refusal(index, HELD.whole, servedBytes, limits);
    if (refusal !== undefined) {
      draft.refuse(index, refusal);
      continue;
    }
    const isLaunch = orders.isLaunching[columns.title[index] ?? 0] === 1;
    const isFetched = draft.missingBytes(index, HELD.whole) > 0;
    const verdict = !isFetched ? 'kept' : isLaunch ? 'launch' : 'worth-fetching';
    draft.take(index, HELD.whole, servedBytes, verdict);
  }
}

/** What a whole rendition is worth per byte of space and day, less its fetching; 0 where that is not worth it. */
function scoreWhole({ input, columns, draft, orders }: Choosing, index: number): number {
  const sizeBytes = Math.max(1, columns.sizeBytes[index] ?? 0);
  const missingBytes = draft.missingBytes(index, HELD.whole);
  const endsAtMs = orders.endsAtMs[columns.title[index] ?? 0] ?? Number.POSITIVE_INFINITY;
  if (missingBytes === 0) return Math.max(KEPT_LEAST_SCORE, worthOfDay(input, index) / sizeBytes);
  const { worthPerDay, days, lowShare } = expectSaving(input, columns, index, endsAtMs);
  const { minSavedPerFilled } = input.settings;
  const { costPerFilledByte, costPerWrittenByte } = input.economy;
  const cost = minSavedPerFilled * missingBytes * (costPerFilledByte + costPerWrittenByte);
  const isLaunch = orders.isLaunching[columns.title[index] ?? 0] === 1;
  const counted = worthPerDay * days * (isLaunch ? 1 : lowShare);
  if (minSavedPerFilled > 0 && (counted <= 0 || counted < cost)) {
    draft.say(index, 'not-worth-fetching');
    return 0;
  }
  return Math.max(LEAST_SCORE, (worthPerDay - (days > 0 ? cost / days : 0)) / sizeBytes);
}

/** Space kept for heads: none where everything fits whole. */
function headRoom({ input, columns, draft }: Choosing): number {
  let allBytes = 0;
  let allHeads = 0;
  for (let index = 0; index < columns.count; index++) {
    allBytes += columns.sizeBytes[index] ?? 0;
    if (draft.part[index] === HELD.nothing) allHeads += columns.headBytes[index] ?? 0;
  }
  if (allBytes <= input.plannedBytes) return 0;
  return Math.min(allHeads, input.settings.headShare * input.plannedBytes);
}

function takeHeads(choosing: Choosing): void {
  const { input, columns, draft } = choosing;
  const scores = new Float64Array(columns.count);
  for (let index = 0; index < columns.count; index++) {
    const isOpen = draft.part[index] === HELD.nothing && (columns.headBytes[index] ?? 0) > 0;
    if (!isOpen || isRetired(choosing, index)) continue;
    const worth = headWorth(input, columns, index);
    const isHeld = (input.heldNow[index] ?? 0) !== HELD.nothing;
    scores[index] = isHeld ? Math.max(KEPT_LEAST_SCORE, worth * KEPT_HEAD_LEAD) : Math.max(LEAST_SCORE, worth);
  }
  const maxHeadBytes = input.settings.headShare * input.plannedBytes;
  const beforeBytes = draft.usedBytes;
  const limits = { roomBytes: Math.min(input.plannedBytes, beforeBytes + maxHeadBytes), spareShare: 0 };
  for (const index of orderByScore(scores)) {
    const servedBytes = servedBytesOf(input, columns, index, HELD.head);
    if (draft.refusal(index, HELD.head, servedBytes, limits) !== undefined) continue;
    draft.take(index, HELD.head, servedBytes, draft.verdictOf(index));
  }
}
