import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import type { ReportedPathways } from '../../src/steering-body/player-report.ts';
import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../ranking/candidate.ts';
import { trespassOf } from '../ranking/exclude.ts';
import { MAX_APPLIANCES } from '../ranking/rank-appliances.ts';
import type { Decision } from './decision.ts';
import { networkOf } from './decision-facts.ts';
import type { ClientPlace } from './locate-client.ts';
import type { SteeringState } from './steering-state.ts';

/**
 * The order when there can be no decision: unknown title, no catalogue, too much load. The best answer then is the one
 * that moves nobody. The pathways that the player says it uses come first if they still serve, then the serving
 * appliances of its site, then the others that may serve it, each from a place that differs by session, so that a crowd
 * does not move to one of them. It costs microseconds, whatever the size of the fleet.
 */
const MOST_LOOKED_AT = 256;

export function staticApplianceIds(
  question: {
    readonly sessionId: string;
    readonly client: ClientPlace;
    readonly reported: ReportedPathways;
  },
  { fleet, sites }: Pick<SteeringState, 'fleet' | 'sites'>,
): string[] {
  const { sessionId, client, reported } = question;
  const { siteId } = client;
  // Whoever was left at the origin stays there: without a decision nobody knows that an appliance has the title.
  if (reported.length > 0 && reported.every((id) => id === ORIGIN_ID || id === ORIGIN_RETRY_ID)) return [];
  const viewer = { ...client, network: networkOf(client, sites) };
  const maySend = (id: string): boolean => {
    const member = fleet.byId.get(id);
    return member !== undefined && trespassOf({ member, site: sites.of(member.siteId) }, viewer) === undefined;
  };
  const ids = new Set(reported.filter((id) => fleet.serving.has(id)));
  const inSite = siteId === undefined ? undefined : fleet.servingIdsBySite.get(siteId);
  for (const group of [inSite ?? [], fleet.servingIds]) {
    const turn = Math.floor(unitHash(sessionId) * group.length);
    const end = Math.min(group.length, MOST_LOOKED_AT);
    for (let step = 0; step < end && ids.size < MAX_APPLIANCES; step += 1) {
      const id = group[(turn + step) % group.length];
      if (id !== undefined && maySend(id)) ids.add(id);
    }
  }
  return [...ids].slice(0, MAX_APPLIANCES);
}

/** The same as a decision for a title that is known. */
export function staticDecision(
  question: { readonly title: CatalogueTitle; readonly sessionId: string; readonly client: ClientPlace },
  state: Pick<SteeringState, 'fleet' | 'sites'>,
  because: string,
): Decision {
  const { title, sessionId, client } = question;
  return {
    title,
    client,
    appliances: staticApplianceIds({ sessionId, client, reported: [] }, state).flatMap((id) => {
      const member = state.fleet.byId.get(id);
      if (member === undefined) return [];
      const { siteId, baseUrl } = member;
      return [{ id, siteId, baseUrl, reasons: [`static order: ${because}`], score: undefined }];
    }),
    excluded: [],
    degraded: because,
  };
}
