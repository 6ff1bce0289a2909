/**
 * What a link will carry without fill, by five minutes, from what it carried in the weeks before: the median of the same
 * slot of the week, of up to eight weeks. A median, because one night of maintenance must not be next week's plan. Its
 * deviation is the median distance from it, in the scale of a normal distribution. Of a few weeks that is chance, so no
 * slot is taken to be surer than the middle one of all slots, in proportion to its use, nor than a twentieth.
 *
 * Limits: holidays and trends are not known. A slot of the week that was never measured is expected at the highest use
 * that was measured at all, so nothing is filled in it; with nothing measured nothing is filled.
 */
export interface LinkForecast {
  readonly expected: Float64Array;
  readonly deviation: Float64Array;
}

export const SLOT_MS = 300_000;
const SLOTS_PER_WEEK = 2016;
const MOST_WEEKS = 8;
const NORMAL_SCALE = 1.4826;
const LEAST_DEVIATION = 0.05;

/**
 * @param history bits per second without fill, the last slot just before the first that is asked for; NaN where not measured
 * @param slotCount how many slots from there on
 */
export function forecastLink(history: Float64Array, slotCount: number): LinkForecast {
  const expected = new Float64Array(slotCount);
  const deviation = new Float64Array(slotCount);
  const highest = history.reduce((most, use) => (use > most ? use : most), 0);
  const week = Array.from({ length: Math.min(slotCount, SLOTS_PER_WEEK) }, (_, slot) => ofSlot(history, slot));
  const known = week.flatMap((each) => each ?? []);
  const usualShare = Math.max(LEAST_DEVIATION, median(known.map(({ middle, spread }) => spread / Math.max(1, middle))));
  for (let slot = 0; slot < slotCount; slot += 1) {
    const same = week[slot % SLOTS_PER_WEEK];
    expected[slot] = same?.middle ?? (highest === 0 ? Number.POSITIVE_INFINITY : highest);
    deviation[slot] = same === undefined ? 0 : Math.max(same.spread, usualShare * same.middle);
  }
  return { expected, deviation };
}

function ofSlot(
  history: Float64Array,
  ofWeek: number,
): { readonly middle: number; readonly spread: number } | undefined {
  const same: number[] = [];
  for (let week = 1; week <= MOST_WEEKS; week += 1) {
    const use = history[history.length - week * SLOTS_PER_WEEK + ofWeek];
    if (use !== undefined && !Number.isNaN(use)) same.push(use);
  }
  if (same.length === 0) return undefined;
  const middle = median(same);
  return { middle, spread: NORMAL_SCALE * median(same.map((use) => Math.abs(use - middle))) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}
