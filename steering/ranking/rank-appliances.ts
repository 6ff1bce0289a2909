import type { Candidate } from './candidate.ts';
import { asExclusion, type Exclusion, exclude } from './exclude.ts';
import { homeOf } from './home.ts';
import { crowdedShare } from './load.ts';
import { type Decider, placeWords } from './place-words.ts';
import { areEquals, compareScored, decidingRule } from './rules.ts';
import { isCrowdedOut, keysOf, type Scored, type SessionKeys, score } from './score.ts';
import type { SessionFacts } from './session-facts.ts';
import { spreadDomains } from './spread-domains.ts';

/**
 * From the candidates to the few that a player is given, best first. The origin is not among them: it is the last place
 * of every answer, whatever happens here.
 *
 * Who cannot serve is excluded, the session's home is cut out (`home.ts`), the home is ordered by rules that are asked
 * in turn (`rules.ts`), and the first places are spread over failure domains. Everything is a function of the arguments,
 * which are plain data: a logged decision can be made again, and must come out the same.
 */
export const MAX_APPLIANCES = 7;

export interface RankedAppliance extends Scored {
  /** What put it behind the place before it; undefined for the first. */
  readonly decidedBy: Decider | undefined;
  /** Made when somebody reads them. */
  readonly reasons: readonly string[];
}

export interface Ranking {
  readonly ranked: readonly RankedAppliance[];
  readonly excluded: readonly Exclusion[];
}

/** @param candidates with unique ids, in any order: the order makes no difference */
export function rankAppliances(candidates: readonly Candidate[], session: SessionFacts): Ranking {
  const keys = keysOf(session);
  const excluded: Exclusion[] = [];
  const eligible: Scored[] = [];
  for (const candidate of candidates) {
    const exclusion = exclude(candidate, session);
    if (exclusion === undefined) eligible.push({ candidate, score: score(candidate, session, keys) });
    else excluded.push(exclusion);
  }
  const home = homeOf(keepRequiredSoftware(eligible, session, excluded), session, MAX_APPLIANCES).sort(compareScored);
  moveOutOfCrowds(home, keys);
  const movedTo = session.policy.spreadFailureDomains ? spreadDomains(home) : undefined;
  return {
    ranked: home.map((scored, place) => placed(scored, home[place - 1], session, place === movedTo)),
    excluded: excluded.sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function placed(
  { candidate, score }: Scored,
  before: Scored | undefined,
  session: SessionFacts,
  wasMoved: boolean,
): RankedAppliance {
  return {
    candidate,
    score,
    get decidedBy(): Decider | undefined {
      return before === undefined ? undefined : wasMoved ? 'failure-domain' : deciderOf(before, { candidate, score });
    },
    get reasons() {
      return placeWords({ candidate, score }, session, this.decidedBy);
    },
  };
}

/** Who stands behind a place that somebody was moved to may be better than it in all rules. */
function deciderOf(before: Scored, behind: Scored): Decider {
  if (compareScored(before, behind) > 0) return 'failure-domain';
  return decidingRule(before.score, behind.score) ?? 'id';
}

/** Bounded loads (`load.ts`): equals stand side by side, and those above their mean give sessions away. */
function moveOutOfCrowds(ordered: Scored[], keys: SessionKeys): void {
  let isMoved = false;
  for (let start = 0; start < ordered.length; ) {
    const first = ordered[start];
    let end = start + 1;
    while (first !== undefined && end < ordered.length && isEqualTo(first, ordered[end])) end += 1;
    if (end - start > 1) {
      const mean = meanPressure(ordered, start, end);
      for (let at = start; at < end; at += 1) {
        const one = ordered[at];
        if (one === undefined || !isCrowdedOut(one, keys, crowdedShare(one.score.pressure, mean))) continue;
        one.score.crowded = true;
        isMoved = true;
      }
    }
    start = end;
  }
  if (isMoved) ordered.sort(compareScored);
}

const isEqualTo = (one: Scored, other: Scored | undefined): boolean =>
  other !== undefined && areEquals(one.score, other.score);

/** By capacity, so that a small box does not count like a large one. */
function meanPressure(ordered: readonly Scored[], start: number, end: number): number {
  let [weighted, weights] = [0, 0];
  for (let at = start; at < end; at += 1) {
    const one = ordered[at];
    if (one === undefined) continue;
    const { softEgressBitsPerSec, capacityShare } = one.candidate.member;
    weighted += one.score.pressure * softEgressBitsPerSec * capacityShare;
    weights += softEgressBitsPerSec * capacityShare;
  }
  return weights > 0 ? weighted / weights : 0;
}

/** Where the policy requires a version, the others are left out, unless nothing would remain. */
function keepRequiredSoftware(
  eligible: readonly Scored[],
  session: SessionFacts,
  excluded: Exclusion[],
): readonly Scored[] {
  if (session.policy.software?.rule !== 'require') return eligible;
  const { fitting = [], others = [] } = Object.groupBy(eligible, ({ score }) =>
    score.softwareFits ? 'fitting' : 'others',
  );
  if (fitting.length === 0) return eligible;
  for (const { candidate } of others) excluded.push(asExclusion('other-software', candidate, session));
  return fitting;
}
