/**
 * History as arrays: what a prediction needs of millions of rows, in one pass over them.
 *
 * Days are counted back from now, so that the last one is whole at any hour of planning. A day's bytes count less the
 * longer ago it is; the weights are handed out with the sums, so that whoever divides by exposure weighs alike.
 */
export interface DemandRow {
  readonly renditionId: string;
  readonly region: string;
  /** Start of the hour, or of the day for older rows. */
  readonly startMs: number;
  readonly spanHours: number;
  readonly servedBytes: number;
}

export interface DemandTally {
  /** By region, then by rendition: bytes, each day's times its weight. */
  readonly recentBytes: readonly Float64Array[];
  /** Bytes of a title in all regions on one day: index title x HISTORY_DAYS + days ago. */
  readonly titleDays: Float64Array;
  /** By region: bytes by hour of the day, UTC. */
  readonly hours: readonly Float64Array[];
  /** By region: days since its first row, at most HISTORY_DAYS. Before, nobody counted. */
  readonly watchedDays: readonly number[];
}

export interface TallySubject {
  readonly nowMs: number;
  readonly renditionIds: readonly string[];
  /** Index of each rendition's title. */
  readonly titleOf: Int32Array;
  readonly titleCount: number;
  readonly regions: readonly string[];
}

export const HISTORY_DAYS = 28;
/** Half of what a day is worth is gone after this long. Chosen on generated towns, see the backtest. */
const HALF_LIFE_DAYS = 5;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What a day counts, by days ago. */
export const DAY_WEIGHTS: readonly number[] = Array.from(
  { length: HISTORY_DAYS },
  (_, daysAgo) => 2 ** (-daysAgo / HALF_LIFE_DAYS),
);

/** Takes rows in any order; those of unknown renditions and regions, from the future or too old are left out. */
export class DemandTallier {
  readonly #subject: TallySubject;
  readonly #renditionIndex: ReadonlyMap<string, number>;
  readonly #regionIndex: ReadonlyMap<string, number>;
  readonly #watchedDays: number[];
  readonly tally: DemandTally;

  constructor(subject: TallySubject) {
    const { renditionIds, titleCount, regions } = subject;
    this.#subject = subject;
    this.#renditionIndex = new Map(renditionIds.map((id, index) => [id, index]));
    this.#regionIndex = new Map(regions.map((region, index) => [region, index]));
    this.#watchedDays = regions.map(() => 0);
    this.tally = {
      recentBytes: regions.map(() => new Float64Array(renditionIds.length)),
      titleDays: new Float64Array(titleCount * HISTORY_DAYS),
      hours: regions.map(() => new Float64Array(24)),
      watchedDays: this.#watchedDays,
    };
  }

  add({ renditionId, region, startMs, spanHours, servedBytes }: DemandRow): void {
    const { nowMs, titleOf } = this.#subject;
    const at = this.#regionIndex.get(region);
    const rendition = this.#renditionIndex.get(renditionId);
    if (at === undefined || startMs >= nowMs) return;
    const watchedDays = Math.min(HISTORY_DAYS, (nowMs - startMs) / DAY_MS);
    this.#watchedDays[at] = Math.max(this.#watchedDays[at] ?? 0, watchedDays);
    const daysAgo = Math.floor(Math.max(0, nowMs - startMs - (spanHours * HOUR_MS) / 2) / DAY_MS);
    if (rendition === undefined || daysAgo >= HISTORY_DAYS) return;
    const { recentBytes, titleDays, hours } = this.tally;
    increase(recentBytes[at], rendition, servedBytes * (DAY_WEIGHTS[daysAgo] ?? 0));
    increase(titleDays, (titleOf[rendition] ?? 0) * HISTORY_DAYS + daysAgo, servedBytes);
    if (spanHours === 1) increase(hours[at], Math.floor((startMs % DAY_MS) / HOUR_MS), servedBytes);
  }
}

function increase(array: Float64Array | undefined, index: number, bytes: number): void {
  if (array !== undefined) array[index] = (array[index] ?? 0) + bytes;
}
