/**
 * Whether something was seen before, lately: three of four objects of a content network are asked for once only, and
 * storing them costs disk writes for nothing (Maggs and Sitaraman, "Algorithmic Nuggets in Content Delivery", CCR 2015).
 *
 * Two Bloom filters: the one in use takes sightings until it has its fill, then the older one is emptied and used. So
 * between one and two fills are remembered, at 8 bits each; one answer in 50 claims a sighting that never was, which
 * costs one write.
 */
const BITS_PER_SIGHTING = 8;
const PROBES = 4;

export class SecondHitFilter {
  #current: Uint32Array;
  #previous: Uint32Array;
  #sightings = 0;
  readonly #fill: number;

  /** @param fill sightings per filter, a power of two, at least 4 */
  constructor(fill: number) {
    this.#fill = fill;
    this.#current = new Uint32Array((fill * BITS_PER_SIGHTING) / 32);
    this.#previous = new Uint32Array(this.#current.length);
  }

  has(hash: number): boolean {
    return this.#isIn(this.#current, hash) || this.#isIn(this.#previous, hash);
  }

  add(hash: number): void {
    if (this.#isIn(this.#current, hash)) return;
    if (this.#sightings === this.#fill) {
      [this.#current, this.#previous] = [this.#previous.fill(0), this.#current];
      this.#sightings = 0;
    }
    this.#sightings += 1;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = this.#bitOf(hash, probe);
      this.#current[bit >>> 5] = (this.#current[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  #isIn(filter: Uint32Array, hash: number): boolean {
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = this.#bitOf(hash, probe);
      if (((filter[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  #bitOf(hash: number, probe: number): number {
    const step = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) | 1;
    const bits = Math.imul(hash, 0x9e3779b1) + Math.imul(step, probe);
    return (bits ^ (bits >>> 13)) & (this.#current.length * 32 - 1);
  }
}
