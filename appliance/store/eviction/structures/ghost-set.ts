/**
 * The last so many hashes that were added, and a few older ones: a table of buckets with the time of each addition, so
 * that forgetting costs nothing. 8 bytes per place; a hash that meets a full bucket takes the oldest place of it.
 */
const PLACES_PER_BUCKET = 4;

export class GhostSet {
  #hashes: Uint32Array;
  #addedAt: Uint32Array;
  #mask: number;
  #now = 0;

  /** @param places a power of two, at least PLACES_PER_BUCKET */
  constructor(places: number) {
    this.#hashes = new Uint32Array(places);
    this.#addedAt = new Uint32Array(places);
    this.#mask = places / PLACES_PER_BUCKET - 1;
  }

  get places(): number {
    return this.#hashes.length;
  }

  add(hash: number): void {
    this.#now += 1;
    const first = this.#bucketOf(hash);
    let place = first;
    for (let index = first; index < first + PLACES_PER_BUCKET; index += 1) {
      if (this.#addedAt[index] !== 0 && this.#hashes[index] === hash) {
        place = index;
        break;
      }
      if ((this.#addedAt[index] ?? 0) < (this.#addedAt[place] ?? 0)) place = index;
    }
    this.#hashes[place] = hash;
    this.#addedAt[place] = this.#now;
  }

  /** Whether it was among the last so many additions. */
  has(hash: number, last: number): boolean {
    const first = this.#bucketOf(hash);
    for (let index = first; index < first + PLACES_PER_BUCKET; index += 1) {
      const addedAt = this.#addedAt[index] ?? 0;
      if (addedAt !== 0 && this.#hashes[index] === hash) return this.#now - addedAt < last;
    }
    return false;
  }

  /** Room for more: what was known is kept. */
  grow(): void {
    const before = { hashes: this.#hashes, addedAt: this.#addedAt };
    this.#hashes = new Uint32Array(before.hashes.length * 2);
    this.#addedAt = new Uint32Array(this.#hashes.length);
    this.#mask = this.#hashes.length / PLACES_PER_BUCKET - 1;
    for (const [index, hash] of before.hashes.entries()) {
      const addedAt = before.addedAt[index] ?? 0;
      if (addedAt === 0) continue;
      // The bucket it moves to takes from one old bucket only, so there is a free place.
      let place = this.#bucketOf(hash);
      while (this.#addedAt[place] !== 0) place += 1;
      this.#hashes[place] = hash;
      this.#addedAt[place] = addedAt;
    }
  }

  #bucketOf(hash: number): number {
    return (hash & this.#mask) * PLACES_PER_BUCKET;
  }
}
