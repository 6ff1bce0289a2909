const DAY_MS = 86_400_000;
/** Of a launch, and at most. */
const MIN_DAYS = 5;
const MAX_DAYS = 21;
/** Days of age that add one day. */
const AGE_PER_DAY = 7;

/**
 * For how many days of tomorrow's demand a fill pays: the sum of what is still to come, over tomorrow's. A launch decays
 * within days, an old title stays what it is; but nothing is counted on for more than three weeks, because by then
 * something better may have taken its place, and nothing beyond the end of its rights.
 * @param endsAtMs when its rights end; Infinity when they do not
 */
export function keepDays(availableAtMs: number, nowMs: number, endsAtMs: number): number {
  const ageDays = Math.max(0, nowMs - availableAtMs) / DAY_MS;
  const leftDays = Math.max(0, endsAtMs - nowMs) / DAY_MS;
  return Math.min(MAX_DAYS, MIN_DAYS + ageDays / AGE_PER_DAY, leftDays);
}
