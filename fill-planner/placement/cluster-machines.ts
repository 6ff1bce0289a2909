import { hashOfText } from '../../src/hashing/pair-hash.ts';
import type { ItemColumns, PlacementAppliance } from './placement-columns.ts';

/**
 * The machines of a cluster as numbers, in the order of their ids, so that nothing depends on that of the fleet document.
 *
 * What a machine is good for is the rate that it sends per stored byte. A flash server of 20 TB and 90 Gbit/s sends
 * twenty-five times as much per byte as a storage server of 200 TB and 36 Gbit/s, so it should hold what is asked
 * twenty-five times as often. Machines whose rate per byte is about the same are one group; items go through the groups
 * from the highest on.
 */
export interface ClusterMachines {
  readonly count: number;
  readonly ids: readonly string[];
  readonly hash: Int32Array;
  readonly plannedBytes: Float64Array;
  /** What it serves safely at the peak: stated, or in proportion to its disks. */
  readonly safeBitsPerSec: Float64Array;
  /** What it should be given of the peak at most: its part and a quarter more, and never more than is safe. */
  readonly wantedBitsPerSec: Float64Array;
  readonly writeBudgetBytes: Float64Array;
  /** 0 for those with the highest rate per stored byte. */
  readonly group: Uint8Array;
}

/** Faster machines are given more than their part of the peak, by as much: the others keep some to spare for them. */
const BOUND = 1.25;
/** Rates per byte within this factor are about the same. */
const ALIKE = 1.6;
/** Where nobody says what machines can send, they are taken to send twice what is expected. */
const ASSUMED_HEADROOM = 2;

export function machinesOf(appliances: readonly PlacementAppliance[], items: ItemColumns): ClusterMachines {
  const sorted = appliances.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const peak = items.peakBitsPerSec.reduce((sum, rate) => sum + rate, 0);
  const plannedBytes = Float64Array.from(sorted, (each) => each.plannedBytes);
  const safeBitsPerSec = safeRates(sorted, peak);
  const safe = safeBitsPerSec.reduce((sum, rate) => sum + rate, 0);
  const use = safe === 0 ? 1 : Math.min(1, peak / safe);
  return {
    count: sorted.length,
    ids: sorted.map(({ id }) => id),
    hash: Int32Array.from(sorted, ({ id }) => hashOfText(id)),
    plannedBytes,
    safeBitsPerSec,
    wantedBitsPerSec: safeBitsPerSec.map((rate) => rate * Math.min(1, use * BOUND)),
    writeBudgetBytes: Float64Array.from(sorted, ({ writeBudgetBytes }) => writeBudgetBytes ?? Number.POSITIVE_INFINITY),
    group: groupsOf(plannedBytes, safeBitsPerSec),
  };
}

/** What nobody stated is in proportion to the disks: like those that are stated, else twice the peak together. */
function safeRates(appliances: readonly PlacementAppliance[], peak: number): Float64Array {
  let statedRate = 0;
  let statedBytes = 0;
  let allBytes = 0;
  for (const { servingBitsPerSec, plannedBytes } of appliances) {
    allBytes += plannedBytes;
    if (servingBitsPerSec === undefined) continue;
    statedRate += servingBitsPerSec;
    statedBytes += plannedBytes;
  }
  const perByte =
    statedBytes > 0 ? statedRate / statedBytes : (ASSUMED_HEADROOM * Math.max(1, peak)) / Math.max(1, allBytes);
  return Float64Array.from(
    appliances,
    ({ servingBitsPerSec, plannedBytes }) => servingBitsPerSec ?? perByte * plannedBytes,
  );
}

function groupsOf(plannedBytes: Float64Array, safeBitsPerSec: Float64Array): Uint8Array {
  const ratio = safeBitsPerSec.map((rate, machine) => rate / Math.max(1, plannedBytes[machine] ?? 0));
  const order = Array.from(ratio.keys()).sort((a, b) => (ratio[b] ?? 0) - (ratio[a] ?? 0) || a - b);
  const group = new Uint8Array(ratio.length);
  let number = 0;
  let highest = ratio[order[0] ?? 0] ?? 0;
  for (const machine of order) {
    const own = ratio[machine] ?? 0;
    if (own * ALIKE < highest) {
      number += 1;
      highest = own;
    }
    group[machine] = number;
  }
  return group;
}
