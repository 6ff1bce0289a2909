import type { Candidate } from './candidate.ts';
import { Exclusion, exclude } from './exclude.ts';
import { homeOf } from './home.ts';
import { crowdedShare } from './load.ts';
import { type Decider, placeWords } from './place-words.ts';
import { areEquals, compareScored, decidingRule } from './rules.ts';
import { isCrowdedOut, keysOf, type Score, type Scored, type SessionKeys, score } from './score.ts';
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

/** An appliance at its place. Its words are made when somebody reads them: most players only want the order. */
export class RankedAppliance implements Scored {
  readonly candidate: Candidate;
  readonly score: Score;
  readonly #before: Scored | undefined;
  readonly #session: SessionFacts;
  readonly #wasMoved: boolean;

  constructor(
    { candidate, score }: Scored,
    { before, session, wasMoved }: { before: Scored | undefined; session: SessionFacts; wasMoved: boolean },
  ) {
    this.candidate = candidate;
    this.score = score;
    this.#before = before;
    this.#session = session;
    this.#wasMoved = wasMoved;
  }

  get id(): string {
    return this.candidate.member.id;
  }

  get siteId(): string {
    return this.candidate.member.siteId;
  }

  get baseUrl(): string {
    return this.candidate.member.baseUrl;
  }

  /** What put it behind the place before it; undefined for the first. */
  get decidedBy(): Decider | undefined {
    if (this.#before === undefined) return undefined;
    // Who stands behind somebody that was moved may be better in all rules.
    if (this.#wasMoved || compareScored(this.#before, this) > 0) return 'failure-domain';
    return decidingRule(this.#before.score, this.score) ?? 'id';
  }

  get reasons(): readonly string[] {
    return placeWords(this, this.#session, this.decidedBy);
  }
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
    ranked: home.map(
      (scored, place) => new RankedAppliance(scored, { before: home[place - 1], session, wasMoved: place === movedTo }),
    ),
    excluded: excluded.sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** Bounded loads (`load.ts`): equals stand side by side, and those above their mean give sessions away. */
function moveOutOfCrowds(ordered: Scored[], keys: SessionKeys): void {
  let isMoved = false;
  for (let start = 0; start < ordered.length; ) {
    const first = ordered[start];
    let end = start + 1;
    while (end < ordered.length && areBothEqual(first, ordered[end])) end += 1;
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

const areBothEqual = (one: Scored | undefined, other: Scored | undefined): boolean =>
  one !== undefined && other !== undefined && areEquals(one.score, other.score);

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
  for (const { candidate } of others) excluded.push(new Exclusion('other-software', candidate, session));
  return fitting;
}
