import type { FillWindow } from '../../../src/contracts/fill-plan.ts';

/**
 * The window that is open now. Of several, the one that began last: its rate is the planner's newest word on this hour.
 * @param nowMs wall clock; asked again and again, because it may jump and a new plan may cut a window short.
 */
export function openWindow(windows: readonly FillWindow[], nowMs: number): FillWindow | undefined {
  let open: FillWindow | undefined;
  for (const window of windows) {
    if (window.startsAtMs > nowMs || window.endsAtMs <= nowMs) continue;
    if (open === undefined || window.startsAtMs > open.startsAtMs) open = window;
  }
  return open;
}

/** Ms until the next window opens; undefined when no more are planned. */
export function untilNextWindowMs(windows: readonly FillWindow[], nowMs: number): number | undefined {
  const starts = windows.filter((window) => window.startsAtMs > nowMs && window.endsAtMs > window.startsAtMs);
  return starts.length === 0 ? undefined : Math.min(...starts.map((window) => window.startsAtMs)) - nowMs;
}

/** What may cross the link now, in bit/s. */
export function linkRate({ fillBitsPerSec, rates = [] }: FillWindow, nowMs: number): number {
  return rates.findLast(({ fromMs }) => fromMs <= nowMs)?.fillBitsPerSec ?? fillBitsPerSec;
}

/** When the rate changes next, or the window closes. */
export const nextChangeMs = ({ endsAtMs, rates = [] }: FillWindow, nowMs: number): number =>
  rates.find(({ fromMs }) => fromMs > nowMs)?.fromMs ?? endsAtMs;
