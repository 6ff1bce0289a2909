/**
 * Where the facts of a number are kept: a table of slots of fixed size, to put columns of typed arrays beside.
 *
 * A `Map` with an object per session is the obvious way, and the collector pays for it: what lives for seconds is
 * copied twice by the young collection and then waits in the old one, so that a service of ten thousand requests a
 * second stops for a third of a second every ten seconds although its memory does not grow (measured on one core).
 * Typed arrays are nothing to a collector.
 *
 * Each key has eight slots that it may stand in, side by side, found by its own bits: keys are hashes. When all eight
 * are taken by others the one that was stamped longest ago makes room; so a table that is full forgets nearly the oldest.
 */
const WAYS = 8;

export class SlotTable {
  /** Slots, for who makes columns: at least as many as were wanted. */
  readonly size: number;
  readonly #keys: Uint32Array;
  readonly #stamps: Float64Array;
  readonly #lastSet: number;

  constructor(wantedSlots: number) {
    this.size = 2 ** Math.max(3, Math.ceil(Math.log2(wantedSlots)));
    this.#keys = new Uint32Array(this.size);
    this.#stamps = new Float64Array(this.size).fill(Number.NEGATIVE_INFINITY);
    this.#lastSet = this.size / WAYS - 1;
  }

  /** The slot of a key that was stamped at `since` or later, or -1. */
  find(key: number, since = -Number.MAX_VALUE): number {
    const first = this.#firstOf(key);
    for (let slot = first; slot < first + WAYS; slot += 1)
      if (this.#keys[slot] === key && (this.#stamps[slot] ?? 0) >= since) return slot;
    return -1;
  }

  /**
   * A slot for a key that `find` does not know, in place of the oldest; what its columns hold is somebody else's.
   * @param before what was stamped then or later does not make room; -1 where there is nothing else
   */
  claim(key: number, stamp: number, before = Number.POSITIVE_INFINITY): number {
    const first = this.#firstOf(key);
    let oldest = first;
    for (let slot = first + 1; slot < first + WAYS; slot += 1)
      if ((this.#stamps[slot] ?? 0) < (this.#stamps[oldest] ?? 0)) oldest = slot;
    if ((this.#stamps[oldest] ?? 0) >= before) return -1;
    this.#keys[oldest] = key;
    this.#stamps[oldest] = stamp;
    return oldest;
  }

  stampOf(slot: number): number {
    return this.#stamps[slot] ?? Number.NEGATIVE_INFINITY;
  }

  stamp(slot: number, stamp: number): void {
    this.#stamps[slot] = stamp;
  }

  #firstOf(key: number): number {
    return ((Math.imul(key, 0x9e3779b1) >>> 8) & this.#lastSet) * WAYS;
  }
}
