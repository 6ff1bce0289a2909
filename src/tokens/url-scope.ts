/**
 * What a token opens: the `cdniuc` claim (RFC 9246 sections 2.1.11 and 2.1.15).
 *
 * The RFC allows any POSIX regular expression there. To run what others wrote is to let them decide how long a request
 * takes, and a check by one expression engine says nothing of another. So three texts are understood, all of which
 * another implementation understands as well, and every other is refused: the two expressions that are made here,
 *
 *     regex:[^:]*://[^/]*\/vod/t123/.*              everything below a folder
 *     regex:[^:]*://[^/]*\/vod/film\.mp4(\?.*)?     one file, with any query
 *
 * (without the backslash before the first slash, which only keeps this comment open), of which no expression is ever
 * run: they are read back into a path, and a request is compared with it as text; and `hash:`, the SHA-256 of one whole
 * URI. Paths are compared in the normal form of `target-path`, where `..` and encoded slashes are refused, so nothing
 * that begins with the folder's path leads out of it. A scope of everything (`/`) is refused: a token that opens all is
 * taken back only with its key.
 */
import { createHash } from 'node:crypto';
import { parseTarget } from '../http/target-path.ts';

export type UrlScope =
  /** `path` ends with a slash. */
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  /** URL segment form of RFC 6920 section 5, without `sha-256;`. */
  | { readonly kind: 'hash'; readonly digest: string };

/** A request as a scope sees it, normalised. */
export interface ScopedRequest {
  readonly path: string;
  /** With its query, without what only describes the player. */
  readonly cacheKey: string;
  /** As in the Host field; '' where there is none. */
  readonly host: string;
}

const ANY_SITE = 'regex:[^:]*://[^/]*';
const ALL_BELOW = '.*';
const ANY_QUERY = '(\\?.*)?';
const HASH = /^hash:sha-256;([A-Za-z0-9_-]{43})$/;
const SPECIAL = /[.[\]()*+?{}|^$\\]/g;
const ESCAPED_LITERAL = /^(?:[^.[\]()*+?{}|^$\\]|\\[.[\]()*+?{}|^$\\])*$/;
const MAX_SCOPE_CHARS = 2048;
const DEFAULT_PORT = /:(?:80|443)?$/;

/** The claim's text. @throws RangeError when no token may have this scope */
export function formatScope(scope: UrlScope): string {
  if (scope.kind === 'hash') return `hash:sha-256;${scope.digest}`;
  if (!isScopePath(scope.path, scope.kind)) throw new RangeError(`no scope of a token: '${scope.path}'`);
  const literal = scope.path.replace(SPECIAL, (character) => `\\${character}`);
  return ANY_SITE + literal + (scope.kind === 'folder' ? ALL_BELOW : ANY_QUERY);
}

/** What the claim's text means; undefined for everything but the texts above. Linear in its length. */
export function parseScope(text: string): UrlScope | undefined {
  if (text.length > MAX_SCOPE_CHARS) return undefined;
  const digest = HASH.exec(text)?.[1];
  if (digest !== undefined) return { kind: 'hash', digest };
  if (!text.startsWith(ANY_SITE)) return undefined;
  const rest = text.slice(ANY_SITE.length);
  if (rest.endsWith(ANY_QUERY)) return pathScope('file', rest.slice(0, -ANY_QUERY.length));
  if (rest.endsWith(ALL_BELOW)) return pathScope('folder', rest.slice(0, -ALL_BELOW.length));
  return undefined;
}

/** Whether a request is within the scope. */
export function covers(scope: UrlScope, request: ScopedRequest): boolean {
  switch (scope.kind) {
    case 'folder':
      return request.path.startsWith(scope.path);
    case 'file':
      return request.path === scope.path;
    case 'hash':
      // Behind a proxy nobody knows by which of the two the client came.
      return ['http', 'https'].some((scheme) => hashOfUri(scheme, request) === scope.digest);
  }
}

/** The digest of a `hash:` scope. */
export function hashOfUri(scheme: string, { host, cacheKey }: Omit<ScopedRequest, 'path'>): string {
  const authority = host.toLowerCase().replace(DEFAULT_PORT, '');
  return createHash('sha256').update(`${scheme}://${authority}${cacheKey}`).digest('base64url');
}

function pathScope(kind: 'folder' | 'file', literal: string): UrlScope | undefined {
  if (!ESCAPED_LITERAL.test(literal)) return undefined;
  const path = literal.replace(/\\(.)/g, '$1');
  return isScopePath(path, kind) ? { kind, path } : undefined;
}

/** In normal form, and not everything. */
function isScopePath(path: string, kind: 'folder' | 'file'): boolean {
  if (path.length < 2 || path.endsWith('/') !== (kind === 'folder')) return false;
  const parsed = parseTarget(path, { maxTargetChars: MAX_SCOPE_CHARS });
  return parsed.kind === 'ok' && parsed.path === path && parsed.query === '';
}
