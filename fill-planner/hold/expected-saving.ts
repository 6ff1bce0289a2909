import type { RegionDemand } from '../plan/plan-facts.ts';
import type { FillEconomy } from './fill-economy.ts';
import { HELD } from './held.ts';
import type { HoldColumns } from './hold-columns.ts';
import { keepDays } from './keep-days.ts';

/** Of a title that is started, so much is watched: by it starts are told from bytes. */
const WATCHED_SHARE = 0.5;

export interface SavingInput {
  readonly demand: RegionDemand;
  readonly regionShare: number;
  readonly nowMs: number;
  readonly economy: FillEconomy;
  readonly settings: { readonly fillCaution: number };
}

type WorthInput = Pick<SavingInput, 'demand' | 'regionShare' | 'economy'>;

export interface ExpectedSaving {
  /** Of the whole rendition, per day, in the currency of the economy. */
  readonly worthPerDay: number;
  /** For so many days a fill pays. */
  readonly days: number;
  /** The low estimate of what is served in those days, as a share of the mean; 0 to 1. */
  readonly lowShare: number;
}

/**
 * What holding a whole rendition is expected to save.
 *
 * Two doubts add up: the forecast may be wrong, the same way every day, and viewers come by chance. The second is small
 * where many watch and nearly all where few do: 300 viewers vary by 17, three by two. So a cluster of few viewers
 * needs a larger expectation before it fetches, without a rule for small ISPs.
 */
export function expectSaving(
  { demand, regionShare, nowMs, economy, settings }: SavingInput,
  columns: HoldColumns,
  index: number,
  endsAtMs: number,
): ExpectedSaving {
  const days = keepDays(columns.availableAtMs[index] ?? 0, nowMs, endsAtMs);
  const mean = (demand.expectedBytes[index] ?? 0) * regionShare * days;
  const forecastError = (demand.deviationBytes[index] ?? 0) * regionShare * days;
  const chance = mean * WATCHED_SHARE * (columns.sizeBytes[index] ?? 0);
  const deviation = Math.sqrt(forecastError * forecastError + chance);
  return {
    worthPerDay: worthOfDay({ demand, regionShare, economy }, index),
    days,
    lowShare: mean > 0 ? Math.max(0, 1 - (settings.fillCaution * deviation) / mean) : 0,
  };
}

/** What a whole rendition is expected to save within the day, in the currency of the economy. */
export function worthOfDay({ demand, regionShare, economy }: WorthInput, index: number): number {
  const byVolume = (demand.expectedBytes[index] ?? 0) * economy.worthPerByte;
  return regionShare * (byVolume + (demand.peakHourBytes[index] ?? 0) * economy.worthPerPeakByte);
}

/** A start that comes from near is worth so many times its bytes: it is the one moment when everybody waits. */
const HEAD_BONUS = 2;

/** What a head is worth per byte of space and day. */
export function headWorth(input: WorthInput, { sizeBytes }: HoldColumns, index: number): number {
  return (HEAD_BONUS * worthOfDay(input, index)) / (WATCHED_SHARE * Math.max(1, sizeBytes[index] ?? 0));
}

/** Bytes that a part of a rendition is expected to serve within the day. */
export function servedBytesOf(
  { demand, regionShare }: Pick<SavingInput, 'demand' | 'regionShare'>,
  columns: HoldColumns,
  index: number,
  part: number,
): number {
  const whole = (demand.expectedBytes[index] ?? 0) * regionShare;
  return part === HELD.head ? whole * headFactor(columns, index) : whole;
}

/** What the head serves of a rendition's bytes: every start asks for it, and only a part of them for the rest. */
export function headFactor({ headBytes, sizeBytes }: HoldColumns, index: number): number {
  return Math.min(1, (headBytes[index] ?? 0) / (WATCHED_SHARE * Math.max(1, sizeBytes[index] ?? 0)));
}
