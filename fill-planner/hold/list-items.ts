import type { HoldItem } from '../plan/plan-facts.ts';
import { expectSaving, headFactor } from './expected-saving.ts';
import { HELD } from './held.ts';
import type { HoldDraft } from './hold-draft.ts';
import type { HoldChoice, HoldInput } from './hold-input.ts';
import { type HoldVerdict, type VerdictFigures, wordsFor } from './hold-words.ts';
import { orderByScore } from './rank-order.ts';
import type { StandingOrders } from './standing-orders.ts';

/** Its reason is written when it is read: of 200,000 per cluster few are. */
class ListedItem implements HoldItem {
  readonly rendition: number;
  readonly part: 'whole' | 'head';
  readonly sizeBytes: number;
  readonly expectedBytes: number;
  readonly peakBitsPerSec: number;
  readonly #verdict: HoldVerdict;
  readonly #figures: () => VerdictFigures;

  constructor(item: Omit<HoldItem, 'reason'>, verdict: HoldVerdict, figures: () => VerdictFigures) {
    this.rendition = item.rendition;
    this.part = item.part;
    this.sizeBytes = item.sizeBytes;
    this.expectedBytes = item.expectedBytes;
    this.peakBitsPerSec = item.peakBitsPerSec;
    this.#verdict = verdict;
    this.#figures = figures;
  }

  get reason(): string {
    return wordsFor(this.#verdict, this.part, this.#figures());
  }
}

/** What was taken, best first, a title's manifests just before its best item. */
export function listItems(input: HoldInput, draft: HoldDraft, orders: StandingOrders): HoldChoice {
  const { columns } = draft;
  const items: HoldItem[] = [];
  const isListed = new Uint8Array(columns.titleCount);
  const listManifests = (title: number): void => {
    if (isListed[title] === 1 || !draft.hasManifestsOf(title)) return;
    isListed[title] = 1;
    for (let at = columns.manifestStart[title] ?? 0; at < (columns.manifestStart[title + 1] ?? 0); at++) {
      const index = columns.manifests[at] ?? 0;
      draft.markManifest(index);
      items.push(itemOf(input, draft, orders, index));
    }
  };
  // Pinned manifests whose title has nothing else.
  for (const [index, part] of orders.pinned.entries())
    if (part !== HELD.nothing && columns.isManifest[index] === 1) listManifests(columns.title[index] ?? 0);
  for (const index of orderByScore(draft.score)) {
    listManifests(columns.title[index] ?? 0);
    items.push(itemOf(input, draft, orders, index));
  }
  return {
    items,
    verdicts: draft.verdicts,
    heldBytes: draft.usedBytes,
    fillBytes: draft.fillBytes,
    pinnedFillBytes: draft.pinnedFillBytes,
    servedBytes: draft.servedBytes,
    ...watched(input, draft),
  };
}

const BITS_PER_SEC_OF_HOURLY_BYTE = 8 / 3600;

function itemOf(input: HoldInput, draft: HoldDraft, orders: StandingOrders, index: number): HoldItem {
  const { columns } = draft;
  const part = draft.part[index] ?? HELD.nothing;
  const peakHourBytes = (input.demand.peakHourBytes[index] ?? 0) * input.regionShare;
  return new ListedItem(
    {
      rendition: index,
      part: part === HELD.head ? 'head' : 'whole',
      sizeBytes: draft.bytesOf(index, part),
      expectedBytes: draft.served[index] ?? 0,
      peakBitsPerSec:
        peakHourBytes * BITS_PER_SEC_OF_HOURLY_BYTE * (part === HELD.head ? headFactor(columns, index) : 1),
    },
    draft.verdictOf(index),
    () => verdictFigures(input, draft, orders, index),
  );
}

/** What was decided by, for the words of a reason. */
function verdictFigures(
  input: HoldInput,
  { columns }: Pick<HoldDraft, 'columns'>,
  orders: Pick<StandingOrders, 'endsAtMs'>,
  index: number,
): VerdictFigures {
  const sizeBytes = Math.max(1, columns.sizeBytes[index] ?? 0);
  const endsAtMs = orders.endsAtMs[columns.title[index] ?? 0] ?? Number.POSITIVE_INFINITY;
  const { worthPerDay, days, lowShare } = expectSaving(input, columns, index, endsAtMs);
  const cost = sizeBytes * (input.economy.costPerFilledByte + input.economy.costPerWrittenByte);
  const savedPerCost = (worthPerDay * days) / cost;
  return {
    dailyShare: ((input.demand.expectedBytes[index] ?? 0) * input.regionShare) / sizeBytes,
    savedPerCost,
    savedPerCostLow: savedPerCost * lowShare,
    days,
  };
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
