/**
 * Entries as columns of numbers, and lists of them as links between their indices: what a million objects would cost as
 * objects of their own, and the collector's time for them, is the reason. A slot is in one list at most; freed slots are
 * used again, the last freed first.
 */
const FIRST_CAPACITY = 64;
export const NONE = -1;

export class EntryTable {
  bytes = new Float64Array(FIRST_CAPACITY);
  hash = new Uint32Array(FIRST_CAPACITY);
  /** When it was used last, in uses of all; wraps around. */
  usedAt = new Uint32Array(FIRST_CAPACITY);
  /** When a use of it was counted last; so too. */
  countedAt = new Uint32Array(FIRST_CAPACITY);
  /** What the policy notes of an entry: a list, a counter, a mark. */
  note = new Uint8Array(FIRST_CAPACITY);
  /** Towards the end that leaves first. */
  older = new Int32Array(FIRST_CAPACITY);
  newer = new Int32Array(FIRST_CAPACITY);
  #usedSlots = 0;
  #freed = NONE;

  /** @returns a slot that is in no list */
  take(hash: number, bytes: number): number {
    let slot = this.#freed;
    if (slot === NONE) {
      slot = this.#usedSlots;
      this.#usedSlots += 1;
      if (slot === this.bytes.length) this.#grow();
    } else this.#freed = this.newer[slot] ?? NONE;
    this.bytes[slot] = bytes;
    this.hash[slot] = hash;
    this.note[slot] = 0;
    return slot;
  }

  free(slot: number): void {
    this.newer[slot] = this.#freed;
    this.#freed = slot;
  }

  #grow(): void {
    const length = this.bytes.length * 2;
    const grown = <A extends { set(from: A): void }>(from: A, to: A): A => {
      to.set(from);
      return to;
    };
    this.bytes = grown(this.bytes, new Float64Array(length));
    this.hash = grown(this.hash, new Uint32Array(length));
    this.usedAt = grown(this.usedAt, new Uint32Array(length));
    this.countedAt = grown(this.countedAt, new Uint32Array(length));
    this.note = grown(this.note, new Uint8Array(length));
    this.older = grown(this.older, new Int32Array(length));
    this.newer = grown(this.newer, new Int32Array(length));
  }
}

/** Entries of a table in an order, from the oldest, which leaves first, to the newest. Knows the sum of their bytes. */
export class EntryList {
  oldest = NONE;
  newest = NONE;
  bytes = 0;
  readonly #table: EntryTable;

  constructor(table: EntryTable) {
    this.#table = table;
  }

  /** As the newest. */
  add(slot: number): void {
    const { older, newer, bytes } = this.#table;
    older[slot] = this.newest;
    newer[slot] = NONE;
    if (this.newest === NONE) this.oldest = slot;
    else newer[this.newest] = slot;
    this.newest = slot;
    this.bytes += bytes[slot] ?? 0;
  }

  /** As the oldest. */
  addOldest(slot: number): void {
    const { older, newer, bytes } = this.#table;
    older[slot] = NONE;
    newer[slot] = this.oldest;
    if (this.oldest === NONE) this.newest = slot;
    else older[this.oldest] = slot;
    this.oldest = slot;
    this.bytes += bytes[slot] ?? 0;
  }

  remove(slot: number): void {
    const { older, newer, bytes } = this.#table;
    const before = older[slot] ?? NONE;
    const after = newer[slot] ?? NONE;
    if (before === NONE) this.oldest = after;
    else newer[before] = after;
    if (after === NONE) this.newest = before;
    else older[after] = before;
    this.bytes -= bytes[slot] ?? 0;
  }

  renew(slot: number): void {
    if (slot === this.newest) return;
    this.remove(slot);
    this.add(slot);
  }

  resize(slot: number, bytes: number): void {
    this.bytes += bytes - (this.#table.bytes[slot] ?? 0);
    this.#table.bytes[slot] = bytes;
  }
}
