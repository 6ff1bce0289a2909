import { means, type PurgeRule, type PurgeTarget } from './purge-rule.ts';

/** An answer whose head is out. */
export interface RunningAnswer {
  readonly target: PurgeTarget;
  /** Ends it so that it cannot look complete: the connection is reset. */
  readonly cut: () => void;
}

/** The answers whose bodies are being sent, so that a purge can count or cut them. As many as there are requests. */
export class RunningAnswers {
  readonly #answers = new Set<RunningAnswer>();

  add(answer: RunningAnswer): void {
    this.#answers.add(answer);
  }

  delete(answer: RunningAnswer): void {
    this.#answers.delete(answer);
  }

  meantBy(rule: PurgeRule): RunningAnswer[] {
    return [...this.#answers].filter(({ target }) => means(rule, target));
  }
}
