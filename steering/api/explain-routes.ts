import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { placesOf } from '../answer/decision.ts';
import { type SteeringState, steer } from '../answer/steer.ts';
import { toCandidate } from '../fleet/fleet-registry.ts';
import { exclude } from '../ranking/exclude.ts';
import { parseAddress } from '../routing/ip-address.ts';
import { queryOf } from './public-api.ts';

export interface ExplainApi {
  state(): SteeringState;
}

/** For operators, on the admin listener: the fleet as steering sees it, and one decision in all its parts. */
export function addExplainRoutes(adminServer: JsonServer, api: ExplainApi): void {
  adminServer.get('/v1/fleet', () => {
    const { fleet, catalogue } = api.state();
    return {
      preserving: fleet.preserving,
      catalogue: catalogue && {
        version: catalogue.version,
        titles: catalogue.size,
        receivedAtMs: catalogue.receivedAtMs,
      },
      appliances: fleet.members,
    };
  });

  adminServer.get('/v1/explain', (request, reply) => {
    const query = queryOf(request);
    const titleId = query.get('title') ?? '';
    const clientAddress = query.get('client') ?? '';
    const sessionId = query.get('session') ?? 'explain';
    if (titleId === '' || parseAddress(clientAddress) === undefined)
      return sendProblem(
        reply,
        400,
        'QUESTION',
        'ask /v1/explain?title=ID&client=ADDRESS, optionally with &session=ID',
      );
    const state = api.state();
    const decision = steer({ titleId, sessionId, clientAddress }, state);
    if (typeof decision === 'string') return sendProblem(reply, 404, 'NO_DECISION', decision.replaceAll('-', ' '));
    const { title, client, appliances, excluded, degraded } = decision;
    return {
      question: { titleId, sessionId, clientAddress },
      state: {
        catalogueVersion: state.catalogue?.version,
        prefixes: state.routes.size,
        appliances: state.fleet.members.length,
        preserving: state.fleet.preserving,
      },
      client,
      places: placesOf(decision),
      scores: Object.fromEntries(appliances.map(({ id, score }) => [id, score])),
      excluded,
      passedOver: passedOver(state, title.id, [...appliances, ...excluded]),
      held: Object.fromEntries(state.fleet.members.map(({ id }) => [id, state.heldTitles.held(id, title.id)])),
      degraded,
    };
  });
}

/** Why the rest of a large fleet was not ranked (select-candidates.ts). */
function passedOver(
  { fleet, heldTitles }: SteeringState,
  titleId: string,
  told: readonly { readonly id: string }[],
): Array<{ id: string; reason: string }> {
  const ids = new Set(told.map(({ id }) => id));
  return fleet.members
    .filter(({ id }) => !ids.has(id))
    .map((member) => {
      const exclusion = exclude(
        toCandidate(member, heldTitles.held(member.id, titleId), fleet.pendingBitsPerSec[member.slot] ?? 0),
      );
      return { id: member.id, reason: exclusion?.reason ?? "others come before it in the order of the client's site" };
    });
}
