import type { QualityVerdict } from '../ranking/candidate.ts';
import {
  type DemotionRules,
  doubtsReports,
  isFailing,
  newStanding,
  nextStanding,
  type Standing,
  type Votes,
} from './judging/judge-demotion.ts';
import type { RoundResult } from './quality-round.ts';
import type { QualityStore } from './sketches/quality-store.ts';

export interface StandingChange {
  readonly applianceId: string;
  readonly from: Standing['kind'];
  readonly to: Standing;
}

/** For an appliance's journal. */
export function standingInWords(standing: Standing): string {
  if (standing.kind === 'demoted') return `demoted: ${standing.because}`;
  if (standing.kind === 'probing') return `tried by ${Math.round(standing.share * 100)} % of the sessions`;
  return 'trusted again';
}

/** Half of what the best gives, or stalls and errors in numbers. */
const DEMOTED_CLASS = 2;
/** The same of few measurements, not drawn to anything: half octaves, and how many it takes. */
const PROBE_GAP = -2;
const MIN_PROBE_RATES = 8;

interface Held {
  readonly standing: Standing;
  /** For everybody, instead of what was measured; undefined while it is trusted. */
  readonly verdict: QualityVerdict | undefined;
}

/** Where each appliance stands: trusted, demoted, or probed. See judge-demotion for the rules. */
export class Standings {
  readonly #rules: DemotionRules;
  readonly #doubtShare: number;
  readonly #held = new Map<string, Held>();
  #doubting = false;

  constructor(rules: DemotionRules, doubtShare: number) {
    this.#rules = rules;
    this.#doubtShare = doubtShare;
  }

  /** So much is said to fail that the reports are doubted. */
  get doubting(): boolean {
    return this.#doubting;
  }

  standingOf(applianceId: string): Standing | undefined {
    return this.#held.get(applianceId)?.standing;
  }

  verdictOf(applianceId: string): QualityVerdict | undefined {
    return this.#held.get(applianceId)?.verdict;
  }

  ids(): Iterable<string> {
    return this.#held.keys();
  }

  counts(): Readonly<Record<'demoted' | 'probing', number>> {
    const counts = { demoted: 0, probing: 0 };
    for (const { standing } of this.#held.values()) if (standing.kind !== 'trusted') counts[standing.kind] += 1;
    return counts;
  }

  /** Judges all of which something is known. @returns what changed; those that begin to be probed count anew */
  judge(results: ReadonlyMap<string, RoundResult>, { panels }: QualityStore, nowMs: number): StandingChange[] {
    const votes = new Map<string, Votes>();
    for (const id of new Set([...panels.keys(), ...results.keys(), ...this.#held.keys()])) {
      const count = panels.get(id)?.count(nowMs) ?? { failing: 0, heard: 0 };
      if (count.heard === 0 && !this.#held.has(id)) panels.delete(id);
      votes.set(id, { ...count, measured: this.#measured(id, results.get(id)) });
    }
    this.#doubting = this.#isDoubtful(votes);
    const context = { doubting: this.#doubting, nowMs, rules: this.#rules };
    const changes: StandingChange[] = [];
    for (const [id, vote] of votes) {
      const standing = this.standingOf(id) ?? newStanding(nowMs);
      const next = nextStanding(standing, vote, context);
      if (next !== standing) this.#set(id, next);
      if (next.kind === standing.kind && !isGrown(standing, next)) continue;
      // A new step is judged by what is said in it.
      if (next.kind !== 'trusted') panels.get(id)?.clear();
      changes.push({ applianceId: id, from: standing.kind, to: next });
    }
    return changes;
  }

  #set(id: string, standing: Standing): void {
    if (standing.kind === 'trusted' && standing.holdMs === 0) this.#held.delete(id);
    else this.#held.set(id, { standing, verdict: verdictFor(standing) });
  }

  /**
   * Why it is bad by what was measured. What stands for a while counts; of one that is probed by few there will never
   * be as much, and it was bad before, so what few measure is taken for what it is.
   */
  #measured(id: string, result: RoundResult | undefined): string | undefined {
    const isProbed = this.standingOf(id)?.kind === 'probing';
    const judgement = isProbed ? result?.judged : result?.settled;
    if (judgement !== undefined && judgement.qualityClass >= DEMOTED_CLASS) return judgement.because;
    const { rateGaps = 0, rateWeight = 0 } = result?.evidence ?? {};
    if (!isProbed || rateWeight < MIN_PROBE_RATES || rateGaps > PROBE_GAP * rateWeight) return undefined;
    return `the few who try it get ${Math.round(100 * 2 ** (rateGaps / rateWeight / 2))} % of what the best gives them`;
  }

  #isDoubtful(votes: ReadonlyMap<string, Votes>): boolean {
    let failing = 0;
    let heard = 0;
    for (const [id, vote] of votes) {
      const isDemoted = this.standingOf(id)?.kind === 'demoted';
      const fails = isDemoted || isFailing(vote, this.#rules);
      if (fails) failing += 1;
      if (fails || vote.heard >= this.#rules.minReporters) heard += 1;
    }
    return doubtsReports(failing, heard, this.#doubtShare);
  }
}

const isGrown = (before: Standing, after: Standing): boolean =>
  before.kind === 'probing' && after.kind === 'probing' && before.share !== after.share;

function verdictFor(standing: Standing): QualityVerdict | undefined {
  switch (standing.kind) {
    case 'trusted':
      return undefined;
    case 'demoted':
      return { qualityClass: 3, probeShare: 0, because: `demoted: ${standing.because}` };
    case 'probing': {
      const percent = Math.round(standing.share * 100);
      return {
        qualityClass: 0,
        probeShare: standing.share,
        because: `on probation for ${percent} % of the sessions after: ${standing.because}`,
      };
    }
  }
}
