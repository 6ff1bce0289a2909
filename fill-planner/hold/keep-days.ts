const DAY_MS = 86_400_000;
/** Of a launch: what weekly lists of 2,600 titles still had to give, over a week's hours, counting listed weeks only. */
const MIN_DAYS = 12;
const MAX_DAYS = 28;
/** Days of age that add one day: after eight weeks these lists had 17 to 18 days to give. */
const AGE_PER_DAY = 8;

/**
 * For how many days of tomorrow's demand a fill pays: the sum of what is still to come, over tomorrow's. A launch decays
 * within days, an old title stays what it is; but nothing is counted on for more than four weeks, because by then
 * something better may have taken its place, and nothing beyond the end of its rights.
 * @param endsAtMs when its rights end; Infinity when they do not
 */
export function keepDays(availableAtMs: number, nowMs: number, endsAtMs: number): number {
  const ageDays = Math.max(0, nowMs - availableAtMs) / DAY_MS;
  const leftDays = Math.max(0, endsAtMs - nowMs) / DAY_MS;
  return Math.min(MAX_DAYS, MIN_DAYS + ageDays / AGE_PER_DAY, leftDays);
}
