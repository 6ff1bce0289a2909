import { hashOfPair, hashOfText, unitOfPair } from '../../src/hashing/pair-hash.ts';
import type { Candidate, SiteKind } from './candidate.ts';
import { heldClassOf, WHOLE_CLASS } from './held-class.ts';
import { pressureOf, yieldingShare } from './load.ts';
import type { PolicyFacts } from './policy-facts.ts';
import type { SessionFacts } from './session-facts.ts';

/**
 * What the rules (`rules.ts`) say of one appliance for one session, each as a value of its own.
 *
 * The hash takes session and title where the whole title is held: all such appliances are equally warm, so sessions
 * spread. Where part of it is missing it takes the title alone: sessions of one title meet at one appliance, and what
 * it fetches for the first serves the others. The head of a file alone makes a start quick and counts as the little
 * that it is.
 *
 * Draws (who yields, who tries a demoted appliance) are of session and appliance together: by the session alone the
 * same few would be sent to every appliance that is on trial.
 */
export interface Score {
  /** Viewers report that it fails, and this session is not among the few that try it. */
  readonly demoted: boolean;
  /** In the site where the flow between sites puts the session. */
  readonly preferred: boolean;
  readonly inSite: boolean;
  /** 0 in the client's site, then the other sites that announce it in their order, and all the rest alike. */
  readonly distance: number;
  /** 0 embedded, 1 peering, 2 transit. */
  readonly kindRank: number;
  /** What its site costs the client's ISP; undefined where nobody says. */
  readonly siteCost: number | undefined;
  /** Silent, and this session does not play from it. */
  readonly doubtful: boolean;
  /** Its software is what the session's policy wants; true for all where it wants nothing. */
  readonly softwareFits: boolean;
  /** 0 as good as the best, to 3 clearly worse, as viewers near the client report. */
  readonly qualityClass: number;
  /** 0 idle to 1 at the soft limit, 2 at the hard limit. */
  readonly pressure: number;
  /** Above its soft limit, and this session is among those that look elsewhere first. */
  readonly yields: boolean;
  /** 0 (little or unknown) to 4 (whole), in quarters. */
  readonly heldClass: number;
  /** The player says that it plays from it, and it holds the whole title. */
  readonly stays: boolean;
  /** More loaded than its equals, and this session is among those that it gives away; known once the equals are. */
  crowded: boolean;
  /** Weighted by the capacity that it has now. */
  readonly rendezvous: number;
  /** Weighted by the capacity that it has when warm. */
  readonly lastingRendezvous: number;
}

export interface Scored {
  readonly candidate: Candidate;
  readonly score: Score;
}

/** Hashes of one session that all its scores are drawn from. */
export interface SessionKeys {
  readonly session: number;
  readonly title: number;
  readonly both: number;
}

export function keysOf({ unit, titleId }: SessionFacts): SessionKeys {
  const session = Math.floor(unit * 2 ** 32) | 0;
  const title = hashOfText(titleId);
  return { session, title, both: hashOfPair(session, title) };
}

/** Told apart from each other by these, so that who yields is not also who probes. */
const DRAWS = { yields: 0x51f15eed, probes: 0x2545f491, crowded: 0x3c6ef372 };
const KIND_RANKS: Readonly<Record<SiteKind, number>> = { embedded: 0, peering: 1, transit: 2 };
const ELSEWHERE = 1000;

export function score(candidate: Candidate, session: SessionFacts, keys: SessionKeys): Score {
  const { member, held, site, quality, siteCost } = candidate;
  const { siteId } = member;
  const hash = hashOfText(member.id);
  const pressure = pressureOf(candidate);
  const heldClass = held.kind === 'known' ? heldClassOf(held.share) : 0;
  const yields = pressure > 1 && draw(keys, hash, DRAWS.yields) < yieldingShare(pressure, session.policy.yieldSlope);
  const demoted = quality.probeShare < 1 && draw(keys, hash, DRAWS.probes) >= quality.probeShare;
  const logarithm = Math.log(unitOfPair(heldClass === WHOLE_CLASS ? keys.both : keys.title, hash));
  const lastingRendezvous = -member.softEgressBitsPerSec / logarithm;
  const inSite = siteId === session.siteId;
  return {
    demoted,
    preferred: siteId === session.preferredSiteId && !demoted && !yields,
    inSite,
    distance: inSite ? 0 : distanceOf(siteId, session),
    kindRank: KIND_RANKS[site.kind],
    siteCost,
    doubtful: member.lease.kind === 'doubtful' && !session.playing.includes(member.id),
    softwareFits: softwareFits(member, session.policy),
    qualityClass: quality.qualityClass,
    pressure,
    yields,
    heldClass,
    stays: heldClass === WHOLE_CLASS && session.playing.includes(member.id),
    crowded: false,
    rendezvous: lastingRendezvous * member.capacityShare,
    lastingRendezvous,
  };
}

/** Whether the session is among this share of those that an appliance gives away. */
export const isCrowdedOut = ({ candidate }: Scored, keys: SessionKeys, share: number): boolean =>
  share > 0 && draw(keys, hashOfText(candidate.member.id), DRAWS.crowded) < share;

const draw = ({ session }: SessionKeys, applianceHash: number, purpose: number): number =>
  unitOfPair(session ^ purpose, applianceHash);

function distanceOf(siteId: string, { otherSites }: SessionFacts): number {
  if (otherSites.length === 0) return ELSEWHERE;
  const at = otherSites.indexOf(siteId);
  return at === -1 ? ELSEWHERE : 1 + at;
}

function softwareFits({ softwareVersion }: Candidate['member'], { software }: PolicyFacts): boolean {
  return software === undefined || (softwareVersion === software.version) === (software.rule !== 'avoid');
}
