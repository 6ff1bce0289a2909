import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { unitHash } from '../../src/hashing/weighted-rendezvous.ts';
import type { ReportedPathways } from '../../src/steering-body/player-report.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';
import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../ranking/candidate.ts';
import { MAX_APPLIANCES } from '../ranking/rank-appliances.ts';
import type { Decision } from './decision.ts';
import type { ClientPlace } from './locate-client.ts';

/**
 * The order when there can be no decision: unknown title, no catalogue, too much load. The best answer then is the one
 * that moves nobody. The pathways that the player says it uses come first if they still serve, then the serving
 * appliances of its site, then the others, each from a place that differs by session, so that a crowd does not move to
 * one of them. It costs microseconds, whatever the size of the fleet.
 */
export function staticApplianceIds(
  question: {
    readonly sessionId: string;
    readonly siteId: string | undefined;
    readonly reported: ReportedPathways;
  },
  fleet: FleetView,
): string[] {
  const { sessionId, siteId, reported } = question;
  // Whoever was left at the origin stays there: without a decision nobody knows that an appliance has the title.
  if (reported.length > 0 && reported.every((id) => id === ORIGIN_ID || id === ORIGIN_RETRY_ID)) return [];
  const ids = new Set(reported.filter((id) => fleet.serving.has(id)));
  const inSite = siteId === undefined ? undefined : fleet.servingIdsBySite.get(siteId);
  for (const group of [inSite ?? [], fleet.servingIds]) {
    const turn = Math.floor(unitHash(sessionId) * group.length);
    for (let step = 0; step < group.length && ids.size < MAX_APPLIANCES; step += 1) {
      const id = group[(turn + step) % group.length];
      if (id !== undefined) ids.add(id);
    }
  }
  return [...ids].slice(0, MAX_APPLIANCES);
}

/** The same as a decision for a title that is known. */
export function staticDecision(
  question: { readonly title: CatalogueTitle; readonly sessionId: string; readonly client: ClientPlace },
  fleet: FleetView,
  because: string,
): Decision {
  const { title, sessionId, client } = question;
  return {
    title,
    client,
    appliances: staticApplianceIds({ sessionId, siteId: client.siteId, reported: [] }, fleet).flatMap((id) => {
      const member = fleet.byId.get(id);
      if (member === undefined) return [];
      const { siteId, baseUrl } = member;
      return [{ id, siteId, baseUrl, reasons: [`static order: ${because}`], score: undefined }];
    }),
    excluded: [],
    degraded: because,
  };
}
