import type { FillWindow } from '../../src/contracts/fill-plan.ts';

/**
 * The absolute intervals in which an appliance may fill. Where a site's clocks jump, only the wall time of the start is
 * kept and the length stays real time: a window of four hours carries four hours of bytes on every night of the year.
 * Appliances get absolute times, so that none of them needs to know a time zone.
 *
 * The start of a window is also the zero of the waits of its sources. So a window that the operator opens by hand is
 * cut out of the regular one around it, and a plan that changes while a window is open restarts it: otherwise all waits
 * would be over at once, and every appliance of a cluster would take the new files from the origin.
 *
 * Limits: one regular window per local day; one that would reach the next start is cut there.
 */
export interface FillWindowInput {
  /** Starts of windows, ascending, from before now on: see `src/world/local-times`. */
  readonly startsAtMs: readonly number[];
  readonly hours: number;
  readonly fillBitsPerSec: number;
  /** What peers may give besides; see the contract. */
  readonly peerBitsPerSec?: number | undefined;
  readonly nowMs: number;
  /** A window that the operator opened by hand, at the same rate. */
  readonly openedByHand?: { readonly startsAtMs: number; readonly endsAtMs: number } | undefined;
}

const HOUR_MS = 3_600_000;

interface Interval {
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/** Windows that are open or still to come, ascending; they may touch and never overlap. */
export function fillWindows(input: FillWindowInput): FillWindow[] {
  const regular = input.startsAtMs.map(
    (startsAtMs, index): Interval => ({
      startsAtMs,
      endsAtMs: Math.min(startsAtMs + input.hours * HOUR_MS, input.startsAtMs[index + 1] ?? Number.POSITIVE_INFINITY),
    }),
  );
  const { openedByHand } = input;
  const all =
    openedByHand === undefined ? regular : [...regular.flatMap((each) => cut(each, openedByHand)), openedByHand];
  return all
    .map(({ startsAtMs, endsAtMs }) => ({ startsAtMs: Math.round(startsAtMs), endsAtMs: Math.round(endsAtMs) }))
    .filter(({ startsAtMs, endsAtMs }) => endsAtMs > input.nowMs && endsAtMs > startsAtMs)
    .sort((a, b) => a.startsAtMs - b.startsAtMs)
    .map((interval) => ({ ...interval, ...ratesOf(input) }));
}

const ratesOf = ({ fillBitsPerSec, peerBitsPerSec }: FillWindowInput): Omit<FillWindow, keyof Interval> =>
  peerBitsPerSec === undefined ? { fillBitsPerSec } : { fillBitsPerSec, peerBitsPerSec };

/** The window that is open at `sinceMs` begins there; the others stay. */
export const restartWindow = (windows: readonly FillWindow[], sinceMs: number): FillWindow[] =>
  windows.map((window) =>
    window.startsAtMs < sinceMs && sinceMs < window.endsAtMs ? { ...window, startsAtMs: sinceMs } : window,
  );

/** What is left of an interval without another. */
function cut(interval: Interval, out: Interval): Interval[] {
  if (out.endsAtMs <= interval.startsAtMs || interval.endsAtMs <= out.startsAtMs) return [interval];
  return [
    { startsAtMs: interval.startsAtMs, endsAtMs: out.startsAtMs },
    { startsAtMs: out.endsAtMs, endsAtMs: interval.endsAtMs },
  ].filter(({ startsAtMs, endsAtMs }) => endsAtMs > startsAtMs);
}
