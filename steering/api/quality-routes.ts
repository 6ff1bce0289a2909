import type { JsonServer } from '../../src/server/json-server.ts';
import type { FleetView } from '../fleet/fleet-registry.ts';
import { parseCmcd } from '../quality/parse-cmcd.ts';
import type { QualitySketches } from '../quality/quality-sketches.ts';
import { neverStored, type PublicApi } from './public-api.ts';

const CMCD_LIMIT_BYTES = 64 * 1024;

/** `POST /v1/cmcd`: what players report in event mode (CTA-5004-B section 3.3). 204, whatever stands in the records. */
export function addCmcdRoute(server: JsonServer, api: PublicApi, quality: QualitySketches): void {
  // text/cmcd is what players built on CTA-5004-A send; text/plain what a page sends to avoid a preflight.
  server.addContentTypeParser(
    /^(?:application\/cmcd|text\/cmcd|text\/plain)(?:;|$)/,
    { parseAs: 'string', bodyLimit: CMCD_LIMIT_BYTES },
    (_request, body, done) => done(null, body),
  );
  server.post('/v1/cmcd', { bodyLimit: CMCD_LIMIT_BYTES }, (request, reply) => {
    const { records, malformed } = parseCmcd(typeof request.body === 'string' ? request.body : '');
    const idByHost = hostsOf(api.state().fleet);
    for (const record of records) {
      const id = record.host === undefined ? undefined : idByHost.get(record.host);
      api.metrics.cmcdRecords.inc({ outcome: id === undefined ? 'of-no-appliance' : 'taken' });
      if (id !== undefined) quality.note(id, record);
    }
    if (malformed > 0) api.metrics.cmcdRecords.inc({ outcome: 'malformed' }, malformed);
    return neverStored(reply).code(204).send();
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

/** `GET /v1/quality` on the admin listener: the sums per appliance. */
export function addQualityRoute(adminServer: JsonServer, quality: QualitySketches): void {
  adminServer.get('/v1/quality', () => ({ sketches: quality.sketches() }));
}
