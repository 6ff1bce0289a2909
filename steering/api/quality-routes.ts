import { readCmcdBody } from '../../src/cmcd/read-cmcd-body.ts';
import { parseQualitySketch } from '../../src/contracts/quality-sketch.ts';
import { QueryFields } from '../../src/http/query-fields.ts';
import { type JsonServer, sendProblem } from '../../src/server/json-server.ts';
import type { SignatureGuard } from '../../src/server/signature-guard.ts';
import { locateClient } from '../answer/locate-client.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';
import type { PlayerQuality } from '../quality/player-quality.ts';
import { speaksForItself } from './heartbeat-routes.ts';
import { addressOf, neverStored, type PublicApi } from './public-api.ts';

const CMCD_LIMIT_BYTES = 64 * 1024;
const NO_QUERY = new QueryFields('');

/** `POST /v1/cmcd`: what players report in event mode (CTA-5004-B section 3.3). 204, whatever stands in the records. */
export function addCmcdRoute(server: JsonServer, api: PublicApi, quality: PlayerQuality): void {
  // text/cmcd is what players built on CTA-5004-A send; text/plain what a page sends to avoid a preflight.
  server.addContentTypeParser(
    /^(?:application\/cmcd|text\/cmcd|text\/plain)(?:;|$)/,
    { parseAs: 'string', bodyLimit: CMCD_LIMIT_BYTES },
    (_request, body, done) => done(null, body),
  );
  server.post('/v1/cmcd', { bodyLimit: CMCD_LIMIT_BYTES }, (request, reply) => {
    const work = { work: 'report', sessionId: request.socket.remoteAddress ?? '', titleId: '' } as const;
    if (api.edge.pass({ ...work, query: NO_QUERY, request }).verdict !== undefined) {
      api.metrics.cmcdRecords.inc({ outcome: 'shed' });
      return neverStored(reply).code(204).send();
    }
    const { records, malformed, unknownVersion } = readCmcdBody(typeof request.body === 'string' ? request.body : '');
    const { fleet, routes } = api.state();
    const idByHost = hostsOf(fleet);
    const address = addressOf(request, api);
    const place = locateClient(address, routes);
    for (const record of records) {
      const id = record.host === undefined ? undefined : idByHost.get(record.host);
      const outcome =
        id === undefined
          ? 'of-no-appliance'
          : quality.intake.takeRecord(id, record, { address, sessionId: record.sessionId, place });
      api.metrics.cmcdRecords.inc({ outcome });
    }
    if (malformed > 0) api.metrics.cmcdRecords.inc({ outcome: 'malformed' }, malformed);
    if (unknownVersion > 0) api.metrics.cmcdRecords.inc({ outcome: 'unknown-version' }, unknownVersion);
    return neverStored(reply).code(204).send();
  });
}

/** `POST /v1/quality`: what an appliance measured of its own answers, signed by it. */
export function addSketchRoute(
  server: JsonServer,
  api: PublicApi,
  quality: PlayerQuality,
  guard: SignatureGuard,
): void {
  server.post('/v1/quality', { onRequest: guard.beforeBody }, (request, reply) => {
    const sender = guard(request, reply, ['appliance']);
    if (sender === 'refused') return reply;
    const sketch = parseQualitySketch(request.body);
    if (!speaksForItself(sender, sketch.applianceId, reply)) return reply;
    const { fleet, routes } = api.state();
    const appliance = fleet.byId.get(sketch.applianceId);
    if (appliance === undefined) return sendProblem(reply, 409, 'NO_HEARTBEAT', 'no heartbeat of it was heard yet');
    quality.takeSketch(sketch, appliance.siteId, (prefix) => locateClient(prefix.split('/')[0] ?? '', routes));
    api.metrics.qualitySketches.inc();
    return reply.code(204).send();
  });
}

/** By the view, which lasts for up to a second: a fleet of thousands is not gone through for every report. */
const hostsByView = new WeakMap<FleetView, ReadonlyMap<string, string>>();

function hostsOf(view: FleetView): ReadonlyMap<string, string> {
  const known = hostsByView.get(view);
  if (known !== undefined) return known;
  const hosts = new Map(view.members.map(({ id, baseUrl }) => [new URL(baseUrl).host, id]));
  hostsByView.set(view, hosts);
  return hosts;
}

/** `GET /v1/quality` on the admin listener: every appliance with its verdict and why. */
export function addQualityRoute(adminServer: JsonServer, quality: PlayerQuality): void {
  adminServer.get('/v1/quality', () => quality.describe());
}
