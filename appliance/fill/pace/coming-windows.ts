import type { FillPlan, FillWindow } from '../../../src/contracts/fill-plan.ts';

/**
 * When this appliance may fill, also after the last window that its plan names.
 *
 * Problem: a plan names the windows of the next days in absolute time, because only the planner knows the site's clocks.
 * When the planner is gone for longer than that, an appliance that has lost a disk, or was off for a week, would never
 * fill again.
 *
 * Idea: the site's hours hardly ever change, so the last day of windows that the plan knows is repeated every 24 hours,
 * at the same rate, for some days. What is not known is whether the clocks have been put forward or back meanwhile; so a
 * repeated window is only what is inside the site's hours either way: it begins an hour later and ends an hour earlier.
 *
 * Limits: of a window of two hours or less nothing is left, because nobody can tell where it lies. After the limit of
 * days nothing is filled any more without the operator (`oca fill now`): a rate that was agreed weeks ago is nobody's
 * word any more. What viewers ask for is fetched as ever.
 */
export function comingWindows(
  plan: Pick<FillPlan, 'windows'> | undefined,
  nowMs: number,
  repeatDays: number,
): readonly FillWindow[] {
  const named = plan?.windows ?? [];
  const lastEndMs = Math.max(...named.map(({ endsAtMs }) => endsAtMs));
  if (named.length === 0 || nowMs < lastEndMs - DAY_MS) return named;
  const lastStartMs = Math.max(...named.map(({ startsAtMs }) => startsAtMs));
  const lastDay = named.filter(({ startsAtMs }) => startsAtMs > lastStartMs - DAY_MS);
  const dayNow = Math.floor((nowMs - lastStartMs) / DAY_MS);
  const repeated: FillWindow[] = [];
  // Those that may be open now began today or yesterday; of those to come the next two days are enough to wait for.
  for (let day = Math.max(1, dayNow - 1); day <= Math.min(repeatDays, dayNow + 2); day += 1) {
    for (const { startsAtMs, endsAtMs, rates, ...window } of lastDay) {
      const startMs = Math.max(startsAtMs + day * DAY_MS + CLOCK_CHANGE_MS, lastEndMs);
      const endMs = endsAtMs + day * DAY_MS - CLOCK_CHANGE_MS;
      const shifted = rates?.map((rate) => ({ ...rate, fromMs: rate.fromMs + day * DAY_MS }));
      const pace = shifted === undefined ? window : { ...window, rates: shifted };
      if (startMs < endMs) repeated.push({ ...pace, startsAtMs: startMs, endsAtMs: endMs });
    }
  }
  return [...named, ...repeated];
}

const DAY_MS = 86_400_000;
/** As far as any country puts its clocks forward or back; Lord Howe Island half as far. */
const CLOCK_CHANGE_MS = 3_600_000;
