import { rendezvousScore, unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import type { Candidate } from './candidate.ts';
import { heldClassOf, WHOLE_CLASS } from './held-class.ts';
import type { PolicyFacts } from './policy-facts.ts';

/**
 * How well an appliance suits one session.
 *
 * One number with weights is the obvious way, and nobody can say afterwards why a place was the third. So the parts
 * stay apart and are compared in turn: site before doubt, doubt before load, load before holdings, and the rendezvous
 * hash decides among equals. Every part but the last has few values; many appliances are equal in them, and the hash
 * spreads sessions by capacity and never reorders the others when one of them comes or goes.
 *
 * Load works as a slope, not as a step. A step at the soft limit moves every session at once, the appliance falls
 * idle, all come back, and so on. Between soft and hard limit only a share of the sessions that grows with the load
 * sees the appliance as loaded, always the same sessions for the same load.
 *
 * The hash takes session and title where the whole title is held: all such appliances are equally warm, so sessions
 * spread. Where part of it is missing it takes the title alone: sessions of one title meet at one appliance, and what
 * it fetches for the first serves the others.
 */
export interface Score {
  readonly inSite: boolean;
  /** Its software is what the session's policy wants; true for all where it wants nothing. */
  readonly softwareFits: boolean;
  readonly doubtful: boolean;
  /** 0 idle to 1 at the soft limit, 2 at the hard limit. */
  readonly pressure: number;
  /** Above its soft limit, and this session is among those that look elsewhere first. */
  readonly yields: boolean;
  /** 0 (little or unknown) to 4 (whole), in quarters. */
  readonly heldClass: number;
  readonly rendezvous: number;
}

export interface SessionFacts {
  readonly sessionId: string;
  readonly titleId: string;
  /** Site of the client by its prefix; undefined when no prefix matches. */
  readonly siteId: string | undefined;
  readonly policy: PolicyFacts;
}

/** Requests in hand have no soft limit in the heartbeat; RFC 9808 speaks of both, so we put ours at four fifths. */
const SOFT_REQUEST_SHARE = 0.8;

export function score(candidate: Candidate, session: SessionFacts): Score {
  const heldClass = candidate.held.kind === 'known' ? heldClassOf(candidate.held.share) : 0;
  const pressure = pressureOf(candidate);
  const key = heldClass === WHOLE_CLASS ? `${session.titleId}\n${session.sessionId}` : session.titleId;
  return {
    inSite: session.siteId !== undefined && candidate.siteId === session.siteId,
    softwareFits: softwareFits(candidate, session.policy),
    doubtful: candidate.lease.kind === 'doubtful',
    pressure,
    yields:
      pressure > 1 &&
      unitHash(`${session.sessionId}\n${candidate.id}\nyields`) < (pressure - 1) * session.policy.yieldSlope,
    heldClass,
    rendezvous: rendezvousScore(key, { id: candidate.id, weight: candidate.softEgressBitsPerSec }),
  };
}

/** Negative when `a` goes first. Total and transitive: the id decides what is equal in everything. */
export function compareScores(a: Scored, b: Scored): number {
  return (
    Number(b.score.inSite) - Number(a.score.inSite) ||
    Number(a.score.doubtful) - Number(b.score.doubtful) ||
    Number(b.score.softwareFits) - Number(a.score.softwareFits) ||
    Number(a.score.yields) - Number(b.score.yields) ||
    compareWarmth(a, b)
  );
}

/** The same without what changes from minute to minute: the order that says which appliances are a session's own. */
export function compareLasting(a: Scored, b: Scored): number {
  return (
    Number(b.score.inSite) - Number(a.score.inSite) ||
    Number(b.score.softwareFits) - Number(a.score.softwareFits) ||
    compareWarmth(a, b)
  );
}

export interface Scored {
  readonly candidate: Candidate;
  readonly score: Score;
}

function compareWarmth(a: Scored, b: Scored): number {
  return (
    b.score.heldClass - a.score.heldClass ||
    b.score.rendezvous - a.score.rendezvous ||
    (a.candidate.id < b.candidate.id ? -1 : 1)
  );
}

function softwareFits({ softwareVersion }: Candidate, { software }: PolicyFacts): boolean {
  return software === undefined || (softwareVersion === software.version) === (software.rule !== 'avoid');
}

function pressureOf(candidate: Candidate): number {
  const egress = slope(candidate.egressBitsPerSec, candidate.softEgressBitsPerSec, candidate.hardEgressBitsPerSec);
  const softRequests = candidate.maxActiveRequests * SOFT_REQUEST_SHARE;
  return Math.max(egress, slope(candidate.activeRequests, softRequests, candidate.maxActiveRequests));
}

function slope(load: number, soft: number, hard: number): number {
  if (load <= soft) return load / soft;
  return hard > soft ? Math.min(2, 1 + (load - soft) / (hard - soft)) : 2;
}
