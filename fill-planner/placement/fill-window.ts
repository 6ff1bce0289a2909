import type { FillWindow } from '../../src/contracts/fill-plan.ts';

/**
 * The absolute intervals in which an appliance may fill. Where a site's clocks jump, only the wall time of the start is
 * kept and the length stays real time: a window of four hours carries four hours of bytes on every night of the year.
 * Appliances get absolute times, so that none of them needs to know a time zone.
 *
 * Limits: one window per local day; a window that would reach the next start is cut there.
 */
export interface FillWindowInput {
  /** Starts of windows, ascending, from before now on: see `fleet/local-start-times`. */
  readonly startsAtMs: readonly number[];
  readonly hours: number;
  readonly fillBitsPerSec: number;
  readonly nowMs: number;
  /** A window that the operator opened by hand, at the same rate. */
  readonly openedByHand?: { readonly startsAtMs: number; readonly endsAtMs: number } | undefined;
}

const HOUR_MS = 3_600_000;

/** Windows that are open or still to come, ascending, none touching another. */
export function fillWindows(input: FillWindowInput): FillWindow[] {
  const regular = input.startsAtMs.map((startsAtMs, index) => ({
    startsAtMs,
    endsAtMs: Math.min(startsAtMs + input.hours * HOUR_MS, input.startsAtMs[index + 1] ?? Number.POSITIVE_INFINITY),
  }));
  const all = [...regular, ...(input.openedByHand === undefined ? [] : [input.openedByHand])]
    .filter(({ startsAtMs, endsAtMs }) => endsAtMs > input.nowMs && endsAtMs > startsAtMs)
    .sort((a, b) => a.startsAtMs - b.startsAtMs);
  const united: { startsAtMs: number; endsAtMs: number }[] = [];
  for (const window of all) {
    const last = united.at(-1);
    if (last !== undefined && window.startsAtMs <= last.endsAtMs)
      last.endsAtMs = Math.max(last.endsAtMs, window.endsAtMs);
    else united.push({ ...window });
  }
  return united.map(({ startsAtMs, endsAtMs }) => ({
    startsAtMs: Math.round(startsAtMs),
    endsAtMs: Math.round(endsAtMs),
    fillBitsPerSec: input.fillBitsPerSec,
  }));
}
