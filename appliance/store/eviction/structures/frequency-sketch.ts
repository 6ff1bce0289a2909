import { scrambled } from './hash-of-key.ts';

/**
 * About how often a hash was seen lately, in a few bits per hash: a count-min sketch of four rows whose counters stop at
 * 15, and are halved after every so many additions, so that what was popular last week has to earn it again (TinyLFU:
 * Einziger, Friedman and Manes, ToS 2017). In front of it a Bloom filter takes the first sighting, so that the many
 * that come once do not fill the counters; it is emptied with each halving.
 *
 * Estimates are never too low since the last halving, and too high by rare collisions.
 */
const ROWS = 4;
const MAX_COUNT = 15;
/** Additions between two halvings, per counter of a row. With BITS_PER_COUNTER at most one filter answer in 20 is wrong. */
const PERIOD_PER_COUNTER = 2;
const BITS_PER_COUNTER = 16;

export class FrequencySketch {
  #counters: Uint8Array;
  #seen: Uint32Array;
  #width: number;
  #additions = 0;

  /** @param width counters per row, a power of two, at least 32: about as many as hashes to be told apart */
  constructor(width: number) {
    this.#counters = new Uint8Array(width * ROWS);
    this.#seen = new Uint32Array((width * BITS_PER_COUNTER) / 32);
    this.#width = width;
  }

  get width(): number {
    return this.#width;
  }

  add(hash: number): void {
    this.#additions += 1;
    if (this.#additions >= this.#width * PERIOD_PER_COUNTER) this.#age();
    if (!this.#see(hash)) return;
    const smallest = this.#smallest(hash);
    if (smallest === MAX_COUNT) return;
    // Only the smallest counters move: the others are collisions already.
    for (let row = 0; row < ROWS; row += 1) {
      const index = this.#indexOf(hash, row);
      if (this.#counters[index] === smallest) this.#counters[index] = smallest + 1;
    }
  }

  /** 0 to 16. */
  estimate(hash: number): number {
    return this.#smallest(hash) + (this.#hasSeen(hash) ? 1 : 0);
  }

  /** Twice as wide. Every hash keeps its estimate: the half it looks at now is a copy of what it looked at before. */
  grow(): void {
    const counters = new Uint8Array(this.#counters.length * 2);
    for (let row = 0; row < ROWS; row += 1) {
      const old = this.#counters.subarray(row * this.#width, (row + 1) * this.#width);
      counters.set(old, 2 * row * this.#width);
      counters.set(old, (2 * row + 1) * this.#width);
    }
    const seen = new Uint32Array(this.#seen.length * 2);
    seen.set(this.#seen);
    seen.set(this.#seen, this.#seen.length);
    this.#counters = counters;
    this.#seen = seen;
    this.#width *= 2;
  }

  #smallest(hash: number): number {
    let smallest = MAX_COUNT;
    for (let row = 0; row < ROWS; row += 1) {
      smallest = Math.min(smallest, this.#counters[this.#indexOf(hash, row)] ?? 0);
    }
    return smallest;
  }

  /** @returns whether it had been seen before */
  #see(hash: number): boolean {
    const had = this.#hasSeen(hash);
    for (let row = 0; row < 2; row += 1) {
      const bit = this.#bitOf(hash, row);
      this.#seen[bit >>> 5] = (this.#seen[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
    return had;
  }

  #hasSeen(hash: number): boolean {
    for (let row = 0; row < 2; row += 1) {
      const bit = this.#bitOf(hash, row);
      if (((this.#seen[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  #age(): void {
    this.#additions = 0;
    for (let index = 0; index < this.#counters.length; index += 1) {
      this.#counters[index] = (this.#counters[index] ?? 0) >> 1;
    }
    this.#seen.fill(0);
  }

  #indexOf(hash: number, row: number): number {
    return row * this.#width + (mixed(hash, row) & (this.#width - 1));
  }

  #bitOf(hash: number, row: number): number {
    return mixed(hash, row + ROWS) & (this.#seen.length * 32 - 1);
  }
}

/** Another hash of the hash per row. */
const SEEDS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1, 0xd3a2646d];
const mixed = (hash: number, row: number): number => scrambled(hash ^ (SEEDS[row] ?? 0));
