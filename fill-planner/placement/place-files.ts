import type { ClusterPlacement, HeldBefore, HoldItem } from '../plan/plan-facts.ts';
import { type ClusterMachines, machinesOf } from './cluster-machines.ts';
import type { ItemColumns, PlacementAppliance } from './placement-columns.ts';
import { Placer } from './placer.ts';
import { relieveOverload } from './relieve-overload.ts';
import { placeSpareCopies } from './spare-copies.ts';

/**
 * Which appliances of a cluster shall hold what the cluster should hold.
 *
 * Items come best first by worth per stored byte, and taking them in that order is the greedy answer to the knapsack.
 * Alone it is wrong four times: a machine full of the most popular is asked for more than it can send, while one with
 * ten times its disks sends nothing; whatever lies on one machine is lost with it; tomorrow's small changes of order
 * would move everything; and so would every machine that is added or lost.
 *
 *   machines   by the rate that they send per stored byte: the hottest items go where that is highest, the tail where
 *              disks are large (machine-sections); among alike by weighted rendezvous, so that everybody gets his share
 *              and every item has an order of its own
 *   copies     by expected peak rate over what one machine should send of one item; and two at least of what is so much
 *              in demand that its loss would cost more than the tail that the second copy displaces
 *   bounds     nobody is given more than a tenth above the part of his kind; what would be goes to the next
 *   what is    copies of what still belongs to the cluster stay where they are, before anything new is placed. So a
 *              machine that comes or goes moves its own part, and a change of order moves nothing
 *   relief     where the peak still does not fit, hot and cool items change places (relieve-overload)
 *   spare      room that is left takes further copies (spare-copies). A catalogue that fits everywhere ends up everywhere
 *
 * Within 2 % of the bound by linear programming, see `npm run bench -- plan`.
 *
 * Limits: one machine's disks count as one. Who asks whom at the peak is steering's: that it goes by load and not by
 * halves is taken for granted.
 */
export interface PlacementInput {
  readonly clusterId: string;
  /** What the cluster should hold, best first; one item for a rendition. */
  readonly items: readonly HoldItem[];
  /** By rendition: its id, which decides the order of appliances. */
  readonly idOf: (rendition: number) => string;
  readonly appliances: readonly PlacementAppliance[];
  /** By appliance; nothing for those that are new. */
  readonly heldBefore?: ReadonlyMap<string, HeldBefore> | undefined;
}

export function placeFiles(input: PlacementInput): ClusterPlacement {
  const items = itemColumns(input.items);
  const machines = machinesOf(input.appliances, items);
  const placer = bestOf(input, items, machines);
  placeSpareCopies(placer);
  return asColumns(input, machines, placer);
}

/** The largest part of one machine's rate that one item should be, as long as a copy is worth its bytes. */
const PARTS = [0.25, 0.5, 1];
const GOOD_ENOUGH = 0.99;

/**
 * Small parts are laid most evenly and take most copies, which with few large items costs more than it gives; so larger
 * ones are tried while not all that could be served is.
 */
function bestOf(input: PlacementInput, items: ItemColumns, machines: ClusterMachines): Placer {
  const keys = keysOf(input);
  const held = {
    before: input.heldBefore ?? new Map<string, HeldBefore>(),
    rendition: Uint32Array.from(input.items, ({ rendition }) => rendition),
  };
  let best: Placer | undefined;
  for (const part of PARTS) {
    const placer = new Placer(items, machines, keys, held, part);
    placer.keep();
    placer.place();
    relieveOverload(placer);
    if (best === undefined || placer.servedBitsPerSec() > best.servedBitsPerSec()) best = placer;
    if (best.servedBitsPerSec() >= GOOD_ENOUGH * servableRate(items, machines)) break;
  }
  if (best === undefined) throw new Error('nothing was tried');
  return best;
}

/** No placement serves more than all that is asked for, or than all machines can send. */
function servableRate({ peakBitsPerSec }: ItemColumns, { safeBitsPerSec }: ClusterMachines): number {
  const sum = (column: Float64Array): number => column.reduce((all, rate) => all + rate, 0);
  return Math.min(sum(peakBitsPerSec), sum(safeBitsPerSec));
}

function itemColumns(items: readonly HoldItem[]): ItemColumns {
  return {
    count: items.length,
    sizeBytes: Float64Array.from(items, ({ sizeBytes }) => sizeBytes),
    peakBitsPerSec: Float64Array.from(items, ({ peakBitsPerSec }) => peakBitsPerSec),
    expectedBytes: Float64Array.from(items, ({ expectedBytes }) => expectedBytes),
  };
}

const keysOf = ({ items, idOf }: PlacementInput): string[] => items.map(({ rendition }) => idOf(rendition));

function asColumns(input: PlacementInput, { ids }: ClusterMachines, placer: Placer): ClusterPlacement {
  const { items } = input;
  const placed: number[] = [];
  const leftOut: number[] = [];
  for (const [index, { rendition }] of items.entries()) {
    if (placer.copiesOf(index) > 0) placed.push(index);
    else leftOut.push(rendition);
  }
  const reasons = new Map<string, number>();
  const reason = Uint32Array.from(placed, (index) => {
    const text = items[index]?.reason ?? '';
    const number = reasons.get(text) ?? reasons.size;
    reasons.set(text, number);
    return number;
  });
  const holderStart = new Uint32Array(placed.length + 1);
  for (const [entry, index] of placed.entries())
    holderStart[entry + 1] = (holderStart[entry] ?? 0) + placer.copiesOf(index);
  const holders = new Uint16Array(holderStart[placed.length] ?? 0);
  for (const [entry, index] of placed.entries()) holders.set(placer.holdersOf(index), holderStart[entry]);
  const { sizeBytes, expectedBytes, peakBitsPerSec } = placer.items;
  return {
    clusterId: input.clusterId,
    applianceIds: ids,
    rendition: Uint32Array.from(placed, (index) => items[index]?.rendition ?? 0),
    isHead: Uint8Array.from(placed, (index) => (items[index]?.part === 'head' ? 1 : 0)),
    sizeBytes: Float64Array.from(placed, (index) => sizeBytes[index] ?? 0),
    expectedBytes: Float64Array.from(placed, (index) => expectedBytes[index] ?? 0),
    peakBitsPerSec: Float64Array.from(placed, (index) => peakBitsPerSec[index] ?? 0),
    rank: Uint32Array.from(placed),
    itemCount: items.length,
    reason,
    reasons: [...reasons.keys()],
    holderStart,
    holders,
    leftOut: Uint32Array.from(leftOut),
  };
}
