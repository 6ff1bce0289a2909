import type { Score, Scored } from './score.ts';

/**
 * How two appliances compare for one session.
 *
 * One number with weights is the obvious way, and nobody can say afterwards why a place was the third. So the rules
 * stay apart and are asked in turn; the first that sees a difference decides, and its name is told with the place.
 *
 * What breaks playing comes first: an appliance that fails its viewers goes behind all others, and is excluded never, so
 * that there is a last resort. Then what the ISP pays for: where the flow between sites puts the session (it knows how
 * full the sites are), the client's own site, the kind of site, the ISP's cost. All these are of sites. Among the
 * appliances of equal sites it is doubt, the operator's trials, what viewers report, load, what is held, and last the
 * hash, which spreads sessions by capacity and never reorders the others when one of them comes or goes.
 *
 * Doubt is of new sessions. When the way from the appliances breaks, their leases end one after the other, and for some
 * seconds the silent ones stand beside others that will be silent next; who plays from one tells by that that it serves,
 * and would be moved for nothing.
 *
 * The hash does not move who plays already. A box that returns warms up, and with every step of its capacity a few more
 * hashes would choose it: each a viewer in the middle of a film, moved from a box that has all of it and is not crowded
 * to another of the same kind. So before the hash it counts from where the session plays. What returns gets the new
 * sessions, and of the running ones those that its equals have too many of. Where a box lacks part of the title the
 * hash wins: there sessions of one title meet, so that what is fetched for one serves the others.
 */
export type RuleName =
  | 'demoted'
  | 'preferred-site'
  | 'distance'
  | 'site-kind'
  | 'site-cost'
  | 'doubt'
  | 'software'
  | 'quality'
  | 'load'
  | 'holdings'
  | 'crowding'
  | 'playing'
  | 'rendezvous';

interface Rule {
  readonly name: RuleName;
  /** Negative when `a` goes first. */
  readonly compare: (a: Score, b: Score) => number;
}

/** A site of which nobody says the cost is behind those of which somebody does. */
const costOf = ({ siteCost }: Score): number => siteCost ?? Number.MAX_VALUE;
const compareCosts = (a: Score, b: Score): number => {
  const [first, second] = [costOf(a), costOf(b)];
  return first === second ? 0 : first < second ? -1 : 1;
};

const RULES: readonly Rule[] = [
  { name: 'demoted', compare: (a, b) => Number(a.demoted) - Number(b.demoted) },
  { name: 'preferred-site', compare: (a, b) => Number(b.preferred) - Number(a.preferred) },
  { name: 'distance', compare: (a, b) => a.distance - b.distance },
  { name: 'site-kind', compare: (a, b) => a.kindRank - b.kindRank },
  { name: 'site-cost', compare: compareCosts },
  { name: 'doubt', compare: (a, b) => Number(a.doubtful) - Number(b.doubtful) },
  { name: 'software', compare: (a, b) => Number(b.softwareFits) - Number(a.softwareFits) },
  { name: 'quality', compare: (a, b) => a.qualityClass - b.qualityClass },
  { name: 'load', compare: (a, b) => Number(a.yields) - Number(b.yields) },
  { name: 'holdings', compare: (a, b) => b.heldClass - a.heldClass },
  { name: 'crowding', compare: (a, b) => Number(a.crowded) - Number(b.crowded) },
  { name: 'playing', compare: (a, b) => Number(b.stays) - Number(a.stays) },
  { name: 'rendezvous', compare: (a, b) => b.rendezvous - a.rendezvous },
];
const LAST_SITE_RULE = RULES.findIndex(({ name }) => name === 'site-cost');
const CROWDING_RULE = RULES.findIndex(({ name }) => name === 'crowding');

/** Total and transitive: the id decides what is equal in everything. */
export function compareScored(a: Scored, b: Scored): number {
  for (let at = 0; at < RULES.length; at += 1) {
    const difference = RULES[at]?.compare(a.score, b.score) ?? 0;
    if (difference !== 0) return difference;
  }
  return compareIds(a, b);
}

/**
 * The order without what changes from minute to minute (load, doubt, viewers' reports, the flow between sites, warming
 * up): it says which appliances are a session's own. Where it plays is one of them, however the fleet grows.
 */
export function compareLasting(a: Scored, b: Scored): number {
  const [first, second] = [a.score, b.score];
  return (
    first.distance - second.distance ||
    first.kindRank - second.kindRank ||
    compareCosts(first, second) ||
    Number(second.softwareFits) - Number(first.softwareFits) ||
    second.heldClass - first.heldClass ||
    Number(second.stays) - Number(first.stays) ||
    second.lastingRendezvous - first.lastingRendezvous ||
    compareIds(a, b)
  );
}

/** The rule by which one goes before the other; undefined when only the id tells them apart. */
export const decidingRule = (a: Score, b: Score): RuleName | undefined =>
  RULES.find(({ compare }) => compare(a, b) !== 0)?.name;

/** Whether nothing tells them apart but crowding and the hash. */
export const areEquals = (a: Score, b: Score): boolean => agreeUpTo(CROWDING_RULE, a, b);

/** Whether they cost the ISP and its viewers the same: neither fails, and sites and load are alike. */
export const costTheSame = (a: Score, b: Score): boolean =>
  agreeUpTo(LAST_SITE_RULE + 1, a, b) && a.doubtful === b.doubtful && a.yields === b.yields;

function agreeUpTo(end: number, a: Score, b: Score): boolean {
  for (let at = 0; at < end; at += 1) if (RULES[at]?.compare(a, b) !== 0) return false;
  return true;
}

const compareIds = (a: Scored, b: Scored): number => (a.candidate.member.id < b.candidate.member.id ? -1 : 1);
