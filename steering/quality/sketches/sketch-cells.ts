import { THROUGHPUT_BUCKETS } from '../../../src/contracts/quality-sketch.ts';

/**
 * What was measured of one appliance in one neighbourhood: a histogram of rates and four counts, all of which fade with
 * time, and which of 32 kinds of reporters were heard. Ten thousand appliances and their neighbourhoods are a hundred
 * thousand of these, so they are rows of two arrays and not objects: 144 bytes each, and nothing for the collector.
 *
 * Fading is by half in each half-life, so that what happened a minute ago counts more than the hour before without
 * anybody keeping the single reports; it is done when a row is judged, about every second, not with each report.
 */
const REPORTS = THROUGHPUT_BUCKETS;
const STALLS = REPORTS + 1;
const REQUESTS = REPORTS + 2;
const ERRORS = REPORTS + 3;
const STRIDE = 32;
const BITS_STRIDE = 4;
const FIRST_ROWS = 256;
/** Below this a row tells nothing any more. */
const FADED = 0.05;

export interface CellCounts {
  readonly reports: number;
  readonly stalls: number;
  readonly requests: number;
  readonly errors: number;
}

export class SketchCells {
  readonly #maxRows: number;
  #values = new Float32Array(FIRST_ROWS * STRIDE);
  /** Bits of those who reported, and of those who complained: in this epoch and in the one before, by turns. */
  #reporters = new Uint32Array(FIRST_ROWS * BITS_STRIDE);
  #epoch = 0;
  #rows = 0;
  readonly #free: number[] = [];

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  get size(): number {
    return this.#rows - this.#free.length;
  }

  /** An empty row; undefined when there are as many as may be. */
  allocate(): number | undefined {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#rows >= this.#maxRows) return undefined;
    if (this.#rows * STRIDE === this.#values.length) this.#grow();
    this.#rows += 1;
    return this.#rows - 1;
  }

  release(row: number): void {
    this.clear(row);
    this.#free.push(row);
  }

  clear(row: number): void {
    this.#values.fill(0, row * STRIDE, (row + 1) * STRIDE);
    this.#reporters.fill(0, row * BITS_STRIDE, (row + 1) * BITS_STRIDE);
  }

  addThroughput(row: number, bucket: number, weight: number): void {
    this.#add(row, bucket, weight);
  }

  addReports(row: number, reports: number, stalls: number): void {
    this.#add(row, REPORTS, reports);
    this.#add(row, STALLS, stalls);
  }

  addRequests(row: number, requests: number, errors: number): void {
    this.#add(row, REQUESTS, requests);
    this.#add(row, ERRORS, errors);
  }

  /** @param reporter its hash, of which five bits are kept. @param complains tells of a stall or an error */
  noteReporter(row: number, reporter: number, complains: boolean): void {
    const bit = 1 << (reporter & 31);
    const at = row * BITS_STRIDE + (this.#epoch & 1);
    this.#reporters[at] = (this.#reporters[at] ?? 0) | bit;
    if (complains) this.#reporters[at + 2] = (this.#reporters[at + 2] ?? 0) | bit;
  }

  /** As many bits as different reporters can be told apart; 32 mean that or more. */
  reporterBits(row: number): number {
    return this.#bits(row * BITS_STRIDE);
  }

  /** The same of those who complained. */
  complainerBits(row: number): number {
    return this.#bits(row * BITS_STRIDE + 2);
  }

  /** From now on reporters are noted anew; those of the epoch before the last are forgotten row by row, by `fade`. */
  turnEpoch(): void {
    this.#epoch += 1;
  }

  /** @param factor what is left of everything. @returns false when nothing worth keeping is left */
  fade(row: number, factor: number, isNewEpoch: boolean): boolean {
    if (isNewEpoch) {
      const at = row * BITS_STRIDE + (this.#epoch & 1);
      this.#reporters[at] = 0;
      this.#reporters[at + 2] = 0;
    }
    let sum = 0;
    for (let at = row * STRIDE; at < (row + 1) * STRIDE; at += 1) {
      const left = (this.#values[at] ?? 0) * factor;
      this.#values[at] = left;
      sum += left;
    }
    return sum >= FADED;
  }

  counts(row: number): CellCounts {
    const at = row * STRIDE;
    return {
      reports: this.#values[at + REPORTS] ?? 0,
      stalls: this.#values[at + STALLS] ?? 0,
      requests: this.#values[at + REQUESTS] ?? 0,
      errors: this.#values[at + ERRORS] ?? 0,
    };
  }

  /** How many rates were measured. */
  measured(row: number): number {
    let sum = 0;
    for (let bucket = 0; bucket < THROUGHPUT_BUCKETS; bucket += 1) sum += this.#values[row * STRIDE + bucket] ?? 0;
    return sum;
  }

  /** The rate that half of them reach, in buckets from the start of the scale. @param measured what `measured` says */
  median(row: number, measured: number): number {
    let before = 0;
    for (let bucket = 0; bucket < THROUGHPUT_BUCKETS; bucket += 1) {
      const here = this.#values[row * STRIDE + bucket] ?? 0;
      if (here > 0 && before + here >= measured / 2) return bucket + (measured / 2 - before) / here;
      before += here;
    }
    return THROUGHPUT_BUCKETS;
  }

  #bits(at: number): number {
    return ((this.#reporters[at] ?? 0) | (this.#reporters[at + 1] ?? 0)) >>> 0;
  }

  #add(row: number, column: number, weight: number): void {
    const at = row * STRIDE + column;
    this.#values[at] = (this.#values[at] ?? 0) + weight;
  }

  #grow(): void {
    const rows = Math.min(this.#maxRows, this.#rows * 2);
    const values = new Float32Array(rows * STRIDE);
    values.set(this.#values);
    this.#values = values;
    const reporters = new Uint32Array(rows * BITS_STRIDE);
    reporters.set(this.#reporters);
    this.#reporters = reporters;
  }
}
