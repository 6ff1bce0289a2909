import type { FillWindow } from '../../src/contracts/fill-plan.ts';

/**
 * Fill outside the window, for what cannot wait: a launch in the afternoon, a title that nobody expected to be watched.
 *
 * Which files that is need not be found by comparing what was expected with what came. Every cycle expects anew, from
 * what appliances saw up to this hour, and plans in that order; a surprise is at the front of the next plan. What is
 * missing is only the leave to fetch it before the night. So a plan says, for the hours between its windows, up to which
 * priority files may be filled, at a rate of their own: those that are expected to serve `WORTH` times their size before
 * the next window opens. Most of them are there already, and cost nothing; a window in which nothing is missing does
 * nothing.
 *
 * Limits: as quick as demand is reported and planned, an hour or so; `oca plan run --fill-now` does not wait for that.
 * The front ends at the first file that can wait, so that one odd place in the order lets in no more than itself.
 */
export interface PlannedOrder {
  /** By entry of an appliance's plan, in the order of priority. */
  readonly sizeBytes: (entry: number) => number;
  /** Expected of all copies at the site within a day. */
  readonly expectedBytes: (entry: number) => number;
  readonly fileCount: (entry: number) => number;
  readonly count: number;
}

const WORTH = 2;
const SMALL_BYTES = 1024 * 1024;
const DAY_HOURS = 24;

/**
 * The last priority that cannot wait for the next window; -1 when everything can.
 * @param gapHours from the end of one window to the start of the next
 */
export function lastUrgentPriority(order: PlannedOrder, gapHours: number): number {
  let files = 0;
  for (let entry = 0; entry < order.count; entry += 1) {
    const served = order.expectedBytes(entry) * (gapHours / DAY_HOURS);
    const sizeBytes = order.sizeBytes(entry);
    // Manifests stand before what they are for, and serve next to nothing.
    if (served < WORTH * sizeBytes && sizeBytes > SMALL_BYTES) break;
    files += order.fileCount(entry);
  }
  return files - 1;
}

/**
 * Windows for what is urgent, in the hours that no other window covers.
 * @param windows ascending, apart, open or to come
 * @param fromMs not after now; the same from cycle to cycle, or plans would differ that are the same
 */
export function urgentWindows(
  windows: readonly FillWindow[],
  fromMs: number,
  pace: Omit<FillWindow, 'startsAtMs' | 'endsAtMs'>,
): FillWindow[] {
  const gaps: FillWindow[] = [];
  let freeFromMs = fromMs;
  for (const { startsAtMs, endsAtMs } of windows) {
    if (startsAtMs > freeFromMs) gaps.push({ ...pace, startsAtMs: freeFromMs, endsAtMs: startsAtMs });
    freeFromMs = Math.max(freeFromMs, endsAtMs);
  }
  return gaps;
}
