/**
 * How many of those in a state are asked for per request of all, learned from what viewers do: the hazard rate by kind
 * of past and by age. To hold those with the highest is the best that a rule without knowledge of the future can do where
 * objects are asked for independently of each other (Panigrahy, Nain, Neglia and Towsley, arXiv 2106.06457). To learn it
 * by class and age is what LHD does for hit densities (Beckmann, Chen and Cidon, NSDI 2018); here the past is the class.
 *
 * Two sums per cell: how often somebody in it was asked for, and how long everybody together was in it. The second is
 * estimated from a few that are drawn at each request. Neighbouring ages share what they saw. Where nothing was seen
 * yet, an object is worth the more the more often and the later it was asked for (`guess`).
 */
/** Two per doubling of the age. */
const AGES = 56;
const NEIGHBOUR_WEIGHTS = [0.25, 0.6, 1, 0.6, 0.25] as const;
/** As if so many requests had been seen in each cell. */
const GUESS_WEIGHT = 2;
const MAX_SCALE = 1e6;
const REFIT_REQUESTS = 256;

export class ReuseRates {
  readonly #kinds: number;
  readonly #guess: (kind: number, age: number) => number;
  readonly #asked: Float64Array;
  readonly #waited: Float64Array;
  readonly #rates: Float64Array;
  /** What one sighting counts now: new ones count more instead of old ones less. */
  #scale = 1;
  #requests = 0;

  constructor(kinds: number, guess: (kind: number, age: number) => number) {
    this.#kinds = kinds;
    this.#guess = guess;
    this.#asked = new Float64Array(kinds * AGES);
    this.#waited = new Float64Array(kinds * AGES);
    this.#rates = new Float64Array(kinds * AGES);
    this.#fit();
  }

  /** Per request of all. @param kind below `kinds` @param age in requests since it was asked for last */
  rateOf(kind: number, age: number): number {
    return this.#rates[cellOf(kind, age)] ?? 0;
  }

  /** One in this state was asked for. */
  asked(kind: number, age: number): void {
    this.#add(this.#asked, cellOf(kind, age), 1);
  }

  /** So many are in this state at this request. */
  waiting(kind: number, age: number, count: number): void {
    this.#add(this.#waited, cellOf(kind, age), count);
  }

  /** After each request. @param horizon after so many requests what was seen counts a third */
  pass(horizon: number): void {
    this.#scale *= 1 + 1 / horizon;
    this.#requests += 1;
    if (this.#requests % REFIT_REQUESTS === 0) this.#fit();
  }

  #add(sums: Float64Array, cell: number, count: number): void {
    sums[cell] = (sums[cell] ?? 0) + count * this.#scale;
  }

  #fit(): void {
    if (this.#scale > MAX_SCALE) {
      for (const sums of [this.#asked, this.#waited])
        for (const [cell, sum] of sums.entries()) sums[cell] = sum / this.#scale;
      this.#scale = 1;
    }
    const guessed = GUESS_WEIGHT * this.#scale;
    for (let kind = 0; kind < this.#kinds; kind += 1) {
      for (let bin = 0; bin < AGES; bin += 1) {
        const guess = this.#guess(kind, 2 ** ((bin + 1) / 2));
        const [asked, waited] = this.#around(kind, bin);
        this.#rates[kind * AGES + bin] = (asked + guessed) / (waited + guessed / guess);
      }
    }
  }

  #around(kind: number, bin: number): [asked: number, waited: number] {
    let asked = 0;
    let waited = 0;
    for (const [index, weight] of NEIGHBOUR_WEIGHTS.entries()) {
      const neighbour = bin + index - 2;
      if (neighbour < 0 || neighbour >= AGES) continue;
      asked += weight * (this.#asked[kind * AGES + neighbour] ?? 0);
      waited += weight * (this.#waited[kind * AGES + neighbour] ?? 0);
    }
    return [asked, waited];
  }
}

const cellOf = (kind: number, age: number): number =>
  kind * AGES + Math.min(AGES - 1, Math.floor(2 * Math.log2(1 + age)));
