import type { ContentSteering } from '../../src/contracts/steering-answer.ts';
import type { JsonRequest, JsonServer } from '../../src/server/json-server.ts';
import { contentSteering, STATIC_TTL_SEC } from '../answer/content-steering.ts';
import { locateClient } from '../answer/locate-client.ts';
import { parsePlayerReport } from '../answer/player-report.ts';
import { staticApplianceIds } from '../answer/static-order.ts';
import { steer } from '../answer/steer.ts';
import { ORIGIN_ID } from '../ranking/candidate.ts';
import { addressOf, neverStored, type PublicApi, queryOf, sessionOf } from './public-api.ts';

export type SteeringFormat = 'hls' | 'dash';

const MEDIA_TYPES: Readonly<Record<SteeringFormat, string>> = {
  hls: 'application/vnd.apple.steering-list',
  dash: 'application/json',
};
const TITLE_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export interface QualityNotes {
  noteThroughput(id: string, bitsPerSec: number): void;
}

/**
 * `GET /v1/steering/hls` and `/v1/steering/dash?a=TITLE&s=SESSION`: content steering. Whatever is missing or too much,
 * the answer is 200 with an order and a time to come back: any error stops or maddens some player.
 */
export function addContentSteeringRoutes(server: JsonServer, api: PublicApi, quality: QualityNotes): void {
  for (const format of ['hls', 'dash'] as const) {
    server.get(`/v1/steering/${format}`, (request, reply) => {
      const startMs = api.world.clock.monotonicMs();
      const body = answerSteering(format, request, api, quality);
      const durationMs = api.world.clock.monotonicMs() - startMs;
      return neverStored(reply)
        .header('content-type', MEDIA_TYPES[format])
        .header('server-timing', `rank;dur=${durationMs.toFixed(2)}`)
        .send(JSON.stringify(body));
    });
  }
}

/** Where a session asks for its next answer. */
export const reloadUri = (api: PublicApi, format: SteeringFormat, titleId: string, sessionId: string): string =>
  `${api.publicUrl()}/v1/steering/${format}?${titleId === '' ? '' : `a=${titleId}&`}s=${sessionId}`;

function answerSteering(
  format: SteeringFormat,
  request: JsonRequest,
  api: PublicApi,
  quality: QualityNotes,
): ContentSteering {
  const query = queryOf(request);
  const givenTitle = query.getAll('a').at(-1) ?? '';
  const titleId = TITLE_ID.test(givenTitle) ? givenTitle : '';
  const sessionId = sessionOf(query.getAll('s').at(-1), api);
  const report = parsePlayerReport(query);
  const common = { reloadUri: reloadUri(api, format, titleId, sessionId), jitter: api.world.random.next() };

  const state = api.state();
  for (const [id, bitsPerSec] of report.throughputBitsPerSec)
    if (id === ORIGIN_ID || state.fleet.byId.has(id)) quality.noteThroughput(id, bitsPerSec);
  const address = addressOf(request, api);
  const verdict = api.guard.admit(address);
  const decision = verdict === 'decide' ? steer({ titleId, sessionId, clientAddress: address }, state) : verdict;
  if (typeof decision !== 'string') {
    api.metrics.decisions.inc({ first: decision.appliances.length > 0 ? 'appliance' : 'origin' });
    return contentSteering({ ...common, applianceIds: decision.appliances.map(({ id }) => id), ttlSec: api.ttlSec });
  }
  api.metrics.staticAnswers.inc({ because: decision });
  const { siteId } = locateClient(address, state.routes);
  return contentSteering({
    ...common,
    applianceIds: staticApplianceIds({ sessionId, siteId, reported: report.pathways }, state.fleet),
    // An address that asks too often is told to ask less.
    ttlSec: Math.max(STATIC_TTL_SEC, verdict === 'address-busy' ? 4 * api.ttlSec : api.ttlSec),
  });
}
