import { orderByScore } from '../hold/rank-order.ts';
import type { ClusterMachines } from './cluster-machines.ts';
import type { ItemColumns } from './placement-columns.ts';

/**
 * Which part of the list belongs to which group of machines, found by laying the list out once over whole groups: the
 * best items to the group with the highest rate per byte, until its disks or its rate are full, and so on.
 *
 * What comes of it are borders, as peak rate per stored byte: a copy that is there stays while its item is near its
 * section (within a factor of two), so that a launch of last month does not keep its place on flash for ever, and noise
 * at a border moves nothing. And the density of the last item that finds room is what a byte of disk is worth here: a
 * further copy has to be worth more.
 */
export interface MachineSections {
  /** By group: what an item must be asked for per byte to stay in it, and from where on it should be in a faster one. */
  readonly lowest: Float64Array;
  readonly highest: Float64Array;
  /** By group: peak rate per byte of the last item of its section. */
  readonly border: Float64Array;
  /** Peak rate per byte of the last item that finds room, each with one copy; 0 where all do. */
  readonly lastDensity: number;
  /** From here on an item must be on two machines; where all find room, as many as fit besides. */
  readonly hotDensity: number;
  /** By machine: what placing gives it at most of the peak, its part of what its group has and some more. */
  readonly boundBitsPerSec: Float64Array;
  /** Items from the first on that find room. */
  readonly admittedCount: number;
}

const SLACK = 2;
/**
 * One machine in twenty is taken to be away; an item with one copy is then not served. A second copy saves that part of
 * its demand and displaces its bytes of the tail, so it is worth its place where the item is asked for twenty times as
 * often per byte as the last one that finds room.
 */
export const AWAY_SHARE = 0.05;
/** As in consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016), but per group: what one does not take, the next of the same kind does. */
const BOUND = 1.1;

export function layOutSections(items: ItemColumns, machines: ClusterMachines): MachineSections {
  const groups = Math.max(0, ...machines.group) + 1;
  const freeBytes = new Float64Array(groups);
  const freeRate = new Float64Array(groups);
  const safeRate = new Float64Array(groups);
  for (const [machine, group] of machines.group.entries()) {
    freeBytes[group] = (freeBytes[group] ?? 0) + (machines.plannedBytes[machine] ?? 0);
    safeRate[group] = (safeRate[group] ?? 0) + (machines.safeBitsPerSec[machine] ?? 0);
    freeRate[group] = (freeRate[group] ?? 0) + (machines.wantedBitsPerSec[machine] ?? 0);
  }
  const lowest = new Float64Array(groups);
  const highest = new Float64Array(groups).fill(Number.POSITIVE_INFINITY);
  const laidRate = freeRate.slice();
  const border = new Float64Array(groups);
  let group = 0;
  let lastDensity = 0;
  let leftBytes = freeBytes.reduce((sum, bytes) => sum + bytes, 0);
  let admittedCount = 0;
  for (let item = 0; item < items.count; item++) {
    const size = items.sizeBytes[item] ?? 0;
    const peak = items.peakBitsPerSec[item] ?? 0;
    leftBytes -= size;
    if (leftBytes < 0) {
      lastDensity = firstDensityFrom(items, item);
      break;
    }
    admittedCount = item + 1;
    while (group + 1 < groups && ((freeBytes[group] ?? 0) < size || (freeRate[group] ?? 0) < peak)) {
      const density = firstDensityFrom(items, item);
      lowest[group] = density / SLACK;
      border[group] = density;
      group += 1;
      highest[group] = density * SLACK;
    }
    freeBytes[group] = (freeBytes[group] ?? 0) - size;
    freeRate[group] = (freeRate[group] ?? 0) - peak;
  }
  border.fill(lastDensity, group);
  const boundBitsPerSec = machines.safeBitsPerSec.map((safe, machine) => {
    const of = machines.group[machine] ?? 0;
    const taken = (laidRate[of] ?? 0) - (freeRate[of] ?? 0);
    return safe * Math.min(1, (BOUND * taken) / Math.max(1, safeRate[of] ?? 0));
  });
  // What nobody asks for is never worth a second copy.
  const hotDensity = Math.max(
    leftBytes < 0 ? lastDensity / AWAY_SHARE : densityWithin(items, leftBytes),
    Number.MIN_VALUE,
  );
  return { lowest, highest, border, lastDensity, hotDensity, boundBitsPerSec, admittedCount };
}

const densityOf = ({ sizeBytes, peakBitsPerSec }: ItemColumns, item: number): number =>
  (peakBitsPerSec[item] ?? 0) / Math.max(1, sizeBytes[item] ?? 0);

/** Of an item, or of the first one after it that is asked for: manifests stand before what they are for. */
function firstDensityFrom(items: ItemColumns, from: number): number {
  for (let item = from; item < items.count; item++) {
    const density = densityOf(items, item);
    if (density > 0) return density;
  }
  return 0;
}

/**
 * Peak rate per byte of the last of those items most asked for per byte that together take no more than so many bytes;
 * infinite for none. The list itself goes by worth, with pins and manifests in front that may hardly be asked for: taken
 * in its order, one of them would make everything behind it hot, and second copies of half would push out the rest.
 */
function densityWithin(items: ItemColumns, limitBytes: number): number {
  let leftBytes = limitBytes;
  let lowest = Number.POSITIVE_INFINITY;
  const densities = Float64Array.from(items.sizeBytes, (_, item) => densityOf(items, item));
  for (const item of orderByScore(densities)) {
    leftBytes -= items.sizeBytes[item] ?? 0;
    if (leftBytes < 0) break;
    lowest = Math.min(lowest, densities[item] ?? 0);
  }
  return lowest;
}
