import { orderByScore } from '../hold/rank-order.ts';
import { AWAY_SHARE } from './machine-sections.ts';
import type { Placer } from './placer.ts';

/**
 * Room that is left takes further copies by what they save: the demand of an item times the chance that all its other
 * copies are away. So nearly everything gets its second copy before anything gets its third. A copy that is there already goes before one that is worth a little more and is not, because
 * every change is a fill. What nobody is expected to ask for comes last, and once everywhere.
 *
 * All claims are made beforehand and ordered once: a queue that is ordered anew after each of a million seats takes ten
 * times as long, and gives the same, since the claims of an item do not depend on others.
 */
const KEPT_LEAD = 1.5;
/** Below any worth: what nobody asks for still has an order. */
const LEAST = 1e-12;

export function placeSpareCopies(placer: Placer): void {
  const { items, machines } = placer;
  const claimants: number[] = [];
  const claims: number[] = [];
  const smallest = items.sizeBytes.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY);
  if (!placer.freeBytes.some((bytes) => bytes >= smallest)) return;
  for (let item = 0; item < items.count; item++) {
    const copies = placer.copiesOf(item);
    if (copies === machines.count) continue;
    const worth = Math.max(LEAST, (items.expectedBytes[item] ?? 0) / Math.max(1, items.sizeBytes[item] ?? 0));
    let kept = 0;
    for (let machine = 0; machine < machines.count; machine++)
      if (placer.wasHeld(item, machine) && !placer.isHeld(item, machine)) kept += 1;
    for (let next = copies + 1; next <= machines.count; next++) {
      claimants.push(item);
      claims.push(worth * AWAY_SHARE ** (next - 1) * (next - copies <= kept ? KEPT_LEAD : 1));
    }
  }
  const order = orderByScore(Float64Array.from(claims));
  // What is there already goes first, as far down as there is room for all: else the first new copy would take the
  // place of one that then has to move, and that one the place of the next.
  const isDone = new Uint8Array(claimants.length);
  let leftBytes = placer.freeBytes.reduce((sum, bytes) => sum + bytes, 0);
  for (const claim of order) {
    const item = claimants[claim] ?? 0;
    leftBytes -= items.sizeBytes[item] ?? 0;
    if (leftBytes < 0) break;
    isDone[claim] = putBack(placer, item) ? 1 : 0;
  }
  for (const claim of order) if (isDone[claim] === 0) placeOne(placer, claimants[claim] ?? 0);
}

/** One more copy of an item where it was before. @returns false when it was nowhere, or there is no room */
function putBack(placer: Placer, item: number): boolean {
  for (const machine of placer.suitable(item)) {
    if (!placer.wasHeld(item, machine) || placer.isHeld(item, machine) || !placer.canTake(item, machine)) continue;
    placer.put(item, machine, 0);
    return true;
  }
  return false;
}

/** One more copy of an item where it suits best. */
function placeOne(placer: Placer, item: number): void {
  if (putBack(placer, item)) return;
  for (const machine of placer.suitable(item)) {
    if (placer.isHeld(item, machine) || !placer.canTake(item, machine)) continue;
    placer.put(item, machine, 0);
    return;
  }
}
