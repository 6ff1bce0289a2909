/**
 * From a hash to numbers that may be meant: which slots may have a block, which record may be of a key.
 *
 * One thread writes, many look, and nobody waits. So what is found is a hint, no more: who looks compares what the number
 * stands for, and goes on to the next when it is another's. That allows the simplest table there is, open addressing with
 * steps of one, in shared memory.
 *
 * An entry that leaves is not marked as dead, its successors move up: the table is never rebuilt, which would stop the
 * owner for tens of milliseconds where there are a million slots. A reader who passes by at that moment may miss an entry
 * that moves from before him to behind him. He asks the owner then, as for every block that is not there, and is told
 * that it is: rare, and costs a message.
 *
 * Limits: the places are a power of two, at least twice as many as the entries, so that a search ends soon.
 */
const WORDS_PER_PLACE = 2;

/** No more numbers for this hash. */
export const NO_HINT = -1;
/** The place is another's: look at the next. */
export const NOT_THIS = -2;

export class HintTable {
  /** By place: the hash, then the number plus one; 0 where there is none. */
  readonly #words: Int32Array;
  readonly #mask: number;

  /** @param maxEntries as for `hintTableBytes`, which says how much of the buffer is taken */
  constructor(buffer: SharedArrayBuffer, byteOffset: number, maxEntries: number) {
    const places = placesFor(maxEntries);
    this.#words = new Int32Array(buffer, byteOffset, places * WORDS_PER_PLACE);
    this.#mask = places - 1;
  }

  /** What stands at the `probe`-th place for a hash: a number, NOT_THIS or, at the end, NO_HINT. */
  at(hash: number, probe: number): number {
    if (probe > this.#mask) return NO_HINT;
    const at = ((hash + probe) & this.#mask) * WORDS_PER_PLACE;
    const value = Atomics.load(this.#words, at + 1);
    if (value === 0) return NO_HINT;
    return this.#words[at] === (hash | 0) ? value - 1 : NOT_THIS;
  }

  /** Owner. Never more entries than the table was made for. */
  add(hash: number, value: number): void {
    let place = hash & this.#mask;
    while (this.#valueAt(place) !== 0) place = (place + 1) & this.#mask;
    this.#put(place, hash | 0, value + 1);
  }

  /** Owner. An entry that is not there is a bug, and throws. */
  remove(hash: number, value: number): void {
    let hole = hash & this.#mask;
    while (this.#valueAt(hole) !== value + 1) {
      if (this.#valueAt(hole) === 0) throw new Error(`no hint ${value} for ${hash}`);
      hole = (hole + 1) & this.#mask;
    }
    for (let next = (hole + 1) & this.#mask; this.#valueAt(next) !== 0; next = (next + 1) & this.#mask) {
      const home = this.#hashAt(next) & this.#mask;
      // One that would stand before the place where its search begins stays.
      if (((next - home) & this.#mask) < ((next - hole) & this.#mask)) continue;
      this.#put(hole, this.#hashAt(next), this.#valueAt(next));
      hole = next;
    }
    Atomics.store(this.#words, hole * WORDS_PER_PLACE + 1, 0);
  }

  #put(place: number, hash: number, value: number): void {
    const at = place * WORDS_PER_PLACE;
    this.#words[at] = hash;
    Atomics.store(this.#words, at + 1, value);
  }

  #hashAt(place: number): number {
    return this.#words[place * WORDS_PER_PLACE] ?? 0;
  }

  #valueAt(place: number): number {
    return this.#words[place * WORDS_PER_PLACE + 1] ?? 0;
  }
}

export const hintTableBytes = (maxEntries: number): number =>
  placesFor(maxEntries) * WORDS_PER_PLACE * Int32Array.BYTES_PER_ELEMENT;

const placesFor = (maxEntries: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, maxEntries) * 2));
