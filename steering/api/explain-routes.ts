import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { type Decision, placesOf } from '../answer/decision.ts';
import { candidateOf } from '../answer/decision-facts.ts';
import { steer } from '../answer/steer.ts';
import { dataVersions, type SteeringState } from '../answer/steering-state.ts';
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
    const { client, excluded, degraded, basis } = decision;
    return {
      question: { titleId, sessionId, clientAddress },
      state: {
        versions: dataVersions(state),
        prefixes: state.routes.size,
        appliances: state.fleet.members.length,
        preserving: state.fleet.preserving,
      },
      client: { ...client, siteCosts: Object.fromEntries(client.siteCosts) },
      session: basis?.session,
      places: placesOf(decision),
      candidates: candidatesOf(decision),
      excluded,
      passedOver: passedOver(state, decision),
      degraded,
    };
  });
}

/** Everything that the ranking knew of each candidate, with the score of those that have a place. */
function candidatesOf({ basis, appliances }: Decision): object[] {
  const scores = new Map(
    appliances.map(({ id, score, decidedBy }, index) => [id, { place: index + 1, decidedBy, score }]),
  );
  return (basis?.candidates ?? []).map((candidate) => ({ ...scores.get(candidate.member.id), ...candidate }));
}

/** Why the rest of a large fleet was not ranked (select-candidates.ts), or was ranked behind the last place. */
function passedOver(
  state: SteeringState,
  { title, client, appliances, excluded, basis }: Decision,
): Array<{ id: string; reason: string }> {
  const holders = state.heldTitles.holdersOf(title.id);
  const told = new Set([...appliances, ...excluded].map(({ id }) => id));
  const ranked = new Set(basis?.candidates.map(({ member }) => member.id));
  return state.fleet.members
    .filter(({ id }) => !told.has(id))
    .map((member) => {
      const { id } = member;
      if (ranked.has(id)) return { id, reason: 'ranked behind the last place of the answer' };
      const exclusion = basis && exclude(candidateOf(member, holders, client, state), basis.session);
      return { id, reason: exclusion?.reason ?? "others come before it in the order of the client's site" };
    });
}
