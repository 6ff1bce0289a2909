import { createHash } from 'node:crypto';
import type { JsonRequest, JsonServer } from '../../src/server/json-server.ts';
import { PACKAGE_ATTRIBUTE } from '../../src/tokens/token-package.ts';
import { fileUrl, placesOf } from '../answer/decision.ts';
import { escapePath } from '../manifests/render-hls.ts';
import { decide, sendNoTitle } from './decide.ts';
import { addressOf, neverStored, type PublicApi, queryOf, sessionOf, timed } from './public-api.ts';

/**
 * `GET /v1/redirect/{path}`: 302 to the best appliance's URL of that file, for clients that know neither content steering
 * nor our JSON: download managers, set-top boxes, a `<video src>`.
 *
 * The path is the file's own, so a base URL is all that a provider changes; relative URLs in a playlist that was reached
 * this way lead to the same appliance and not back here. The other places stand in `Link` as duplicates, best first
 * (RFC 6249). A redirect moves nobody later: a client is moved when it next asks for a playlist.
 *
 * Only files of the catalogue are redirected: for any other path the origin is not known, and a redirect that anybody
 * can aim is worth something to phishers. A client that brings no session has one by its address under a key that dies
 * with the process, so that the ranges of one file come from one appliance and no log holds anybody's address.
 */
const MAX_QUERY_CHARS = 4096;
const SESSION_CHARS = 16;

export function addRedirectRoute(server: JsonServer, api: PublicApi): void {
  const key = api.world.random.bytes(16);
  const sessionByAddress = (request: JsonRequest): string =>
    createHash('sha256').update(key).update(addressOf(request, api)).digest('base64url').slice(0, SESSION_CHARS);

  server.get<{ Params: { '*': string } }>('/v1/redirect/*', (request, reply) => {
    const startMs = api.world.clock.monotonicMs();
    neverStored(reply);
    const query = queryOf(request);
    // Percent signs are the path's own where the catalogue has them, and the client's where it has not.
    const written = (request.raw.url ?? '').slice('/v1/redirect'.length).split('?')[0] ?? '';
    const { catalogue } = api.state();
    const path = catalogue?.findByPath(written) === undefined ? `/${request.params['*']}` : written;
    const titleId = catalogue?.findByPath(path)?.id ?? '';
    const sessionId = query.has('session') ? sessionOf(query.get('session'), api) : sessionByAddress(request);
    const { id, decision } = decide({ titleId, sessionId, shape: 'redirect', request, query }, api);
    timed(reply, startMs, id, api);
    if (typeof decision === 'string') return sendNoTitle(reply, decision, `file '${path.slice(0, 256)}'`);
    const [best = '', ...others] = placesOf(decision).map(
      (place) => fileUrl(decision, place, escapePath(path)) + forwardedQuery(request),
    );
    if (others.length > 0)
      reply.header('link', others.map((url, index) => `<${url}>; rel=duplicate; pri=${index + 2}`).join(', '));
    return reply.code(302).header('location', best).send();
  });
}

/** What a client puts behind the path is the appliance's to read (CMCD), all but the session and its token for us. */
function forwardedQuery(request: JsonRequest): string {
  const url = request.raw.url ?? '';
  const at = url.indexOf('?');
  if (at === -1 || url.length - at > MAX_QUERY_CHARS) return '';
  const kept = url
    .slice(at + 1)
    .split('&')
    .filter(
      (pair) =>
        pair !== '' &&
        !pair.startsWith('session=') &&
        !pair.startsWith(PACKAGE_ATTRIBUTE) &&
        /^[\x21-\x7e]*$/.test(pair),
    )
    .map((pair) => pair.replace(/["<>\\^`{|}]/g, encodeURIComponent));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}
