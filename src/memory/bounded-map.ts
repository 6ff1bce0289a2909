/**
 * A map of at most so many entries: the one that was set longest ago makes room.
 *
 * A `Map` keeps its entries in the order in which they were set, so the oldest is the first of it. Asking a fresh
 * iterator for the first is the obvious way, and it is slow: V8 leaves a hole where an entry was deleted until it
 * rebuilds the table, so a full map that forgets from the front walks over all holes each time (200,000 entries:
 * 400 us for each new one). One iterator that is kept stands behind the holes: 4 us. It never has an entry behind it,
 * because what it passes is deleted at once and what is set again goes to the end.
 */
export class BoundedMap<K, V> {
  readonly #maxEntries: number;
  readonly #entries = new Map<K, V>();
  #oldestFirst = this.#entries.keys();

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
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxEntries) return;
    const oldest = this.#oldestFirst.next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#oldestFirst = this.#entries.keys();
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
}
