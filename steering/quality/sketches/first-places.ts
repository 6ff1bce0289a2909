import type { KeyedHash } from '../../../src/hashing/keyed-hash.ts';
import { SlotTable } from '../../../src/memory/slot-table.ts';

/**
 * Who has fled. A player that was put first on one appliance and, within the time it was to stay, asks from another
 * one, has found the first one failing: players change pathway on their own for no other reason. It is the only report
 * that players without CMCD make.
 *
 * Two things look like it and are not. A player may not know how to use an appliance that its manifest did not declare,
 * so only appliances count that it declared or that it was seen to use. And a new order takes a moment to be followed,
 * so a player that was never seen on the new first place is only late, unless it was declared.
 *
 * Sessions are kept by keyed hash, in columns of numbers (slot-table), the oldest making room. Pathways are hashes as
 * well, because a player may invent them; only the first place, which steering chose, is kept by its name.
 */
const MAX_USABLE = 8;
/** Names of first places: appliances, of which a fleet has thousands. */
const MAX_NAMES = 65_536;

export class FirstPlaces {
  readonly #hash: KeyedHash;
  readonly #staysMs: number;
  readonly #slots: SlotTable;
  readonly #firsts: Uint32Array;
  readonly #usable: Uint32Array;
  #names: string[] = [];
  #numbers = new Map<string, number>();

  /** @param staysMs how long after an answer a change of pathway counts: a little more than players keep it */
  constructor(hash: KeyedHash, maxSessions: number, staysMs: number) {
    this.#hash = hash;
    this.#staysMs = staysMs;
    this.#slots = new SlotTable(maxSessions);
    this.#firsts = new Uint32Array(this.#slots.size);
    this.#usable = new Uint32Array(this.#slots.size * MAX_USABLE);
  }

  /** A manifest declares these, and play begins at the first. */
  declared(session: number, ids: readonly string[], nowMs: number): void {
    const [first] = ids;
    if (first === undefined) return;
    const slot = this.#place(session, first, nowMs);
    const usable = this.#usableOf(slot).fill(0);
    for (const [at, id] of ids.slice(0, MAX_USABLE).entries()) usable[at] = this.#pathway(id);
  }

  /** An answer puts this one first. */
  put(session: number, first: string, nowMs: number): void {
    this.#place(session, first, nowMs);
  }

  /** @param used the pathways that the session reports to use. @returns the appliance that it fled from */
  fledFrom(session: number, used: readonly string[], nowMs: number): string | undefined {
    const slot = this.#slots.find(session);
    if (slot === -1 || used.length === 0) return undefined;
    const first = this.#names[this.#firsts[slot] ?? 0];
    if (first === undefined) return undefined;
    const usable = this.#usableOf(slot);
    const couldUseFirst = usable.includes(this.#pathway(first));
    for (const id of used) {
      const pathway = this.#pathway(id);
      if (usable.includes(pathway)) continue;
      usable.copyWithin(1, 0);
      usable[0] = pathway;
    }
    if (used.includes(first) || !couldUseFirst || nowMs - this.#slots.stampOf(slot) > this.#staysMs) return undefined;
    return first;
  }

  #place(session: number, first: string, nowMs: number): number {
    let slot = this.#slots.find(session);
    if (slot === -1) {
      slot = this.#slots.claim(session, nowMs);
      this.#usableOf(slot).fill(0);
    } else this.#slots.stamp(slot, nowMs);
    this.#firsts[slot] = this.#numberOf(first);
    return slot;
  }

  #usableOf(slot: number): Uint32Array {
    return this.#usable.subarray(slot * MAX_USABLE, (slot + 1) * MAX_USABLE);
  }

  /** Never 0, which is no pathway. */
  #pathway(id: string): number {
    return this.#hash.ofText(id) || 1;
  }

  #numberOf(first: string): number {
    const known = this.#numbers.get(first);
    if (known !== undefined) return known;
    if (this.#names.length >= MAX_NAMES) {
      // Years of appliances: who was put first under an old number is asked about another one once.
      this.#names = [];
      this.#numbers = new Map();
    }
    this.#names.push(first);
    this.#numbers.set(first, this.#names.length - 1);
    return this.#names.length - 1;
  }
}
