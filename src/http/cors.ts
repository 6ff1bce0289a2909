/**
 * What browsers' players need on answers from another site (the Fetch standard's CORS protocol, and Timing-Allow-Origin
 * of Resource Timing). Media is public bytes, allowed to every site, so nothing is echoed and nothing varies by Origin.
 */

/** Put on every answer whatever its status; a player cannot even see a 503 without them. */
export const crossOriginHeaders: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers':
    'Content-Range, Content-Length, Date, Age, ETag, Cache-Status, CMSD-Static, CMSD-Dynamic, Retry-After, Repr-Digest',
  'Timing-Allow-Origin': '*',
};

/** The answer to a preflight: status 204, no body. Suffix ranges and CMCD headers are what players preflight for. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD',
  'Access-Control-Allow-Headers':
    'Range, If-Range, If-None-Match, CMCD-Request, CMCD-Object, CMCD-Status, CMCD-Session',
  'Access-Control-Max-Age': '86400',
};
