import type { SplitState } from './tune-split.ts';

/**
 * What a cluster's hold has to remember from cycle to cycle: what its plans had fetched lately. Cycles come every hour,
 * and each takes what the one before planned as held; without a memory the budget of a day would be spent every hour.
 * Plain data, kept beside the plans.
 */
export interface HoldMemory {
  /** What had to be fetched, pins aside, by the hour in which it was planned; oldest first, of the last day only. */
  readonly fetched: readonly FetchedHour[];
  /** The month (UTC) that is being counted, such as `2030-06`, and what was planned within it. */
  readonly month: string;
  readonly monthFetchedBytes: number;
  /** How the disks are split; absent before the first cycle. */
  readonly split?: RememberedSplit | undefined;
}

export interface RememberedSplit {
  readonly state: SplitState;
  /** What the operator's knob said when it began: another value begins anew. */
  readonly fromShare: number;
  readonly tunedAtMs: number;
}

export interface FetchedHour {
  readonly hourStartMs: number;
  readonly bytes: number;
}

export const NO_MEMORY: HoldMemory = { fetched: [], month: '', monthFetchedBytes: 0 };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Bytes that plans had fetched within the last day. */
export function fetchedLately({ fetched }: HoldMemory, nowMs: number): number {
  return fetched.filter((hour) => isLately(hour, nowMs)).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Hours to come were taken down by a clock that was ahead: they would use up every day's budget until they are past. */
const isLately = ({ hourStartMs }: FetchedHour, nowMs: number): boolean =>
  hourStartMs > nowMs - DAY_MS && hourStartMs <= nowMs;

export function rememberFetches(memory: HoldMemory, nowMs: number, bytes: number): HoldMemory {
  const hourStartMs = nowMs - (nowMs % HOUR_MS);
  const kept = memory.fetched.filter((hour) => isLately(hour, nowMs) && hour.hourStartMs !== hourStartMs);
  const ofHour = memory.fetched.find((hour) => hour.hourStartMs === hourStartMs)?.bytes ?? 0;
  const month = monthOf(nowMs);
  return {
    ...memory,
    fetched: ofHour + bytes > 0 ? [...kept, { hourStartMs, bytes: ofHour + bytes }] : kept,
    month,
    monthFetchedBytes: (memory.month === month ? memory.monthFetchedBytes : 0) + bytes,
  };
}

/** A day may take twice its even share of what is left of the month: launches do not come evenly. */
const DAY_OF_MONTH_FACTOR = 2;

/** What a day may bring in so that the month's budget lasts. */
export function monthlyAllowance(memory: HoldMemory, nowMs: number, monthlyBytes: number): number {
  const spent = memory.month === monthOf(nowMs) ? memory.monthFetchedBytes : 0;
  const left = Math.max(0, monthlyBytes - spent);
  const [year = 0, month = 0] = monthOf(nowMs).split('-').map(Number);
  const daysLeft = Math.max(1, (Date.UTC(year, month, 1) - nowMs) / DAY_MS);
  return Math.min(left, (DAY_OF_MONTH_FACTOR * left) / daysLeft);
}

const monthOf = (nowMs: number): string => new Date(nowMs).toISOString().slice(0, 7);
