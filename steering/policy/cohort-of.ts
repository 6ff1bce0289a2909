import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import type { ClientPlace } from '../answer/locate-client.ts';
import { parseAddress, prefixContains } from '../routing/ip-address.ts';
import type { Cohort } from './policy.ts';

/** Where a session was drawn: into a cohort, or into the group that it is compared with. */
export interface CohortSeat {
  readonly cohort: Cohort;
  readonly isControl: boolean;
}

/**
 * The first cohort that takes a session, as member or as control; undefined for everybody else.
 *
 * Whether a session is taken depends on nothing but its id and the cohort's salt, so it is the same at every replica
 * and after every restart, and who is in a growing share stays in it. Control is the next slice of the same draw and,
 * like the members, free of the cohorts behind: the two differ in nothing but what is tried, and how many bad sessions
 * of both are the cohort's is known beforehand (sequential-test.ts).
 */
export function cohortOf(
  sessionId: string,
  clientAddress: string,
  cohorts: readonly Cohort[],
  locate: (clientAddress: string) => Pick<ClientPlace, 'siteId' | 'network'>,
): CohortSeat | undefined {
  for (const cohort of cohorts) {
    const draw = unitHash(`${cohort.salt}\n${sessionId}`);
    if (draw >= cohort.share + cohort.controlShare) continue;
    if (!matches(cohort, clientAddress, locate)) continue;
    return { cohort, isControl: draw >= cohort.share };
  }
  return undefined;
}

function matches(
  { prefixes, sites, networks }: Cohort,
  clientAddress: string,
  locate: (clientAddress: string) => Pick<ClientPlace, 'siteId' | 'network'>,
): boolean {
  if (prefixes.length > 0) {
    const address = parseAddress(clientAddress);
    if (address === undefined || !prefixes.some((prefix) => prefixContains(prefix, address))) return false;
  }
  if (sites.length === 0 && networks.length === 0) return true;
  const { siteId, network } = locate(clientAddress);
  if (sites.length > 0 && (siteId === undefined || !sites.includes(siteId))) return false;
  return networks.length === 0 || (network !== undefined && networks.includes(network));
}
