import { filePathSchema } from '../../src/contracts/ids.ts';

/** What was asked for of one path: counts only. */
export interface PathDemand {
  requests: number;
  servedBytes: number;
  /** Of these, of answers for which something had to be fetched from another machine. */
  missedBytes: number;
}

/** Start of an hour (UTC, ms) -> path -> counts. */
export type DemandByHour = Map<number, Map<string, PathDemand>>;

const HOUR_MS = 3_600_000;
/** More than these are only ever there while the clock jumps. */
const MAX_HOURS = 3;

/**
 * Counts what viewers ask for, by path and hour (UTC). Nothing of who asked comes in here, so nothing of it can leave.
 * Memory is bounded by the number of paths: what comes after that is counted as left out, not by path. The most asked
 * for are unlikely to be among them, because they came early in the hour.
 */
export class DemandCounter {
  readonly #maxPaths: number;
  readonly #onLeftOut: (requests: number) => void;
  #byHour: DemandByHour = new Map();
  #pathCount = 0;

  /** @param maxPaths over all hours until the next `take` */
  constructor(maxPaths: number, onLeftOut: (requests: number) => void) {
    this.#maxPaths = maxPaths;
    this.#onLeftOut = onLeftOut;
  }

  /** @param path without query: a query may tell who asks */
  count(path: string, servedBytes: number, missedBytes: number, nowMs: number, requests = 1): void {
    const hourStartMs = nowMs - (nowMs % HOUR_MS);
    const ofHour = this.#byHour.get(hourStartMs) ?? new Map<string, PathDemand>();
    const known = ofHour.get(path);
    if (known !== undefined) {
      known.requests += requests;
      known.servedBytes += servedBytes;
      known.missedBytes += missedBytes;
      return;
    }
    const hasRoom = this.#pathCount < this.#maxPaths && (this.#byHour.size < MAX_HOURS || ofHour.size > 0);
    // What the contract would refuse must not spoil the batch that it would travel in.
    if (!hasRoom || !filePathSchema.safeParse(path).success) {
      this.#onLeftOut(requests);
      return;
    }
    ofHour.set(path, { requests, servedBytes, missedBytes });
    this.#byHour.set(hourStartMs, ofHour);
    this.#pathCount += 1;
  }

  /** What was counted since the last take; counting begins anew. */
  take(): DemandByHour {
    const taken = this.#byHour;
    this.#byHour = new Map();
    this.#pathCount = 0;
    return taken;
  }
}
