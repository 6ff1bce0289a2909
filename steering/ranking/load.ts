import type { Candidate } from './candidate.ts';

/**
 * How loaded an appliance is, and which of its sessions look elsewhere for that.
 *
 * A step at the soft limit moves every session at once, the appliance falls idle, all come back, and so on. So load
 * works as a slope: between soft and hard limit only a share of the sessions that grows with the load sees the
 * appliance as loaded, always the same sessions for the same load. What was placed and is not measured yet counts as
 * load, so a rush is seen while it happens. An appliance that warms up has a soft limit as much lower as its share of
 * capacity; its hard limit stays, for a cold appliance is better than none.
 *
 * Among equals below their soft limits the hash decides, which is blind: one of them may get twice its share. So the
 * load is bounded as in consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): who is above the
 * mean of its equals by more than a quarter gives away as many of its sessions as bring it back there. Below half of
 * the soft limit nobody does: an idle box has nothing to gain, and its sessions keep their warm cache.
 */

/** Requests in hand have no soft limit in the heartbeat; RFC 9808 speaks of both, so we put ours at four fifths. */
const SOFT_REQUEST_SHARE = 0.8;
/** The epsilon of bounded loads. */
const MOST_ABOVE_MEAN = 0.25;
const CALM_PRESSURE = 0.5;

/** 0 idle to 1 at the soft limit, 2 at the hard limit. */
export function pressureOf({ member, pendingBitsPerSec }: Candidate): number {
  const { capacityShare, softEgressBitsPerSec, hardEgressBitsPerSec, maxActiveRequests } = member;
  const egress = slope(
    member.egressBitsPerSec + pendingBitsPerSec,
    softEgressBitsPerSec * capacityShare,
    hardEgressBitsPerSec,
  );
  const softRequests = maxActiveRequests * SOFT_REQUEST_SHARE * capacityShare;
  return Math.max(egress, slope(member.activeRequests, softRequests, maxActiveRequests));
}

/** Share of the sessions for which an appliance is too loaded, 0 to 1. @param steepness see PolicyFacts */
export const yieldingShare = (pressure: number, steepness: number): number => Math.max(0, pressure - 1) * steepness;

/** Share of the sessions that an appliance among equals gives away. @param mean pressure of all equals by capacity */
export function crowdedShare(pressure: number, mean: number): number {
  const most = Math.max(CALM_PRESSURE, mean * (1 + MOST_ABOVE_MEAN));
  return pressure > most ? 1 - most / pressure : 0;
}

function slope(load: number, soft: number, hard: number): number {
  if (load <= soft) return soft > 0 ? load / soft : 2;
  return hard > soft ? Math.min(2, 1 + (load - soft) / (hard - soft)) : 2;
}
