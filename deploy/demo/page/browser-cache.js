/**
 * Keeping the browser's own cache out of the demonstration.
 *
 * Media is immutable, so a browser that has played the title once answers the second player, or the second try, from its
 * own cache: the page would name an appliance that sent nothing, and killing it would change nothing. A page cannot switch
 * that cache off for a player's requests, but by the Fetch standard a request that carries a condition of its own is never
 * answered from it (HTTP-network-or-cache fetch). The condition used here always holds, so servers answer as without it;
 * it costs one preflight per file. In production there is no reason to do this.
 */
export const pastTheBrowserCache = { 'If-None-Match': '"not-in-this-browser"' };

/**
 * Media only: manifests and steering are never stored anyway, and steering allows no such header.
 * @param {string} url
 */
export const isMedia = (url) => /\.(?:mp4|m4s)(?:$|\?)/.test(url);

/**
 * Whether the browser answered from its cache nevertheless. Known only where the server allows its timing to be read
 * (Timing-Allow-Origin); told by a body that took no bytes of the wire.
 * @param {{ url: string, at: number }} loaded
 */
export function cameFromBrowserCache({ url, at }) {
  const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName(url, 'resource'));
  const [first, ...others] = entries;
  if (first === undefined) return false;
  const entry = others.reduce((nearest, candidate) => {
    return Math.abs(candidate.responseEnd - at) < Math.abs(nearest.responseEnd - at) ? candidate : nearest;
  }, first);
  return entry.transferSize === 0 && entry.encodedBodySize > 0;
}
