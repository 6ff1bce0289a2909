/**
 * A map of at most so many entries: the one that was set longest ago makes room.
 *
 * A `Map` keeps its entries in the order in which they were set, so the oldest is the first of it. Asking a fresh
 * iterator for the first is the obvious way, and it is slow: V8 leaves a hole where an entry was deleted until it
 * rebuilds the table, so a full map that forgets from the front walks over all holes each time (200,000 entries:
 * 400 us for each new one). One iterator that is kept stands behind the holes: 4 us. It never has an entry behind it,
 * because what it passes is deleted at once and what is set again goes to the end.
 *
 * An iterator that stands still has a price, too. V8 rebuilds the table after about as many changes as it has entries,
 * and each old table, with all that was in it, stays for who still stands in it. While nothing has to make room nobody
 * moves the iterator, and every change costs 40 bytes for good: a million uses of 300 entries took 38 MiB. So it begins
 * anew after as many changes as there are entries: at most the tables of one round are kept, and its way over the holes
 * is paid for by the round.
 */
export class BoundedMap<K, V> {
  readonly #maxEntries: number;
  readonly #entries = new Map<K, V>();
  #oldestFirst = this.#entries.keys();
  /** Since the iterator began. */
  #changes = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Like `get`; the entry is as if it had been set now. */
  use(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxEntries) return;
    const oldest = this.#oldestFirst.next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }

  delete(key: K): void {
    this.#entries.delete(key);
    this.#changes += 1;
    if (this.#changes > this.#entries.size) this.#beginAnew();
  }

  clear(): void {
    this.#entries.clear();
    this.#beginAnew();
  }

  /** In the order in which they were set. */
  keys(): IterableIterator<K> {
    return this.#entries.keys();
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }

  #beginAnew(): void {
    this.#oldestFirst = this.#entries.keys();
    this.#changes = 0;
  }
}
