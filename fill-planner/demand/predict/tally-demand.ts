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

export interface TallyInput {
  readonly nowMs: number;
  readonly renditionIds: readonly string[];
  /** Index of each rendition's title. */
  readonly titleOf: Int32Array;
  readonly titleCount: number;
  readonly regions: readonly string[];
  readonly history: Iterable<DemandRow>;
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

/** Rows of unknown renditions and regions, from the future or too old are left out. */
export function tallyDemand(input: TallyInput): DemandTally {
  const { nowMs, renditionIds, titleOf, titleCount, regions } = input;
  const renditionIndex = new Map(renditionIds.map((id, index) => [id, index]));
  const regionIndex = new Map(regions.map((region, index) => [region, index]));
  const recentBytes = regions.map(() => new Float64Array(renditionIds.length));
  const hours = regions.map(() => new Float64Array(24));
  const titleDays = new Float64Array(titleCount * HISTORY_DAYS);
  const watchedDays = regions.map(() => 0);
  for (const { renditionId, region, startMs, spanHours, servedBytes } of input.history) {
    const at = regionIndex.get(region);
    const rendition = renditionIndex.get(renditionId);
    if (at === undefined || startMs >= nowMs) continue;
    watchedDays[at] = Math.max(watchedDays[at] ?? 0, Math.min(HISTORY_DAYS, (nowMs - startMs) / DAY_MS));
    const daysAgo = Math.floor(Math.max(0, nowMs - startMs - (spanHours * HOUR_MS) / 2) / DAY_MS);
    if (rendition === undefined || daysAgo >= HISTORY_DAYS) continue;
    add(recentBytes[at], rendition, servedBytes * (DAY_WEIGHTS[daysAgo] ?? 0));
    add(titleDays, (titleOf[rendition] ?? 0) * HISTORY_DAYS + daysAgo, servedBytes);
    if (spanHours === 1) add(hours[at], Math.floor((startMs % DAY_MS) / HOUR_MS), servedBytes);
  }
  return { recentBytes, titleDays, hours, watchedDays };
}

function add(array: Float64Array | undefined, index: number, bytes: number): void {
  if (array !== undefined) array[index] = (array[index] ?? 0) + bytes;
}
