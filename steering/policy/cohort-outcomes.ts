import { parseAddress } from '../routing/ip-address.ts';
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

/** Sessions and addresses remembered per generation; two are kept, so what one cohort remembers is bounded by four times this. */
const MAX_REMEMBERED = 20_000;
/** A few households share an address. */
const MAX_PER_ADDRESS = 3;

/**
 * Counts the bad sessions of one cohort and of its control, and says when the cohort is worse. A session counts once for
 * each outcome. The chance of a false alarm is shared out over the outcomes, because each is a test of its own.
 *
 * Anybody can invent sessions, and can find out which of them are in the cohort. So of one address (of IPv6: of one /48)
 * only the first few count, of cohort and control together: which of the two an honest viewer's session is in was drawn,
 * so the comparison stays what it was.
 */
export class CohortOutcomes {
  readonly #cohort: Cohort;
  readonly #tests = new Map<BadOutcome, SequentialTest>(BAD_OUTCOMES.map((outcome) => [outcome, NEW_TEST]));
  readonly #sessions = new Remembered();
  readonly #addresses = new Remembered();

  constructor(cohort: Cohort) {
    this.#cohort = cohort;
  }

  /** @returns the proof, when with this session there is one */
  note(sessionId: string, isControl: boolean, outcome: BadOutcome, address: string): Verdict | undefined {
    const { share, controlShare, rollBack, name } = this.#cohort;
    const key = `${outcome} ${sessionId}`;
    if (rollBack === undefined || share === 0 || controlShare === 0 || this.#sessions.timesOf(key) > 0)
      return undefined;
    const from = `${outcome} ${networkOf(address)}`;
    if (this.#addresses.timesOf(from) >= MAX_PER_ADDRESS) return undefined;
    this.#sessions.note(key);
    this.#addresses.note(from);
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
}

/** How often each was noted, of the last so many. */
class Remembered {
  #now = new Map<string, number>();
  #before = new Map<string, number>();

  timesOf(key: string): number {
    return this.#now.get(key) ?? this.#before.get(key) ?? 0;
  }

  note(key: string): void {
    const times = this.timesOf(key) + 1;
    if (this.#now.size >= MAX_REMEMBERED) {
      this.#before = this.#now;
      this.#now = new Map();
    }
    this.#now.set(key, times);
  }
}

function networkOf(address: string): string {
  const words = parseAddress(address)?.words;
  return words?.length === 4 ? `${words[0]}:${(words[1] ?? 0) >>> 16}` : address;
}
