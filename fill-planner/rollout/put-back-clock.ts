import type { RolloutState } from './rollout-state.ts';

const DAY_MS = 86_400_000;
/** A trial begins when the first window has closed, which is a day ahead at most. */
const AHEAD_MS = 2 * DAY_MS;

/**
 * What a rollout remembers, for a clock that was ahead and has been put back: times that were taken down meanwhile lie
 * in the future, and a stage, a hold or a trial that waits for them would wait for as long as the clock was wrong, with
 * nobody there to see it. A time in the future counts as now; a hold lasts as long as one that begins now, and hours are
 * judged again from here on.
 */
export function withoutFuture(state: RolloutState, nowMs: number, returnHoldMs: number): RolloutState {
  const past = (atMs: number): number => Math.min(atMs, nowMs);
  const { release, heldUntil, judgedUntilMs, plannedSinceMs } = state;
  return {
    ...state,
    release: release && {
      ...release,
      openedAtMs: past(release.openedAtMs),
      stageSinceMs: past(release.stageSinceMs),
    },
    heldUntil: heldUntil && { ...heldUntil, untilMs: Math.min(heldUntil.untilMs, nowMs + returnHoldMs) },
    judgedUntilMs: judgedUntilMs > nowMs + AHEAD_MS ? nowMs : judgedUntilMs,
    goodSinceMs: past(state.goodSinceMs),
    markedSinceMs: past(state.markedSinceMs),
    plannedSinceMs: Object.fromEntries(Object.entries(plannedSinceMs).map(([id, atMs]) => [id, past(atMs)])),
  };
}
