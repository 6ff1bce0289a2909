import type { EdgeFilter, EdgeQuestion, EdgeVerdict } from './edge-question.ts';

/** What came out of the chain. With a verdict there is no ranking; the rest of the question still shapes the answer. */
export interface EdgePassage {
  readonly question: EdgeQuestion;
  readonly verdict: EdgeVerdict | undefined;
}

/** What one filter did since the start. */
export interface FilterReport {
  readonly name: string;
  readonly does: string;
  readonly asked: number;
  /** Times that it added something. */
  readonly changed: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

interface Counted {
  readonly filter: EdgeFilter;
  asked: number;
  changed: number;
  readonly verdicts: Map<EdgeVerdict, number>;
}

/**
 * What stands in front of every decision, in one visible order: each filter is one file with one function, and what it
 * did is counted. The first verdict counts. It ends the way to a ranking and not the chain, because an old device must
 * get its own kind of answer also when that is the static one. It runs for each request, so it costs additions to a few
 * integers and what the filters themselves do.
 */
export class EdgeChain {
  readonly #filters: readonly Counted[];

  constructor(filters: readonly EdgeFilter[]) {
    this.#filters = filters.map((filter) => ({ filter, asked: 0, changed: 0, verdicts: new Map() }));
  }

  pass(asked: EdgeQuestion): EdgePassage {
    let question = asked;
    let verdict: EdgeVerdict | undefined;
    for (const counted of this.#filters) {
      if (verdict !== undefined && !counted.filter.shapes) continue;
      counted.asked += 1;
      const result = counted.filter.apply(question);
      if (typeof result === 'string') {
        verdict ??= result;
        counted.verdicts.set(result, (counted.verdicts.get(result) ?? 0) + 1);
      } else if (result !== question) {
        counted.changed += 1;
        question = result;
      }
    }
    return { question, verdict };
  }

  reports(): FilterReport[] {
    return this.#filters.map(({ filter: { name, does }, asked, changed, verdicts }) => ({
      name,
      does,
      asked,
      changed,
      verdicts: Object.fromEntries(verdicts),
    }));
  }
}
