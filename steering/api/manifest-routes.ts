import { type JsonReply, type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import { contentSteering } from '../../src/steering-body/content-steering.ts';
import type { Decision } from '../answer/decision.ts';
import type { DeviceShape } from '../edge/answer-shape.ts';
import type { DashTemplates } from '../manifests/dash-templates.ts';
import { declaredPathways, type Pathway, singlePathway } from '../manifests/pathways.ts';
import { renderDash } from '../manifests/render-dash.ts';
import { renderHls } from '../manifests/render-hls.ts';
import type { QualityIntake } from '../quality/quality-intake.ts';
import { RESERVED_IDS } from '../ranking/candidate.ts';
import { reloadUri } from './content-steering-routes.ts';
import { decide, sendNoTitle } from './decide.ts';
import { neverStored, type PublicApi, queryOf, sessionOf, timed, ttlSecFor } from './public-api.ts';

const MANIFEST_NAME = /^([a-z0-9][a-z0-9_-]{0,63})\.(m3u8|mpd)$/;

interface ManifestWish {
  readonly sessionId: string;
  readonly device: DeviceShape;
}

/**
 * `GET /v1/manifest/{title}.m3u8` and `.mpd`: the title's manifest with the pathways of this client in it.
 * `?pathways=1` leaves content steering out; `?steering=url` names the steering server in HLS instead of carrying the
 * first answer in the playlist.
 */
export function addManifestRoutes(
  server: JsonServer,
  api: PublicApi,
  templates: DashTemplates,
  quality: QualityIntake,
): void {
  server.get<{ Params: { name: string } }>('/v1/manifest/:name', async (request, reply) => {
    const startMs = api.world.clock.monotonicMs();
    neverStored(reply);
    const match = MANIFEST_NAME.exec(request.params.name);
    const titleId = match?.[1];
    if (titleId === undefined)
      return sendProblem(reply, 404, 'NOT_FOUND', 'manifests are /v1/manifest/TITLE.m3u8 and /v1/manifest/TITLE.mpd');
    const query = queryOf(request);
    const sessionId = sessionOf(query.get('session'), api);
    const format = match?.[2] === 'mpd' ? 'dash' : 'hls';
    const { id, decision, device } = decide({ titleId, sessionId, shape: 'manifest', request, query }, api);
    const wish = { sessionId, device };
    timed(reply, startMs, id, api);
    if (typeof decision === 'string') {
      api.metrics.manifests.inc({ format, outcome: decision });
      return sendNoTitle(reply, decision, `title '${titleId}'`);
    }
    if (!device.isSingle) quality.declared(wish.sessionId, applianceIdsOf(declaredPathways(decision)));
    const text = format === 'hls' ? hlsText(decision, wish, api) : await dashText(decision, wish, api, templates);
    api.metrics.manifests.inc({ format, outcome: text === undefined ? 'no-such-format' : 'rendered' });
    if (text === undefined)
      return sendProblem(
        reply,
        404,
        'NO_SUCH_FORMAT',
        `title '${titleId}' has no manifest for ${format.toUpperCase()}`,
      );
    return sendText(reply, format === 'hls' ? 'application/vnd.apple.mpegurl' : 'application/dash+xml', text);
  });
}

function sendText(reply: JsonReply, mediaType: string, text: string): JsonReply {
  return reply.header('content-type', mediaType).send(text);
}

function hlsText(decision: Decision, wish: ManifestWish, api: PublicApi): string | undefined {
  const { hls, id } = decision.title;
  if (hls === undefined) return undefined;
  if (wish.device.isSingle) return renderHls(hls, [singlePathway(decision)], undefined);
  const pathways = declaredPathways(decision);
  const url = reloadUri(api, 'hls', { titleId: id, sessionId: wish.sessionId, declared: applianceIdsOf(pathways) });
  const first = contentSteering({
    applianceIds: decision.appliances.map((appliance) => appliance.id),
    reloadUri: url,
    ttlSec: ttlSecFor(wish.device, api),
    jitter: api.world.random.next(),
  });
  return renderHls(hls, pathways, { serverUri: wish.device.byUrl ? { url } : 'data', first });
}

async function dashText(
  decision: Decision,
  wish: ManifestWish,
  api: PublicApi,
  templates: DashTemplates,
): Promise<string | undefined> {
  const template = await templates.find(decision.title);
  if (template === undefined) return undefined;
  if (wish.device.isSingle) return renderDash(template, [singlePathway(decision)], undefined);
  const pathways = declaredPathways(decision);
  const session = { titleId: decision.title.id, sessionId: wish.sessionId, declared: applianceIdsOf(pathways) };
  return renderDash(template, pathways, { url: reloadUri(api, 'dash', session) });
}

const applianceIdsOf = (pathways: readonly Pathway[]): string[] =>
  pathways.map(({ id }) => id).filter((id) => !RESERVED_IDS.has(id));
