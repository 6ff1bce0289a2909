import { rankNodes } from '../../src/hashing/weighted-rendezvous.ts';

/**
 * Which appliance of a cluster shall hold which rendition.
 *
 * The worth of a rendition is what it is expected to serve per byte that it takes; taking renditions in that order is
 * the greedy answer to the knapsack and within one rendition of the best. Two things spoil the plain greedy: everything
 * popular would lie on one box, and tomorrow's small changes of order would move everything. So each rendition has a
 * fixed order of appliances (weighted rendezvous, larger disks more often), and copies go down that order:
 *
 *   1. one copy of each, best first, on the first appliance of its order that has room;
 *   2. further copies by worth / (copies + 1): D'Hondt's way of giving seats, which makes copies proportional to worth,
 *      until nothing fits. A catalogue that fits everywhere therefore ends up everywhere.
 *
 * A share of every disk stays free for what nobody predicted. All files of a rendition are placed together, and the
 * manifests of a title stand just before its best rendition, because a rendition without them cannot be played.
 *
 * Limits: worth alone decides, not the price of the fill; copies of appliances in one cluster count the same.
 */
export interface PlacementRendition {
  readonly id: string;
  readonly titleId: string;
  readonly isManifest: boolean;
  readonly sizeBytes: number;
  /** Expected to be asked of the whole cluster's region within the next day. */
  readonly expectedBytes: number;
}

export interface PlacementAppliance {
  readonly id: string;
  readonly capacityBytes: number;
}

export interface PlacementInput {
  readonly renditions: readonly PlacementRendition[];
  /** Of one cluster. */
  readonly appliances: readonly PlacementAppliance[];
  /** Share of every disk, 0 to 1, that stays free for demand fill. */
  readonly reserveShare: number;
}

export interface Placement {
  /** Holders by rendition, in the rendition's own order; renditions that found no room are missing. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
  /** 0-based place in the order of worth, of every rendition that was offered. */
  readonly rank: ReadonlyMap<string, number>;
  /** Renditions that fit on no appliance, best first. */
  readonly leftOut: readonly string[];
}

interface Candidate {
  readonly rendition: PlacementRendition;
  readonly worth: number;
  readonly order: readonly string[];
  readonly holders: string[];
  /** How far down the order it has asked. */
  askedCount: number;
}

export function placeFiles(input: PlacementInput): Placement {
  const freeBytes = new Map(
    input.appliances.map(({ id, capacityBytes }) => [id, Math.floor(capacityBytes * (1 - input.reserveShare))]),
  );
  const nodes = input.appliances.map(({ id, capacityBytes }) => ({ id, weight: capacityBytes }));
  const candidates = rankByWorth(input.renditions).map(
    ({ rendition, worth }): Candidate => ({
      rendition,
      worth,
      order: rankNodes(rendition.id, nodes).map(({ id }) => id),
      holders: [],
      askedCount: 0,
    }),
  );
  for (const candidate of candidates) placeOne(candidate, freeBytes);
  placeFurtherCopies(
    candidates.filter(({ holders }) => holders.length > 0),
    freeBytes,
  );
  return {
    holders: new Map(
      candidates.filter(({ holders }) => holders.length > 0).map(({ rendition, holders }) => [rendition.id, holders]),
    ),
    rank: new Map(candidates.map(({ rendition }, index) => [rendition.id, index])),
    leftOut: candidates.filter(({ holders }) => holders.length === 0).map(({ rendition }) => rendition.id),
  };
}

/** Renditions with their worth, best first; equal ones by id, so that the order never depends on the input's. */
function rankByWorth(
  renditions: readonly PlacementRendition[],
): { readonly rendition: PlacementRendition; readonly worth: number }[] {
  const worthOf = ({ expectedBytes, sizeBytes }: PlacementRendition): number =>
    threeDigits(expectedBytes / Math.max(1, sizeBytes));
  const bestOfTitle = new Map<string, number>();
  for (const rendition of renditions) {
    bestOfTitle.set(rendition.titleId, Math.max(bestOfTitle.get(rendition.titleId) ?? 0, worthOf(rendition)));
  }
  return renditions
    .map((rendition) => ({
      rendition,
      worth: rendition.isManifest ? (bestOfTitle.get(rendition.titleId) ?? 0) : worthOf(rendition),
    }))
    .sort(
      (a, b) =>
        b.worth - a.worth ||
        Number(b.rendition.isManifest) - Number(a.rendition.isManifest) ||
        (a.rendition.id < b.rendition.id ? -1 : 1),
    );
}

/** Beyond these digits a forecast is noise, which would swap equals with every cycle. */
const threeDigits = (worth: number): number => Number(worth.toPrecision(3));

function placeOne(candidate: Candidate, freeBytes: Map<string, number>): boolean {
  const { rendition, order, holders } = candidate;
  while (candidate.askedCount < order.length) {
    const applianceId = order[candidate.askedCount] ?? '';
    candidate.askedCount += 1;
    const free = freeBytes.get(applianceId) ?? 0;
    if (free < rendition.sizeBytes) continue;
    freeBytes.set(applianceId, free - rendition.sizeBytes);
    holders.push(applianceId);
    return true;
  }
  return false;
}

/** Seats by D'Hondt: the next copy goes to the largest worth / (copies + 1) until nobody finds room. */
function placeFurtherCopies(candidates: readonly Candidate[], freeBytes: Map<string, number>): void {
  const queue = candidates.map((candidate, rank) => ({ candidate, rank, claim: candidate.worth / 2 }));
  const before = (a: (typeof queue)[number], b: (typeof queue)[number]): boolean =>
    a.claim > b.claim || (a.claim === b.claim && a.rank < b.rank);
  // Already a heap: candidates come in falling worth.
  while (queue.length > 0) {
    const top = queue[0];
    if (top === undefined) return;
    if (placeOne(top.candidate, freeBytes)) {
      top.claim = top.candidate.worth / (top.candidate.holders.length + 1);
    } else {
      // Who found no room now will find none later: room only shrinks.
      const last = queue.pop();
      if (last === undefined || queue.length === 0) return;
      queue[0] = last;
    }
    sinkFirst(queue, before);
  }
}

function sinkFirst<T>(heap: T[], before: (a: T, b: T) => boolean): void {
  let at = 0;
  for (;;) {
    let best = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      const [candidate, current] = [heap[child], heap[best]];
      if (candidate !== undefined && current !== undefined && before(candidate, current)) best = child;
    }
    if (best === at) return;
    const [upper, lower] = [heap[at], heap[best]];
    if (upper === undefined || lower === undefined) return;
    heap[at] = lower;
    heap[best] = upper;
    at = best;
  }
}
