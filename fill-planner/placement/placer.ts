import { hashOfText, unitOfPair } from '../../src/hashing/pair-hash.ts';
import type { HeldBefore } from '../plan/plan-facts.ts';
import type { ClusterMachines } from './cluster-machines.ts';
import { layOutSections, type MachineSections } from './machine-sections.ts';
import type { ItemColumns } from './placement-columns.ts';

const NOBODY = -1;
/** What a machine was told to hold before. */
const HELD_HEAD = 1;
const HELD_WHOLE = 2;

/**
 * Who holds what while a placement is made: room, load and writes of every machine, and the holders of every item. All
 * steps of a placement work on it, so none can put an item twice on a machine or more on a disk than it takes.
 */
export class Placer {
  readonly items: ItemColumns;
  readonly machines: ClusterMachines;
  readonly freeBytes: Float64Array;
  /** Peak rate that is meant for each machine. */
  readonly loadBitsPerSec: Float64Array;
  readonly sections: MachineSections;
  readonly #partOfMachine: number;
  readonly #writtenBytes: Float64Array;
  readonly #keys: Int32Array;
  /** 1 where item i is on machine m: at i x machines + m. */
  readonly #isHeld: Uint8Array;
  /** The peak rate of item i that is meant for machine m. */
  readonly #share: Float32Array;
  /** What of item i machine m was told to hold before. */
  readonly #heldBefore: Uint8Array;
  readonly #isNew: Uint8Array;
  readonly #copies: Uint16Array;
  /** Of what was kept, the rate that its copies do not serve. */
  readonly #unserved: Float64Array;
  /** The order of machines of item i: at i x machines, once it was asked for. */
  readonly #orders: Uint16Array;
  readonly #isOrdered: Uint8Array;
  readonly #scores: Float64Array;

  constructor(
    items: ItemColumns,
    machines: ClusterMachines,
    keys: readonly string[],
    held: { readonly before: ReadonlyMap<string, HeldBefore>; readonly rendition: Uint32Array },
    partOfMachine: number,
  ) {
    this.#partOfMachine = partOfMachine;
    this.items = items;
    this.machines = machines;
    this.freeBytes = machines.plannedBytes.slice();
    this.loadBitsPerSec = new Float64Array(machines.count);
    this.sections = layOutSections(items, machines);
    this.#writtenBytes = new Float64Array(machines.count);
    this.#keys = Int32Array.from(keys, hashOfText);
    this.#isHeld = new Uint8Array(items.count * machines.count);
    this.#share = new Float32Array(items.count * machines.count);
    this.#heldBefore = new Uint8Array(items.count * machines.count);
    this.#isNew = Uint8Array.from(machines.ids, (id) => ((held.before.get(id)?.rendition.length ?? 0) === 0 ? 1 : 0));
    this.#copies = new Uint16Array(items.count);
    this.#unserved = new Float64Array(items.count);
    this.#orders = new Uint16Array(items.count * machines.count);
    this.#isOrdered = new Uint8Array(items.count);
    this.#scores = new Float64Array(machines.count);
    this.#note(held.before, held.rendition);
  }

  copiesOf(item: number): number {
    return this.#copies[item] ?? 0;
  }

  isHeld(item: number, machine: number): boolean {
    return this.#isHeld[item * this.machines.count + machine] === 1;
  }

