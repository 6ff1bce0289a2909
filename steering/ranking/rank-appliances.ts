import type { Candidate } from './candidate.ts';
import { type Exclusion, exclude } from './exclude.ts';
import { compareLasting, compareScores, type Score, type Scored, type SessionFacts, score } from './score.ts';

/**
 * From all appliances to the few that a player is given, best first. The origin is not among them: it is the last
 * place of every answer, whatever happens here.
 *
 * A player can only use the pathways that its manifest declared at the start of the session, so the answers of later
 * hours must go on containing them. Ranking all appliances anew and cutting at seven would lose them as soon as seven
 * others are less loaded. So the cut comes first, by the order that does not follow the load (`compareLasting`), and
 * the ranking by load happens within it: a session has a home of seven appliances that changes only when one of them
 * is excluded or a better one appears for good. Three of the seven are declared, so four newcomers may still step in
 * between. Nothing of this is stored; session, title and fleet give it again at any replica and after any restart.
 */
export const MAX_APPLIANCES = 7;

export interface RankedAppliance {
  readonly candidate: Candidate;
  readonly score: Score;
  readonly reasons: readonly string[];
}

export interface Ranking {
  readonly ranked: readonly RankedAppliance[];
  readonly excluded: readonly Exclusion[];
}

/** @param candidates with unique ids, in any order: the order makes no difference */
export function rankAppliances(candidates: readonly Candidate[], session: SessionFacts): Ranking {
  const excluded: Exclusion[] = [];
  const eligible: Scored[] = [];
  for (const candidate of candidates) {
    const exclusion = exclude(candidate);
    if (exclusion === undefined) eligible.push({ candidate, score: score(candidate, session) });
    else excluded.push(exclusion);
  }
  const home = bestOf(keepRequiredSoftware(eligible, session, excluded), MAX_APPLIANCES, compareLasting).sort(
    compareScores,
  );
  return {
    ranked: home.map((scored) => ({ ...scored, reasons: reasonsFor(scored, session) })),
    excluded: excluded.sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** Where the policy requires a version, the others are left out, unless nothing would remain. */
function keepRequiredSoftware(
  eligible: readonly Scored[],
  { policy: { software, variant } }: SessionFacts,
  excluded: Exclusion[],
): readonly Scored[] {
  if (software?.rule !== 'require') return eligible;
  const { fitting = [], others = [] } = Object.groupBy(eligible, ({ score }) =>
    score.softwareFits ? 'fitting' : 'others',
  );
  if (fitting.length === 0) return eligible;
  for (const { candidate } of others)
    excluded.push({
      id: candidate.id,
      code: 'other-software',
      reason: `software ${candidate.softwareVersion}: policy ${variant} requires ${software.version}`,
    });
  return fitting;
}

/** The first `count` in the order, in order; a fleet of thousands is not sorted for seven places. */
function bestOf<T>(items: readonly T[], count: number, compare: (a: T, b: T) => number): T[] {
  const best: T[] = [];
  for (const item of items) {
    const last = best[count - 1];
    if (last !== undefined && compare(item, last) > 0) continue;
    let at = Math.min(best.length, count - 1);
    for (let before = best[at - 1]; before !== undefined && compare(item, before) < 0; before = best[at - 1]) {
      best[at] = before;
      at -= 1;
    }
    best[at] = item;
  }
  return best;
}

function reasonsFor({ candidate, score }: Scored, session: SessionFacts): string[] {
  const reasons = [
    score.inSite
      ? `in the client's site ${candidate.siteId}`
      : session.siteId === undefined
        ? `site ${candidate.siteId}; the client's is not known`
        : `site ${candidate.siteId}, not the client's ${session.siteId}`,
  ];
  if (session.policy.software !== undefined)
    reasons.push(
      `software ${candidate.softwareVersion}: policy ${session.policy.variant} ${session.policy.software.rule}s ${session.policy.software.version}`,
    );
  if (candidate.lease.kind === 'doubtful') reasons.push(`doubtful: ${candidate.lease.because}`);
  reasons.push(
    `load at ${Math.round(score.pressure * 100)} % of the soft limit${score.yields ? ': this session looks elsewhere first' : ''}`,
  );
  reasons.push(
    candidate.held.kind === 'known'
      ? `holds ${Math.floor(candidate.held.share * 100)} % of the title`
      : `holdings not known: ${candidate.held.because}`,
  );
  return reasons.map((reason) => reason.slice(0, 200));
}
