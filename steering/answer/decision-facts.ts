import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import { nominalBitsPerSec } from '../fleet/admission/nominal-bitrate.ts';
import type { FleetMember } from '../fleet/fleet-registry.ts';
import type { Holders } from '../fleet/held-titles.ts';
import type { Candidate } from '../ranking/candidate.ts';
import { DEFAULT_POLICY, type PolicyFacts } from '../ranking/policy-facts.ts';
import type { SessionFacts } from '../ranking/session-facts.ts';
import type { ClientPlace } from './locate-client.ts';
import type { SteeringState } from './steering-state.ts';

/** Who asks, in the words of the question. */
export interface AskingSession {
  readonly sessionId: string;
  /** Appliances that the player says it plays from. */
  readonly playing?: readonly string[] | undefined;
  /** Appliances that its manifest declared. */
  readonly declared?: readonly string[] | undefined;
  /** How this session is ranked; undefined: as all are. */
  readonly policy?: PolicyFacts | undefined;
}

const NOWHERE: readonly string[] = [];

/** What the ranking is told of the session: everything that it may know. */
export function sessionFacts(
  { sessionId, playing, policy }: AskingSession,
  title: CatalogueTitle,
  client: ClientPlace,
  { sites, shares }: Pick<SteeringState, 'sites' | 'shares'>,
): SessionFacts {
  const unit = unitHash(sessionId);
  const { siteId, otherSites, refusingSites } = client;
  return {
    sessionId,
    titleId: title.id,
    unit,
    siteId,
    otherSites,
    refusingSites,
    network: networkOf(client, sites),
    preferredSiteId: shares.preferredSite(client, unit),
    nominalBitsPerSec: nominalBitsPerSec(title),
    playing: playing ?? NOWHERE,
    policy: policy ?? DEFAULT_POLICY,
  };
}

/** A client whose prefix an ISP announces to its own site is that ISP's, though nobody knows its AS. */
export const networkOf = (
  { network, siteId, evidence }: ClientPlace,
  sites: SteeringState['sites'],
): string | undefined =>
  network ?? (siteId === undefined || evidence !== 'route' ? undefined : sites.of(siteId).network);

/** What the ranking is told of an appliance. @param holders of the title that is asked for */
export function candidateOf(
  member: FleetMember,
  holders: Holders,
  client: ClientPlace,
  { fleet, heldTitles, sites, quality }: Pick<SteeringState, 'fleet' | 'heldTitles' | 'sites' | 'quality'>,
): Candidate {
  return {
    member,
    held: heldTitles.heldAt(member.slot, holders),
    pendingBitsPerSec: fleet.pendingBitsPerSec[member.slot] ?? 0,
    site: sites.of(member.siteId),
    quality: quality.of(member.id, client.group, client.siteId),
    siteCost: client.siteCosts.get(member.siteId),
  };
}
