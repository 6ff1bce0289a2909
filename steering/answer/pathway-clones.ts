import type { PathwayClone } from '../../src/contracts/steering-answer.ts';
import { ORIGIN_ID } from '../ranking/candidate.ts';
import type { DeclaredIds } from './declared-pathways.ts';

/**
 * How a running session comes to use an appliance that its manifest did not declare: a clone of a declared pathway with
 * another host (RFC 8216bis-22 section 7.3, ETSI TS 103 998 section 7).
 *
 * Clones can rewrite hosts, ports, parameters and single URIs, and of all this only the host works everywhere. Three of
 * four players ignore a port in HOST and go on to the base; Shaka knows no PARAMS, video.js throws without them; hls.js
 * keeps the first definition of an id for the whole session. So a clone here is a host and nothing else, made only where
 * that is enough: the newcomer has a name of its own (no address) and differs from a declared pathway in nothing but
 * that name, neither port nor scheme nor folder. Which declared pathway is the base makes no difference to the URL that
 * comes out, so hls.js's first definition stays right when the base changes.
 *
 * What players make of it: hls.js and dash.js use a clone with the answer that brings it. dash.js puts the URL together
 * of scheme, HOST and path, so the port of the base is lost: in DASH answers there are clones only where URLs have none.
 * Shaka would use them, but its released
 * build 5.2.12 looks for a clone's fields under minified names and passes it over. video.js learns of
 * clones only when its pathway changes, so it reaches a newcomer one answer after it has left another pathway, and has
 * none for DASH. Apple's player is reported to fail with clones, hence they are a knob, and off.
 *
 * @param format of the answer
 */
export function pathwayClones(
  order: readonly string[],
  declared: DeclaredIds,
  baseUrlOf: (id: string) => string | undefined,
  format: 'hls' | 'dash',
): PathwayClone[] {
  const bases = [...declared, ORIGIN_ID].flatMap((id) => {
    const baseUrl = baseUrlOf(id);
    return baseUrl === undefined ? [] : [{ id, url: new URL(baseUrl) }];
  });
  return order.flatMap((id) => {
    if (declared.includes(id)) return [];
    const baseUrl = baseUrlOf(id);
    if (baseUrl === undefined) return [];
    const url = new URL(baseUrl);
    if (!isHostName(url.hostname) || (format === 'dash' && url.port !== '')) return [];
    const base = bases.find((each) => each.id !== id && differInHostOnly(each.url, url));
    if (base === undefined) return [];
    return [{ 'BASE-ID': base.id, ID: id, 'URI-REPLACEMENT': { HOST: url.hostname, PARAMS: {} } }];
  });
}

/** The parser of URLs has made it lower-case, and has turned all that may be an address into one. */
const isHostName = (hostname: string): boolean =>
  hostname.length <= 253 && /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9-]*[a-z][a-z0-9-]*$/.test(hostname);

const differInHostOnly = (a: URL, b: URL): boolean =>
  a.protocol === b.protocol && a.port === b.port && a.pathname === b.pathname && a.hostname !== b.hostname;
