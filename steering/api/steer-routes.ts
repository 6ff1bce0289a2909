import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { jitteredTtlSec } from '../answer/content-steering.ts';
import { toAnswer } from '../answer/decision.ts';
import { decide, neverStored, type PublicApi, queryOf, sessionOf } from './public-api.ts';

/** `GET /v1/steer?title=ID[&session=ID]`: the ranked places with their reasons. */
export function addSteerRoute(server: JsonServer, api: PublicApi): void {
  server.get('/v1/steer', (request, reply) => {
    neverStored(reply);
    const query = queryOf(request);
    const titleId = query.get('title');
    if (titleId === null || titleId === '')
      return sendProblem(reply, 400, 'TITLE_MISSING', 'name the title: /v1/steer?title=ID');
    const sessionId = sessionOf(query.get('session'), api);
    const decision = decide({ titleId, sessionId, request }, api);
    if (decision === 'no-catalogue')
      return sendProblem(reply.header('retry-after', '5'), 503, 'NO_CATALOGUE', NO_CATALOGUE);
    if (decision === 'unknown-title')
      return sendProblem(reply, 404, 'UNKNOWN_TITLE', `no title '${titleId.slice(0, 64)}' in the catalogue`);
    const ttlSec = jitteredTtlSec(api.ttlSec, api.world.random.next());
    return toAnswer(decision, { sessionId, nowMs: api.world.clock.nowMs(), ttlSec });
  });
}

export const NO_CATALOGUE = 'the planner has not given a catalogue yet';
