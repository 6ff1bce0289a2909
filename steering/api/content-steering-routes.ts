import type { ContentSteering, PathwayClone } from '../../src/contracts/steering-answer.ts';
import { answerFirst, type JsonServer } from '../../src/server/json-server.ts';
import { contentSteering, STATIC_TTL_SEC } from '../../src/steering-body/content-steering.ts';
import { parsePlayerReport } from '../../src/steering-body/player-report.ts';
import type { Decision } from '../answer/decision.ts';
import { type DeclaredIds, formatDeclared, keepDeclared, parseDeclared } from '../answer/declared-pathways.ts';
import { locateClient } from '../answer/locate-client.ts';
import { pathwayClones } from '../answer/pathway-clones.ts';
import { staticApplianceIds } from '../answer/static-order.ts';
import type { SteeringState } from '../answer/steering-state.ts';
import type { QualityIntake } from '../quality/quality-intake.ts';
import { ORIGIN_ID } from '../ranking/candidate.ts';
import { MAX_APPLIANCES } from '../ranking/rank-appliances.ts';
import { tryToDecide } from './decide.ts';
import {
  CROSS_ORIGIN_HEADERS,
  NEVER_STORED,
  neverStored,
  type PlayerRequest,
  type PublicApi,
  queryOf,
  sessionOf,
  timed,
  timing,
  ttlSecFor,
} from './public-api.ts';

export type SteeringFormat = 'hls' | 'dash';

const MEDIA_TYPES: Readonly<Record<SteeringFormat, string>> = {
  hls: 'application/vnd.apple.steering-list',
  // As the router would spell it.
  dash: 'application/json; charset=utf-8',
};
/** Names and values in turn, as Node writes them without looking at them again. */
const headersOf = (format: SteeringFormat): readonly string[] => [
  ...Object.entries(CROSS_ORIGIN_HEADERS).flat(),
  'cache-control',
  NEVER_STORED,
  'content-type',
  MEDIA_TYPES[format],
];
const COMMON_HEADERS = { hls: headersOf('hls'), dash: headersOf('dash') };
const TITLE_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Where what players say of their pathways is counted. */
type PathwayQuality = Pick<QualityIntake, 'takePathways' | 'putFirst'>;

/**
 * `GET /v1/steering/hls` and `/v1/steering/dash?a=TITLE&s=SESSION`: content steering. Whatever is missing or too much,
 * the answer is 200 with an order and a time to come back: any error stops or maddens some player. Players ask for it
 * all evening, so the plain case is answered in front of the router, by the same function and with the same headers.
 */
export function addContentSteeringRoutes(server: JsonServer, api: PublicApi, quality: PathwayQuality): void {
  for (const format of ['hls', 'dash'] as const) {
    server.get(`/v1/steering/${format}`, (request, reply) => {
      const startMs = api.world.clock.monotonicMs();
      const { id, body } = answerSteering(format, request, api, quality);
      return timed(neverStored(reply), startMs, id, api)
        .header('content-type', MEDIA_TYPES[format])
        .send(JSON.stringify(body));
    });
  }
  answerFirst(server, (request, response) => {
    const format = request.method === 'GET' ? formatOf(request.url ?? '') : undefined;
    if (format === undefined) return false;
    const startMs = api.world.clock.monotonicMs();
    const { id, body } = answerSteering(format, request, api, quality);
    const text = JSON.stringify(body);
    response.writeHead(200, [
      ...COMMON_HEADERS[format],
      'server-timing',
      timing(startMs, id, api),
      'content-length',
      String(Buffer.byteLength(text)),
    ]);
    response.end(text);
    return true;
  });
}

/** Of the two targets as players send them; any other spelling is for the router. */
function formatOf(target: string): SteeringFormat | undefined {
  if (target.startsWith('/v1/steering/hls?')) return 'hls';
  return target.startsWith('/v1/steering/dash?') ? 'dash' : undefined;
}