  /** Whether the machine was told to hold some of it before. */
  wasHeld(item: number, machine: number): boolean {
    return (this.#heldBefore[item * this.machines.count + machine] ?? 0) > 0;
  }

  /** The machines that hold an item, the most suitable first. */
  holdersOf(item: number): Uint16Array {
    return this.suitable(item).filter((machine) => this.isHeld(item, machine));
  }

  /** Every machine in the order in which it should hold the item: weighted rendezvous, group by group. */
  suitable(item: number): Uint16Array {
    const { count } = this.machines;
    const order = this.#orders.subarray(item * count, (item + 1) * count);
    if (this.#isOrdered[item] === 0) this.#orderMachines(item, order);
    return order;
  }

  #orderMachines(item: number, order: Uint16Array): void {
    const { count, hash, group, plannedBytes } = this.machines;
    const key = this.#keys[item] ?? 0;
    this.#isOrdered[item] = 1;
    for (let machine = 0; machine < count; machine++) {
      const score = -(plannedBytes[machine] ?? 0) / Math.log(unitOfPair(key, hash[machine] ?? 0));
      this.#scores[machine] = score;
      let at = machine;
      for (; at > 0; at--) {
        const before = order[at - 1] ?? 0;
        const isBefore =
          (group[before] ?? 0) < (group[machine] ?? 0) ||
          (group[before] === group[machine] && (this.#scores[before] ?? 0) >= score);
        if (isBefore) break;
        order[at] = before;
      }
      order[at] = machine;
    }
  }

  /** Leaves copies where they were, best items first, where items still belong in the section of the machine. */
  keep(): void {
    for (let item = 0; item < this.sections.admittedCount; item++) {
      if (!this.#wasAnywhere(item)) continue;
      let rest = this.items.peakBitsPerSec[item] ?? 0;
      for (const part of [HELD_WHOLE, HELD_HEAD]) {
        for (const machine of this.suitable(item)) {
          const isThere = this.#heldBefore[item * this.machines.count + machine] === part;
          if (!isThere || this.isHeld(item, machine) || !this.#hasRoom(item, machine)) continue;
          const isAtHome = this.#isInSection(item, machine) && (rest > 0 || this.copiesOf(item) === 0);
          const isSecond = this.#isHot(item) && this.copiesOf(item) < 2;
          if (!isAtHome && !isSecond) continue;
          // Within what is safe, not within bounds: these would drive out all that comes late, which is most bytes.
          const left = (this.machines.safeBitsPerSec[machine] ?? 0) - (this.loadBitsPerSec[machine] ?? 0);
          const share = isAtHome ? Math.min(rest, this.#pebble(item, machine), left > 0 ? left : rest) : 0;
          this.put(item, machine, share);
          rest -= share;
        }
      }
      this.#unserved[item] = rest;
    }
  }

  /**
   * Places what is not served yet, best items first: one copy of each, more where no machine takes all of its rate, and a
   * second one of what must not be lost.
   */
  place(): void {
    for (let item = 0; item < this.items.count; item++) {
      let rest = this.copiesOf(item) > 0 ? (this.#unserved[item] ?? 0) : (this.items.peakBitsPerSec[item] ?? 0);
      while (this.copiesOf(item) === 0 || rest > 0) {
        const machine = this.#choose(item, rest);
        if (machine === NOBODY) break;
        const left = this.#rateLeft(machine);
        const share = Math.min(rest, this.#pebble(item, machine), left > 0 ? left : rest);
        this.put(item, machine, share);
        rest -= share;
      }
      if (this.copiesOf(item) === 1 && this.#isHot(item)) this.#placeSecond(item);
    }
  }

  /** A copy that only serves when the other one is lost, where bytes are cheapest. */
  #placeSecond(item: number): void {
    const { group } = this.machines;
    let best = NOBODY;
    for (const machine of this.suitable(item)) {
      if (this.isHeld(item, machine) || !this.canTake(item, machine)) continue;
      if (best === NOBODY || (group[machine] ?? 0) > (group[best] ?? 0)) best = machine;
    }
    if (best !== NOBODY) this.put(item, best, 0);
  }

  #isHot(item: number): boolean {
    return this.machines.count > 1 && this.densityOf(item) >= this.sections.hotDensity;
  }

  #isInSection(item: number, machine: number): boolean {
    const group = this.machines.group[machine] ?? 0;
    const density = this.densityOf(item);
    return density >= (this.sections.lowest[group] ?? 0) && density <= (this.sections.highest[group] ?? 0);
  }

  /**
   * The machine that should take one more copy: the most suitable with room that can serve all that is left of its
   * rate, else the one that can serve most of it, if that is worth the bytes. A first copy goes to the least loaded
   * when nobody has rate left: not every hour is the busiest.
   */
  #choose(item: number, rest: number): number {
    let most = NOBODY;
    let mostRate = 0;
    let least = NOBODY;
    let leastUse = Number.POSITIVE_INFINITY;
    for (const machine of this.suitable(item)) {
      if (this.isHeld(item, machine) || !this.canTake(item, machine)) continue;
      const left = this.#rateLeft(machine);
      if (left >= Math.min(rest, this.#pebble(item, machine))) return machine;
      if (left > mostRate) {
        most = machine;
        mostRate = left;
      }
      const use = (this.loadBitsPerSec[machine] ?? 0) / Math.max(1, this.machines.safeBitsPerSec[machine] ?? 1);
      // Later groups have more disk to spare for what cannot be served at the peak.
      if (use > leastUse) continue;
      least = machine;
      leastUse = use;
    }
    const isWorthIt = mostRate / Math.max(1, this.items.sizeBytes[item] ?? 0) > this.sections.lastDensity;
    if (most !== NOBODY && (isWorthIt || this.copiesOf(item) === 0)) return most;
    return this.copiesOf(item) === 0 ? least : NOBODY;
  }

  /**
   * The most of an item's rate that one machine should be meant for: a part of what it can send, so that rocks become
   * pebbles that can be laid evenly, but no less than a copy has to serve to be worth its bytes there.
   */
  #pebble(item: number, machine: number): number {
    const border = this.sections.border[this.machines.group[machine] ?? 0] ?? 0;
    const worthIt = border * (this.items.sizeBytes[item] ?? 0);
    return Math.max(this.#partOfMachine * (this.machines.safeBitsPerSec[machine] ?? 0), worthIt);
  }

  /** Peak rate per byte. */
  densityOf(item: number): number {
    return (this.items.peakBitsPerSec[item] ?? 0) / Math.max(1, this.items.sizeBytes[item] ?? 0);
  }

  #rateLeft(machine: number): number {
    return (this.sections.boundBitsPerSec[machine] ?? 0) - (this.loadBitsPerSec[machine] ?? 0);
  }

  /** Room on the disk and, where it has to be fetched, writes left for today. A machine that is empty is filled. */
  canTake(item: number, machine: number): boolean {
    if (!this.#hasRoom(item, machine)) return false;
    return this.wasHeld(item, machine) || (this.items.sizeBytes[item] ?? 0) <= this.writesLeft(machine);
  }

  /** Puts a copy on a machine and means so much of the item's peak rate for it. */
  put(item: number, machine: number, share: number): void {
    const at = item * this.machines.count + machine;
    const size = this.items.sizeBytes[item] ?? 0;
    this.#isHeld[at] = 1;
    this.#share[at] = share;
    this.#copies[item] = (this.#copies[item] ?? 0) + 1;
    add(this.freeBytes, machine, -size);
    add(this.loadBitsPerSec, machine, this.#share[at] ?? 0);
    if (!this.wasHeld(item, machine)) add(this.#writtenBytes, machine, size);
  }

  /** Takes a copy away again. @returns the rate that was meant for it */
  take(item: number, machine: number): number {
    const at = item * this.machines.count + machine;
    const size = this.items.sizeBytes[item] ?? 0;
    const share = this.#share[at] ?? 0;
    this.#isHeld[at] = 0;
    this.#share[at] = 0;
    this.#copies[item] = (this.#copies[item] ?? 0) - 1;
    add(this.freeBytes, machine, size);
    add(this.loadBitsPerSec, machine, -share);
    if (!this.wasHeld(item, machine)) add(this.#writtenBytes, machine, -size);
    return share;
  }

  /** Of what is meant for the machines, the rate that they can send. */
  servedBitsPerSec(): number {
    const { safeBitsPerSec } = this.machines;
    return this.loadBitsPerSec.reduce((sum, load, machine) => sum + Math.min(load, safeBitsPerSec[machine] ?? 0), 0);
  }

  /** The peak rate of an item that is meant for a machine. */
  shareOf(item: number, machine: number): number {
    return this.#share[item * this.machines.count + machine] ?? 0;
  }

  /** What may still be written to a machine today. */
  writesLeft(machine: number): number {
    if (this.#isNew[machine] === 1) return Number.POSITIVE_INFINITY;
    return (this.machines.writeBudgetBytes[machine] ?? 0) - (this.#writtenBytes[machine] ?? 0);
  }

  #hasRoom(item: number, machine: number): boolean {
    return (this.freeBytes[machine] ?? 0) >= (this.items.sizeBytes[item] ?? 0);
  }

  #wasAnywhere(item: number): boolean {
    const from = item * this.machines.count;
    for (let at = from; at < from + this.machines.count; at++) if ((this.#heldBefore[at] ?? 0) > 0) return true;
    return false;
  }

  #note(before: ReadonlyMap<string, HeldBefore>, rendition: Uint32Array): void {
    if (before.size === 0) return;
    const itemOf = new Int32Array(rendition.reduce((most, each) => Math.max(most, each), 0) + 1).fill(NOBODY);
    for (let item = 0; item < rendition.length; item++) itemOf[rendition[item] ?? 0] = item;
    for (const [machine, id] of this.machines.ids.entries()) {
      const held = before.get(id);
      if (held === undefined) continue;
      for (let at = 0; at < held.rendition.length; at++) {
        const item = itemOf[held.rendition[at] ?? 0] ?? NOBODY;
        if (item === NOBODY) continue;
        this.#heldBefore[item * this.machines.count + machine] = held.isHead[at] === 1 ? HELD_HEAD : HELD_WHOLE;
      }
    }
  }
}

function add(column: Float64Array, index: number, value: number): void {
  column[index] = (column[index] ?? 0) + value;
}
