/**
 * When hashes were asked for last, and how their requests came, also of those that are not held any more: buckets of
 * four, where a newcomer takes the place of the one that was asked for longest ago. 13 bytes per place.
 *
 * Ages count requests of all. A weight is the number of requests, where each counts half after as many requests as there
 * are hashes here: so it tells apart what is popular from what was.
 */
const PLACES_PER_BUCKET = 4;
const FIRST_PLACES = 1024;
const MIN_PERIOD = 1000;
const WEIGHTS = 6;
/** Ends of the last gap between two requests, in periods; the last has none. */
const GAP_ENDS = [0.02, 0.2, 1] as const;
const GAPS = GAP_ENDS.length + 1;

/** Kinds of past: by weight, six, and within each by the last gap. */
export const KINDS = WEIGHTS * GAPS;
/** Asked for once. */
export const FIRST_KIND = GAPS - 1;

/** About how often a past of a kind was asked for. */
export const requestsOf = (kind: number): number => 1 + Math.floor(kind / GAPS);

export class RequestHistory {
  #hashes = new Uint32Array(FIRST_PLACES);
  /** 0: free. */
  #askedAt = new Uint32Array(FIRST_PLACES);
  #weights = new Float32Array(FIRST_PLACES);
  #kinds = new Uint8Array(FIRST_PLACES);
  #count = 0;
  readonly #minPlaces: number;

  /** @param minPlaces it grows up to as many by itself: a power of two, at least 1024 */
  constructor(minPlaces: number) {
    this.#minPlaces = minPlaces;
  }

  get places(): number {
    return this.#hashes.length;
  }

  /** Half of what is remembered of a weight is gone after so many requests. */
  get period(): number {
    return Math.max(MIN_PERIOD, this.#count);
  }

  /** The place of a hash, or -1. */
  find(hash: number): number {
    const first = this.#bucketOf(hash);
    for (let place = first; place < first + PLACES_PER_BUCKET; place += 1) {
      if (this.#askedAt[place] !== 0 && this.#hashes[place] === hash) return place;
    }
    return -1;
  }

  isTaken(place: number): boolean {
    return this.#askedAt[place] !== 0;
  }

  kindAt(place: number): number {
    return this.#kinds[place] ?? 0;
  }

  /** In requests. */
  ageAt(place: number, now: number): number {
    return (now - (this.#askedAt[place] ?? 0)) >>> 0;
  }

  /** @returns the kind of past it has from now on */
  ask(hash: number, now: number): number {
    const place = this.find(hash);
    return place < 0 ? this.#begin(hash, now) : this.#renew(place, now);
  }

  /** Room for so many places at least. */
  reserve(places: number): void {
    while (this.places < places || (this.places < this.#minPlaces && this.#count * 2 > this.places)) this.#grow();
  }

  #begin(hash: number, now: number): number {
    const first = this.#bucketOf(hash);
    let place = first;
    for (let other = first; other < first + PLACES_PER_BUCKET; other += 1) {
      if (!this.isTaken(other)) {
        place = other;
        this.#count += 1;
        break;
      }
      if (this.ageAt(other, now) > this.ageAt(place, now)) place = other;
    }
    this.#put(place, { hash, askedAt: now, weight: 1, kind: FIRST_KIND });
    return FIRST_KIND;
  }

  #renew(place: number, now: number): number {
    const gap = this.ageAt(place, now) / this.period;
    const weight = 1 + (this.#weights[place] ?? 0) * 2 ** -gap;
    const kind = kindOf(weight, gap);
    this.#weights[place] = weight;
    this.#askedAt[place] = now;
    this.#kinds[place] = kind;
    return kind;
  }

  #put(place: number, past: { hash: number; askedAt: number; weight: number; kind: number }): void {
    this.#hashes[place] = past.hash;
    this.#askedAt[place] = past.askedAt;
    this.#weights[place] = past.weight;
    this.#kinds[place] = past.kind;
  }

  #grow(): void {
    const [hashes, askedAt, weights, kinds] = [this.#hashes, this.#askedAt, this.#weights, this.#kinds];
    const length = hashes.length * 2;
    this.#hashes = new Uint32Array(length);
    this.#askedAt = new Uint32Array(length);
    this.#weights = new Float32Array(length);
    this.#kinds = new Uint8Array(length);
    for (const [old, hash] of hashes.entries()) {
      if (askedAt[old] === 0) continue;
      // The bucket it moves to takes from one old bucket only, so there is a free place.
      let place = this.#bucketOf(hash);
      while (this.isTaken(place)) place += 1;
      this.#put(place, { hash, askedAt: askedAt[old] ?? 0, weight: weights[old] ?? 0, kind: kinds[old] ?? 0 });
    }
  }

  #bucketOf(hash: number): number {
    return (hash & (this.places / PLACES_PER_BUCKET - 1)) * PLACES_PER_BUCKET;
  }
}

function kindOf(weight: number, gap: number): number {
  const byWeight = weight < 1.05 ? 0 : Math.min(WEIGHTS - 1, Math.max(1, Math.floor(2 * Math.log2(weight))));
  const byGap = GAP_ENDS.findIndex((end) => gap < end);
  return byWeight * GAPS + (byGap < 0 ? GAPS - 1 : byGap);
}
