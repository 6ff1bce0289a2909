import type { CountedHour } from './count-efficiency.ts';
import { type EfficiencyTest, evidenceAgainst, judgeHour, NEW_EFFICIENCY_TEST } from './efficiency-test.ts';

/**
 * The plans in force are always on trial against the last good ones. Good plans are renewed in two steps, so that
 * whatever is gone back to has itself been in force for at least half a trial without anything speaking against it:
 * plans are marked, and half a trial later the marked ones become the good ones and those in force are marked. An
 * alarm in between throws the marks away with the plans.
 */
export interface TrialRules {
  /** How long plans are watched before they are what one goes back to. */
  readonly trialMs: number;
  /** Chance of going back from plans that are no worse, over one trial. */
  readonly falseReturns: number;
  /** Share of the served bytes that new plans may lose. */
  readonly tolerance: number;
}

export interface Trial {
  readonly test: EfficiencyTest;
  readonly judgedUntilMs: number;
  readonly markedSinceMs: number;
}

export interface TrialVerdict {
  readonly trial: Trial;
  /** worse: go back. renew: the marked plans become the good ones, those in force are marked. */
  readonly kind: 'worse' | 'renew' | 'goes-on';
  readonly evidence: number;
  /** Beyond this much evidence new plans go no further, though it is no proof yet. */
  readonly isSuspect: boolean;
}

const HOUR_MS = 3_600_000;
/** Appliances send the last counts of an hour a little after its end. */
const SAMPLES_ARE_LATE_MS = 900_000;

/** The end of the last hour whose samples have all come, by the clock. */
export const judgeableUntilMs = (nowMs: number): number =>
  Math.floor((nowMs - SAMPLES_ARE_LATE_MS) / HOUR_MS) * HOUR_MS;

/** @param hours that ended since `trial.judgedUntilMs`, oldest first */
export function judgeTrial(
  trial: Trial,
  hours: readonly CountedHour[],
  nowMs: number,
  { trialMs, falseReturns, tolerance }: TrialRules,
): TrialVerdict {
  let { test } = trial;
  const judgedUntilMs = Math.max(trial.judgedUntilMs, judgeableUntilMs(nowMs));
  const anew = { test: NEW_EFFICIENCY_TEST, judgedUntilMs, markedSinceMs: nowMs };
  for (const hour of hours) {
    test = judgeHour(test, hour, tolerance);
    const evidence = evidenceAgainst(test);
    if (evidence >= 1 / falseReturns) return { trial: anew, kind: 'worse', evidence, isSuspect: true };
  }
  const evidence = evidenceAgainst(test);
  const isSuspect = evidence >= Math.sqrt(1 / falseReturns);
  const isOver = nowMs >= trial.markedSinceMs + trialMs / 2 && !isSuspect;
  return isOver
    ? { trial: anew, kind: 'renew', evidence, isSuspect }
    : { trial: { ...trial, test, judgedUntilMs }, kind: 'goes-on', evidence, isSuspect };
}