/** Where a session asks for its next answer. Nothing in it is encoded otherwise when a player adds its own parameters. */
export function reloadUri(
  api: PublicApi,
  format: SteeringFormat,
  session: { readonly titleId: string; readonly sessionId: string; readonly declared: DeclaredIds | undefined },
): string {
  const title = session.titleId === '' ? '' : `a=${session.titleId}&`;
  const declared = session.declared === undefined ? '' : `&d=${formatDeclared(session.declared)}`;
  return `${api.publicUrl()}/v1/steering/${format}?${title}s=${session.sessionId}${declared}`;
}

function answerSteering(
  format: SteeringFormat,
  request: PlayerRequest,
  api: PublicApi,
  quality: PathwayQuality,
): { readonly id: string; readonly body: ContentSteering } {
  const query = queryOf(request);
  const givenTitle = query.last('a') ?? '';
  const titleId = TITLE_ID.test(givenTitle) ? givenTitle : '';
  const sessionId = sessionOf(query.last('s'), api);
  const declared = parseDeclared(query.last('d'));
  const report = parsePlayerReport(query);
  const common = {
    reloadUri: reloadUri(api, format, { titleId, sessionId, declared }),
    jitter: api.world.random.next(),
  };

  const { id, decision, state, address, device } = tryToDecide(
    { titleId, sessionId, shape: format, request, query, playing: report.pathways, declared },
    api,
  );
  // Ids as the fleet spells them: those of the report would keep its request line.
  const used = report.pathways.flatMap((pathway) => state.fleet.byId.get(pathway)?.id ?? []);
  if (used.length > 0) {
    const place = typeof decision === 'string' ? locateClient(address, state.routes) : decision.client;
    quality.takePathways(used, report.throughputBitsPerSec, { address, sessionId, place });
  }
  const ttlSec = ttlSecFor(device, api);
  if (typeof decision !== 'string') {
    const applianceIds = orderFor(decision, declared, state);
    const first = state.fleet.byId.get(applianceIds[0] ?? '')?.id;
    if (first !== undefined) quality.putFirst(sessionId, first);
    const mayHaveClones = api.usesClones && device.mayHaveClones;
    const clones =
      mayHaveClones && declared !== undefined ? clonesFor(decision, applianceIds, { declared, format }, api) : [];
    return { id, body: contentSteering({ ...common, applianceIds, clones, ttlSec }) };
  }
  const client = locateClient(address, state.routes);
  const body = contentSteering({
    ...common,
    applianceIds: staticApplianceIds({ sessionId, client, reported: report.pathways }, state).slice(
      0,
      device.maxAppliances,
    ),
    // An address that asks too often is told to ask less.
    ttlSec: Math.max(STATIC_TTL_SEC, decision === 'address-busy' ? 4 * ttlSec : ttlSec),
  });
  return { id, body };
}

/** The ranked appliances, and behind them what the session's manifest declared and may still serve. */
function orderFor(
  { appliances, excluded }: Decision,
  declared: DeclaredIds | undefined,
  { fleet }: SteeringState,
): readonly string[] {
  const ranked = appliances.map(({ id }) => id);
  if (declared === undefined) return ranked;
  const leftOut = new Set(excluded.map(({ id }) => id));
  return keepDeclared(ranked, declared, (id) => fleet.serving.has(id) && !leftOut.has(id), MAX_APPLIANCES);
}

function clonesFor(
  { title }: Decision,
  order: readonly string[],
  { declared, format }: { readonly declared: DeclaredIds; readonly format: SteeringFormat },
  api: PublicApi,
): PathwayClone[] {
  const { fleet } = api.state();
  // The origin's URLs may be the only ones without a token, and a clone keeps the path of its base.
  const originUrl = api.tokens === undefined ? title.originUrl : undefined;
  const baseUrlOf = (id: string) => (id === ORIGIN_ID ? originUrl : fleet.byId.get(id)?.baseUrl);
  return pathwayClones(order, declared, baseUrlOf, format);
}
