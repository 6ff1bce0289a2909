import type { Cohort } from './policy.ts';
import { countBad, evidence, NEW_TEST, type SequentialTest } from './sequential-test.ts';

/** How a session can go bad: it stalled, something failed, or its player left the pathway that it was given. */
export const BAD_OUTCOMES = ['stalled', 'failed', 'fled'] as const;
export type BadOutcome = (typeof BAD_OUTCOMES)[number];

export interface OutcomeReport {
  readonly outcome: BadOutcome;
  /** Sessions, each once. */
  readonly cohortSessions: number;
  readonly controlSessions: number;
  readonly evidence: number;
}

/** Proof that a cohort is worse. */
export interface Verdict {
  readonly outcome: BadOutcome;
  readonly because: string;
}

/** Sessions remembered per generation; two are kept, so the memory of one cohort is bounded by twice this. */
const MAX_SESSIONS = 20_000;

/**
 * Counts the bad sessions of one cohort and of its control, and says when the cohort is worse. A session counts once for
 * each outcome. The chance of a false alarm is shared out over the outcomes, because each is a test of its own.
 */
export class CohortOutcomes {
  readonly #cohort: Cohort;
  readonly #tests = new Map<BadOutcome, SequentialTest>(BAD_OUTCOMES.map((outcome) => [outcome, NEW_TEST]));
  #seen = new Set<string>();
  #seenBefore = new Set<string>();

  constructor(cohort: Cohort) {
    this.#cohort = cohort;
  }

  /** @returns the proof, when with this session there is one */
  note(sessionId: string, isControl: boolean, outcome: BadOutcome): Verdict | undefined {
    const { share, controlShare, rollBack, name } = this.#cohort;
    const key = `${outcome} ${sessionId}`;
    if (rollBack === undefined || share === 0 || controlShare === 0 || this.#hasSeen(key)) return undefined;
    const comparison = { share: share / (share + controlShare), allowedRatio: 1 + rollBack.tolerance };
    const test = countBad(this.#tests.get(outcome) ?? NEW_TEST, !isControl, comparison);
    this.#tests.set(outcome, test);
    if (evidence(test) < BAD_OUTCOMES.length / rollBack.falseAlarms) return undefined;
    const because = `${test.cohortCount} sessions of ${name} ${outcome} against ${test.controlCount} of its control, which has ${(controlShare / share).toFixed(2)} times as many`;
    return { outcome, because };
  }

  reports(): OutcomeReport[] {
    return [...this.#tests].map(([outcome, test]) => ({
      outcome,
      cohortSessions: test.cohortCount,
      controlSessions: test.controlCount,
      evidence: evidence(test),
    }));
  }

  #hasSeen(key: string): boolean {
    if (this.#seen.has(key) || this.#seenBefore.has(key)) return true;
    if (this.#seen.size >= MAX_SESSIONS) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
    }
    this.#seen.add(key);
    return false;
  }
}
