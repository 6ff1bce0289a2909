import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { jitteredTtlSec } from '../../src/steering-body/content-steering.ts';
import { toAnswer } from '../answer/decision.ts';
import { dataVersions } from '../answer/steering-state.ts';
import { decide, sendNoTitle } from './decide.ts';
import { neverStored, type PublicApi, queryOf, sessionOf, timed, ttlSecFor } from './public-api.ts';

/** `GET /v1/steer?title=ID[&session=ID]`: the ranked places with their reasons. */
export function addSteerRoute(server: JsonServer, api: PublicApi): void {
  server.get('/v1/steer', (request, reply) => {
    const startMs = api.world.clock.monotonicMs();
    neverStored(reply);
    const query = queryOf(request);
    const titleId = query.get('title');
    if (titleId === null || titleId === '')
      return sendProblem(reply, 400, 'TITLE_MISSING', 'name the title: /v1/steer?title=ID');
    const sessionId = sessionOf(query.get('session'), api);
    const { id, decision, state, device } = decide({ titleId, sessionId, shape: 'json', request, query }, api);
    timed(reply, startMs, id, api);
    if (typeof decision === 'string') return sendNoTitle(reply, decision, `title '${titleId.slice(0, 64)}'`);
    const ttlSec = jitteredTtlSec(ttlSecFor(device, api), api.world.random.next());
    const nowMs = api.world.clock.nowMs();
    return toAnswer(decision, { decisionId: id, sessionId, nowMs, ttlSec, versions: dataVersions(state) });
  });
}
