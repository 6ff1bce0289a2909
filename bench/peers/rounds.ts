import type { ProgressLine } from '../../src/cli/progress-line.ts';
import type { CaseName, Figures, Round } from './figures.ts';
import { hostSpeedMs } from './host-speed.ts';
import type { PeerName } from './peer-kinds.ts';

/** Between the beginning of a round and its end; more, and its ratios say what the host did. */
const MOST_CHANGE = 1.25;
const MOST_TRIES = 3;

export interface RoundPlan {
  readonly rounds: number;
  readonly cases: readonly CaseName[];
  readonly servers: readonly PeerName[];
  /** Measures one server once. */
  measure(caseName: CaseName, server: PeerName): Promise<Figures>;
}

/** What goes on around the rounds of a whole run. */
export class RoundLog {
  readonly rounds: Round[] = [];
  /** What went wrong, a line each. */
  readonly problems: string[] = [];
  readonly #progress: ProgressLine;
  readonly #expected: number;
  #done = 0;

  /** @param expected turns of servers in the whole run */
  constructor(progress: ProgressLine, expected: number) {
    this.#progress = progress;
    this.#expected = expected;
  }

  show(step: string): void {
    this.#progress.show(this.#done / Math.max(1, this.#expected), step);
  }

  end(): void {
    this.#progress.end();
  }

  /** All rounds of some cases: the cases in turn, and in each all servers, every other time from the last to the first. */
  async run(plan: RoundPlan): Promise<void> {
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const caseName of plan.cases) {
        for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
          const measured = await this.#runOnce(plan, caseName, round);
          this.rounds.push(measured);
          if (!measured.isShaky) break;
          // Measured once more on top of what was planned.
          if (attempt < MOST_TRIES) this.#done -= plan.servers.length;
        }
      }
    }
  }

  async #runOnce(plan: RoundPlan, caseName: CaseName, round: number): Promise<Round> {
    const figures: Record<string, Figures> = {};
    const before = hostSpeedMs();
    const order = round % 2 === 1 ? plan.servers : plan.servers.toReversed();
    for (const server of order) {
      this.show(`${caseName}, round ${round} of ${plan.rounds}: ${server}`);
      this.#done += 1;
      try {
        figures[server] = await plan.measure(caseName, server);
      } catch (error) {
        this.problems.push(
          `${caseName}, round ${round}, ${server}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    const after = hostSpeedMs();
    const isShaky = Math.max(before, after) / Math.min(before, after) > MOST_CHANGE;
    return { caseName, round, hostMs: [before, after], isShaky, figures };
  }
}
