import type { SiteSnapshot } from '../../src/contracts/site-snapshot.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';

/**
 * What an appliance must know to stand in for steering within its own site (pure).
 *
 * Steering that is gone cannot be asked where anything is, so what is told now must be enough for a day: who stands in
 * the site, by which URLs, and where players ask. It says nothing of load, health and content, which are old in seconds;
 * whoever answers by it looks himself who is there. Appliances that are withheld or ill at this moment are in it as well,
 * because by the time that it is needed they may be the ones that are left; those that steering has given up are not.
 *
 * Times are in steps, so that the same site gives the same document until an eighth of its life is over, and who has it
 * is told that nothing changed.
 */
export interface SnapshotPolicy {
  readonly steeringUrl: string;
  readonly ttlSec: number;
  readonly lifeMs: number;
}

const STEPS = 8;
const MAX_APPLIANCES = 256;

export function composeSnapshot(
  siteId: string,
  { membersBySite }: Pick<FleetView, 'membersBySite'>,
  { steeringUrl, ttlSec, lifeMs }: SnapshotPolicy,
  nowMs: number,
): Omit<SiteSnapshot, 'keyId' | 'signature'> {
  const stepMs = Math.ceil(lifeMs / STEPS);
  const issuedAtMs = Math.floor(nowMs / stepMs) * stepMs;
  const members = (membersBySite.get(siteId) ?? []).filter(({ lease }) => lease.kind !== 'expired');
  return {
    version: 1,
    siteId,
    issuedAtMs,
    // From the end of the step on, so that nobody gets one with less than its life.
    notAfterMs: issuedAtMs + stepMs + lifeMs,
    steeringUrl,
    ttlSec,
    appliances: members
      .map(({ id, baseUrl, softEgressBitsPerSec }) => ({ id, baseUrl, weight: softEgressBitsPerSec }))
      .sort((left, right) => (left.id < right.id ? -1 : 1))
      .slice(0, MAX_APPLIANCES),
  };
}
