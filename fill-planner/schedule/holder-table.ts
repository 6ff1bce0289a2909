/**
 * Who of a site holds what, in two arrays: of 200,000 renditions with five holders each a map of strings takes 150 MB,
 * this takes 3. What is held is told by its slot: a rendition, or its head as a thing of its own.
 */
export interface HolderTable {
  /** Holders of slot s stand in `holders` from `offsets[s]` to before `offsets[s + 1]`; one longer than there are slots. */
  readonly offsets: Uint32Array;
  /** Indices of the site's appliances, in the order of placement. */
  readonly holders: Uint16Array;
  /** Slots that somebody holds, best first. */
  readonly order: Uint32Array;
  /** Bytes that a holder takes, by slot. */
  readonly sizeBytes: Float64Array;
}

/** What one cluster holds: columns by entry, best first, as a placement has them. */
export interface HeldEntries {
  /** Index of the rendition. */
  readonly rendition: Uint32Array;
  readonly isHead: Uint8Array;
  readonly sizeBytes: Float64Array;
  /** Holders of entry e: `holders[holderStart[e]]` to before `holders[holderStart[e + 1]]`. */
  readonly holderStart: Uint32Array;
  /** Indices of the cluster's appliances. */
  readonly holders: Uint16Array;
}

export const slotOf = (rendition: number, isHead: boolean): number => rendition * 2 + (isHead ? 1 : 0);
export const renditionOf = (slot: number): number => slot >> 1;

/** @param clusters of one site, each with the index that its first appliance has among the site's */
export function holderTable(
  renditionCount: number,
  clusters: readonly { readonly entries: HeldEntries; readonly firstAppliance: number }[],
): HolderTable {
  const slotCount = renditionCount * 2;
  const offsets = new Uint32Array(slotCount + 1);
  const sizeBytes = new Float64Array(slotCount);
  const bestRank = new Float64Array(slotCount).fill(Number.POSITIVE_INFINITY);
  forEachEntry(clusters, (slot, entry, { entries }) => {
    offsets[slot + 1] =
      (offsets[slot + 1] ?? 0) + (entries.holderStart[entry + 1] ?? 0) - (entries.holderStart[entry] ?? 0);
    sizeBytes[slot] = entries.sizeBytes[entry] ?? 0;
    bestRank[slot] = Math.min(bestRank[slot] ?? 0, entry);
  });
  for (let slot = 0; slot < slotCount; slot += 1) offsets[slot + 1] = (offsets[slot + 1] ?? 0) + (offsets[slot] ?? 0);
  const next = offsets.slice();
  const holders = new Uint16Array(offsets[slotCount] ?? 0);
  forEachEntry(clusters, (slot, entry, { entries, firstAppliance }) => {
    for (let at = entries.holderStart[entry] ?? 0; at < (entries.holderStart[entry + 1] ?? 0); at += 1) {
      const to = next[slot] ?? 0;
      holders[to] = firstAppliance + (entries.holders[at] ?? 0);
      next[slot] = to + 1;
    }
  });
  return { offsets, holders, sizeBytes, order: heldSlots(offsets, bestRank) };
}

type PlacedEntries = Parameters<typeof holderTable>[1][number];

function forEachEntry(
  clusters: readonly PlacedEntries[],
  visit: (slot: number, entry: number, cluster: PlacedEntries) => void,
): void {
  for (const cluster of clusters) {
    const { rendition, isHead } = cluster.entries;
    for (let entry = 0; entry < rendition.length; entry += 1) {
      visit(slotOf(rendition[entry] ?? 0, isHead[entry] === 1), entry, cluster);
    }
  }
}

/** By the best place that a slot has in any cluster; of equals the lower slot first. */
function heldSlots(offsets: Uint32Array, bestRank: Float64Array): Uint32Array {
  const slots: number[] = [];
  for (let slot = 0; slot + 1 < offsets.length; slot += 1) {
    if ((offsets[slot + 1] ?? 0) > (offsets[slot] ?? 0)) slots.push(slot);
  }
  slots.sort((a, b) => (bestRank[a] ?? 0) - (bestRank[b] ?? 0) || a - b);
  return Uint32Array.from(slots);
}
