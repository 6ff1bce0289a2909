import type { Placer } from './placer.ts';

/**
 * Evens out what greedy placing leaves at full load: one machine has more of the peak than it can send, another has rate
 * to spare and full disks. Two items change places, a hot one from the first for a cooler one of about its size from the
 * second, each time the pair that moves most without overloading the second; or one just moves where there is room.
 *
 * It ends when nothing is overloaded by more than half a per cent of the peak, when nothing helps, or after some
 * exchanges per machine. In a cluster of 200,000 items everything is small, and there is hardly ever anything to do;
 * with few large items it is worth several per cent.
 */
const GOOD_ENOUGH = 0.002;
/** Machines that are not overloaded are brought together when they are as far apart: who is full has no rate for what suits it best. */
const MIN_APART = 0.05;
const EXCHANGES_PER_MACHINE = 60;
/** Where there are many items each is small: looking for pairs among them takes long and gives little. */
const MANY_ITEMS = 5000;
/** Items looked at on each side: the hottest of the loaded, a sample of the other. */
const CANDIDATES = 400;

export function relieveOverload(placer: Placer): void {
  const { machines, items } = placer;
  const peak = items.peakBitsPerSec.reduce((sum, rate) => sum + rate, 0);
  const rounds = machines.count * EXCHANGES_PER_MACHINE * Math.min(1, MANY_ITEMS / Math.max(1, items.count));
  const isStuck = new Uint8Array(machines.count * machines.count);
  for (let round = 0; round < rounds; round++) {
    const pair = worstPair(placer, isStuck);
    if (pair === undefined || overload(placer) <= GOOD_ENOUGH * peak) return;
    const exchange = bestExchange(placer, pair);
    if (exchange === undefined) {
      isStuck[pair.from * machines.count + pair.to] = 1;
      continue;
    }
    const { item, other } = exchange;
    const share = placer.take(item, pair.from);
    const otherShare = other === NOTHING ? 0 : placer.take(other, pair.to);
    placer.put(item, pair.to, share);
    if (other !== NOTHING) placer.put(other, pair.from, otherShare);
    for (const machine of [pair.from, pair.to]) {
      for (let each = 0; each < machines.count; each++) {
        isStuck[machine * machines.count + each] = 0;
        isStuck[each * machines.count + machine] = 0;
      }
    }
  }
}

const NOTHING = -1;

interface Pair {
  readonly from: number;
  readonly to: number;
  /** What the one has too much of and the other can take. */
  readonly rate: number;
}

const slackOf = ({ machines, loadBitsPerSec }: Placer, machine: number): number =>
  (machines.safeBitsPerSec[machine] ?? 0) - (loadBitsPerSec[machine] ?? 0);

function overload(placer: Placer): number {
  let sum = 0;
  for (let machine = 0; machine < placer.machines.count; machine++) sum += Math.max(0, -slackOf(placer, machine));
  return sum;
}

/** The pair that could move most, of those that are not known to have nothing to exchange. */
function worstPair(placer: Placer, isStuck: Uint8Array): Pair | undefined {
  const { count } = placer.machines;
  let worst: Pair | undefined;
  for (let from = 0; from < count; from++) {
    const slack = slackOf(placer, from);
    for (let to = 0; to < count; to++) {
      const spare = slackOf(placer, to);
      const apart = spare - slack;
      if (slack > 0 && apart < MIN_APART * (placer.machines.safeBitsPerSec[to] ?? 0)) continue;
      const rate = slack < 0 ? Math.min(-slack, spare) : apart / 2;
      if (rate <= (worst?.rate ?? 0) || isStuck[from * count + to] === 1) continue;
      worst = { from, to, rate };
    }
  }
  return worst;
}

/** What changes places: `item` goes to the one with rate to spare, `other` (or nothing) comes back. */
function bestExchange(placer: Placer, pair: Pair): { readonly item: number; readonly other: number } | undefined {
  const { sizeBytes } = placer.items;
  const { from, to, rate } = pair;
  const hot = hottest(placer, from, to);
  const cool = [NOTHING, ...sampled(placer, to, from)];
  const [freeFrom, freeTo] = [placer.freeBytes[from] ?? 0, placer.freeBytes[to] ?? 0];
  const [writesFrom, writesTo] = [placer.writesLeft(from), placer.writesLeft(to)];
  let best: { readonly item: number; readonly other: number } | undefined;
  let bestMoved = 0;
  for (const item of hot) {
    const share = placer.shareOf(item, from);
    if (share <= bestMoved) continue;
    const size = sizeBytes[item] ?? 0;
    if (size > writesTo && !placer.wasHeld(item, to)) continue;
    for (const other of cool) {
      const otherSize = other === NOTHING ? 0 : (sizeBytes[other] ?? 0);
      if (size > freeTo + otherSize || otherSize > freeFrom + size) continue;
      if (other !== NOTHING && otherSize > writesFrom && !placer.wasHeld(other, from)) continue;
      const difference = share - (other === NOTHING ? 0 : placer.shareOf(other, to));
      // More than what is needed helps less: beyond it the other machine has too much.
      const moved = difference <= rate ? difference : 2 * rate - difference;
      if (moved <= bestMoved) continue;
      bestMoved = moved;
      best = { item, other };
    }
  }
  return bestMoved > rate * 0.001 ? best : undefined;
}

function hottest(placer: Placer, machine: number, target: number): number[] {
  const held = heldOn(placer, machine).filter(
    (item) => !placer.isHeld(item, target) && placer.shareOf(item, machine) > 0,
  );
  if (held.length <= CANDIDATES) return held;
  return held.sort((a, b) => placer.shareOf(b, machine) - placer.shareOf(a, machine)).slice(0, CANDIDATES);
}

function sampled(placer: Placer, machine: number, target: number): number[] {
  const held = heldOn(placer, machine).filter((item) => !placer.isHeld(item, target));
  const step = Math.max(1, held.length / CANDIDATES);
  return Array.from({ length: Math.min(held.length, CANDIDATES) }, (_, at) => held[Math.floor(at * step)] ?? 0);
}

function heldOn(placer: Placer, machine: number): number[] {
  const held: number[] = [];
  for (let item = 0; item < placer.items.count; item++) if (placer.isHeld(item, machine)) held.push(item);
  return held;
}
