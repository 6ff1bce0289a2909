/**
 * Whether a disk is to be trusted, judged by what its operations met of late.
 *
 * Problem: a disk seldom dies at once. It answers with errors in one place, or answers everything after seconds, or does
 * not answer at all, which no error ever tells. Whoever waits for the first clear failure has viewers wait with him;
 * whoever takes every error for the end throws away a disk for one bad sector.
 *
 * Idea: budgets over a sliding window. Errors have a small one, slow operations a larger one, each as a share of all
 * operations, because a busy disk meets more of both. What breaks a small budget is SUSPECT: it is read on, and nothing
 * new is put there. What breaks a large one is FAILING: it is left. A dead disk must not be protected by the thousand
 * good operations of the minute before, so errors in a row count by themselves; and an operation that is still running
 * counts as slow, and as a hang once it has run for too long, or a disk that never answers would look idle.
 *
 * Limits: shares of few operations say nothing, so a disk that is slow and hardly used is found late; nobody suffers.
 */
export interface VolumeFacts {
  /** Of the window: operations that ended, those that failed, and those that took too long, running ones among them. */
  readonly operations: number;
  readonly errors: number;
  readonly slow: number;
  /** Without one success between them. */
  readonly errorsInARow: number;
  /** How long the oldest operation that has not ended runs; 0 when none does. */
  readonly longestRunningMs: number;
}

export interface VolumeBudgets {
  /** So many errors, or this share of the operations, are suspect. */
  readonly suspectErrors: number;
  readonly suspectErrorShare: number;
  readonly suspectSlowShare: number;
  /** So many errors in a row, or at least so many that are this share, are a disk that fails. */
  readonly failingErrors: number;
  readonly failingErrorShare: number;
  readonly failingSlowShare: number;
  /** A running operation is suspect after half of it and hangs after all of it. */
  readonly hangMs: number;
  /** Shares of fewer operations are not looked at. */
  readonly minOperations: number;
}

export const defaultBudgets: VolumeBudgets = {
  suspectErrors: 3,
  suspectErrorShare: 0.02,
  suspectSlowShare: 0.1,
  failingErrors: 5,
  failingErrorShare: 0.5,
  failingSlowShare: 0.5,
  hangMs: 10_000,
  minOperations: 20,
};

export type VolumeVerdict =
  | { readonly kind: 'sound' }
  /** `hangs`: it does not even answer, so that nobody shall wait for what it has in hand. */
  | { readonly kind: 'suspect' | 'failing'; readonly hangs: boolean; readonly why: string };

const SOUND: VolumeVerdict = { kind: 'sound' };
/** What was suspect is so until it keeps to this part of the budgets, or it would come and go. */
const CALM_SHARE = 0.5;

/** @param isSuspect whether it is so now */
export function judgeVolume(facts: VolumeFacts, budgets: VolumeBudgets, isSuspect: boolean): VolumeVerdict {
  return judgeFailing(facts, budgets) ?? judgeSuspect(facts, budgets, isSuspect ? CALM_SHARE : 1) ?? SOUND;
}

function judgeFailing(facts: VolumeFacts, budgets: VolumeBudgets): VolumeVerdict | undefined {
  const { operations, errors, slow, errorsInARow, longestRunningMs } = facts;
  const failing = (why: string, hangs = false): VolumeVerdict => ({ kind: 'failing', hangs, why });
  if (longestRunningMs >= budgets.hangMs) {
    return failing(`it hangs: an operation has not ended for ${seconds(longestRunningMs)}`, true);
  }
  if (errorsInARow >= budgets.failingErrors) return failing(`${errorsInARow} operations failed in a row`);
  if (errors >= budgets.failingErrors && errors / operations >= budgets.failingErrorShare) {
    return failing(`${errors} of ${operations} operations failed`);
  }
  if (operations >= budgets.minOperations && slow / operations >= budgets.failingSlowShare) {
    return failing(`${slow} of ${operations} operations were too slow`);
  }
  return undefined;
}

function judgeSuspect(facts: VolumeFacts, budgets: VolumeBudgets, share: number): VolumeVerdict | undefined {
  const { operations, errors, slow, longestRunningMs } = facts;
  const suspect = (why: string, hangs = false): VolumeVerdict => ({ kind: 'suspect', hangs, why });
  if (longestRunningMs >= budgets.hangMs / 2) {
    return suspect(`an operation has not ended for ${seconds(longestRunningMs)}`);
  }
  const isMany = operations >= budgets.minOperations;
  const errorLimit = share * budgets.suspectErrors;
  if (errors >= errorLimit || (isMany && errors > 0 && errors / operations >= share * budgets.suspectErrorShare)) {
    return suspect(`${errors} of ${operations} operations failed`);
  }
  if (isMany && slow / operations >= share * budgets.suspectSlowShare) {
    return suspect(`${slow} of ${operations} operations were too slow`);
  }
  return undefined;
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
