import { hashOfText, unitOfPair } from '../../src/hashing/pair-hash.ts';
import type { ClusterPlacement, HoldItem } from '../plan/plan-facts.ts';

/**
 * Which appliance of a cluster shall hold which rendition.
 *
 * Items come in the order of their worth per stored byte; taking them in that order is the greedy answer to the
 * knapsack and within one item of the best. Two things spoil the plain greedy: everything popular would lie on one box,
 * and tomorrow's small changes of order would move everything. So each rendition has a fixed order of appliances
 * (weighted rendezvous, larger disks more often), and copies go down that order:
 *
 *   1. one copy of each, best first, on the first appliance of its order that has room;
 *   2. further copies by worth / (copies + 1): D'Hondt's way of giving seats, which makes copies proportional to worth,
 *      until nothing fits. A catalogue that fits everywhere therefore ends up everywhere.
 *
 * A share of every disk stays free for what nobody predicted. All files of a rendition are placed together.
 *
 * Limits: worth alone decides, not the price of the fill; copies of appliances in one cluster count the same.
 */
export interface PlacementAppliance {
  readonly id: string;
  readonly capacityBytes: number;
}

export interface PlacementInput {
  readonly clusterId: string;
  /** What the cluster should hold, best first. */
  readonly items: readonly HoldItem[];
  /** By rendition: its id, which decides the order of appliances. */
  readonly idOf: (rendition: number) => string;
  readonly appliances: readonly PlacementAppliance[];
  /** Share of every disk, 0 to 1, that stays free for demand fill. */
  readonly reserveShare: number;
}

interface Candidate {
  readonly item: HoldItem;
  readonly rank: number;
  readonly worth: number;
  /** Appliances by number, the most suitable first. */
  readonly order: readonly number[];
  readonly holders: number[];
  /** How far down the order it has asked. */
  askedCount: number;
}

export function placeFiles(input: PlacementInput): ClusterPlacement {
  // By id, so that the result does not depend on the order of the fleet document.
  const appliances = input.appliances.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const freeBytes = Float64Array.from(appliances, ({ capacityBytes }) =>
    Math.floor(capacityBytes * (1 - input.reserveShare)),
  );
  const nodes = appliances.map(({ id, capacityBytes }) => ({ hash: hashOfText(id), weight: capacityBytes }));
  const candidates = input.items.map(
    (item, rank): Candidate => ({
      item,
      rank,
      worth: threeDigits(item.expectedBytes / Math.max(1, item.sizeBytes)),
      order: suitability(hashOfText(input.idOf(item.rendition)), nodes),
      holders: [],
      askedCount: 0,
    }),
  );
  for (const candidate of candidates) placeOne(candidate, freeBytes);
  placeFurtherCopies(
    candidates.filter(({ holders }) => holders.length > 0),
    freeBytes,
  );
  return asColumns(
    input.clusterId,
    appliances.map(({ id }) => id),
    candidates,
  );
}

/** Weighted rendezvous: the numbers of the appliances in the order in which they should hold this rendition. */
function suitability(key: number, nodes: readonly { readonly hash: number; readonly weight: number }[]): number[] {
  return nodes
    .map(({ hash, weight }, index) => ({ index, score: -weight / Math.log(unitOfPair(key, hash)) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map(({ index }) => index);
}

function asColumns(
  clusterId: string,
  applianceIds: readonly string[],
  candidates: readonly Candidate[],
): ClusterPlacement {
  const placed = candidates.filter(({ holders }) => holders.length > 0);
  const reasons = new Map<string, number>();
  const reason = Uint32Array.from(placed, ({ item }) => {
    const index = reasons.get(item.reason) ?? reasons.size;
    reasons.set(item.reason, index);
    return index;
  });
  const holderStart = new Uint32Array(placed.length + 1);
  for (const [entry, { holders }] of placed.entries())
    holderStart[entry + 1] = (holderStart[entry] ?? 0) + holders.length;
  return {
    clusterId,
    applianceIds,
    rendition: Uint32Array.from(placed, ({ item }) => item.rendition),
    isHead: Uint8Array.from(placed, ({ item }) => (item.part === 'head' ? 1 : 0)),
    sizeBytes: Float64Array.from(placed, ({ item }) => item.sizeBytes),
    expectedBytes: Float64Array.from(placed, ({ item }) => item.expectedBytes),
    peakBitsPerSec: Float64Array.from(placed, ({ item }) => item.peakBitsPerSec),
    rank: Uint32Array.from(placed, ({ rank }) => rank),
    itemCount: candidates.length,
    reason,
    reasons: [...reasons.keys()],
    holderStart,
    holders: Uint16Array.from(placed.flatMap(({ holders }) => holders)),
    leftOut: Uint32Array.from(
      candidates.filter(({ holders }) => holders.length === 0),
      ({ item }) => item.rendition,
    ),
  };
}

/** Beyond these digits a forecast is noise, which would swap equals with every cycle. */
const threeDigits = (worth: number): number => Number(worth.toPrecision(3));

function placeOne(candidate: Candidate, freeBytes: Float64Array): boolean {
  const { item, order, holders } = candidate;
  while (candidate.askedCount < order.length) {
    const appliance = order[candidate.askedCount] ?? 0;
    candidate.askedCount += 1;
    const free = freeBytes[appliance] ?? 0;
    if (free < item.sizeBytes) continue;
    freeBytes[appliance] = free - item.sizeBytes;
    holders.push(appliance);
    return true;
  }
  return false;
}

/** Seats by D'Hondt: the next copy goes to the largest worth / (copies + 1) until nobody finds room. */
function placeFurtherCopies(candidates: readonly Candidate[], freeBytes: Float64Array): void {
  const queue = candidates.map((candidate) => ({ candidate, claim: candidate.worth / 2 }));
  const before = (a: (typeof queue)[number], b: (typeof queue)[number]): boolean =>
    a.claim > b.claim || (a.claim === b.claim && a.candidate.rank < b.candidate.rank);
  for (let at = Math.floor(queue.length / 2); at >= 0; at--) sink(queue, at, before);
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
    sink(queue, 0, before);
  }
}

function sink<T>(heap: T[], from: number, before: (a: T, b: T) => boolean): void {
  let at = from;
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
