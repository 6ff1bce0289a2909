/**
 * From a request target to the path, the query and the cache key (RFC 9112 section 3.2, RFC 3986 section 6.2.2).
 *
 * Two targets that mean the same must share one key, or a viewer's `%7E` fills an object twice; two targets that an
 * origin may tell apart must not, or one object is served for another. `new URL()` does neither: it resolves `..`,
 * turns a backslash into a slash and reads `//host/` as another host. So the target is read character by character:
 * unreserved characters are decoded, what must be encoded is encoded, hexadecimal is upper case, and everything else
 * stays as sent. What has two readings is refused, not repaired: dot segments, an encoded slash, backslash or control
 * character, a path that starts with two slashes. The path is decoded once only, so `%252e` stays harmless.
 *
 * A refusal is 414 when too long, 400 when the text is no request target, and 404 when it is a valid one that can name
 * nothing here.
 */
import { isAuthority } from './authority.ts';

/** Limits on a request target. */
export interface TargetLimits {
  /** Longest raw target, in characters. */
  readonly maxTargetChars: number;
}

/** Why a target is refused. */
export type TargetRefusal =
  | 'too-long'
  | 'form'
  | 'forbidden-character'
  | 'bad-percent-encoding'
  | 'double-slash'
  | 'encoded-delimiter'
  | 'dot-segment';

/** A request target that was understood, or why not. */
export type ParsedTarget =
  | {
      readonly kind: 'ok';
      /** Normalised, starts with one slash, still percent-encoded. */
      readonly path: string;
      /** The normalised query as the client sent it, without `?`; empty when there is none. */
      readonly query: string;
      /** Path and query without the parameters that only describe the player; also the target to ask upstream for. */
      readonly cacheKey: string;
    }
  | { readonly kind: 'refused'; readonly reason: TargetRefusal; readonly status: 400 | 404 | 414 };

const statusOfRefusal: Readonly<Record<TargetRefusal, 400 | 404 | 414>> = {
  'too-long': 414,
  form: 400,
  'forbidden-character': 400,
  'bad-percent-encoding': 400,
  'double-slash': 404,
  'encoded-delimiter': 404,
  'dot-segment': 404,
};

const absoluteForm = /^https?:\/\/([^/?#]+)(?=[/?]|$)/i;
// Space, controls, DEL, non-ASCII, `#` (a fragment is never sent) and backslash (a slash to some, text to others).
const forbiddenCharacter = /[^\x21-\x7e]|[#\\]/;
const percentTriplet = /%([0-9A-Fa-f]{2})/g;
const unreserved = /[A-Za-z0-9\-._~]/;
const encodedDelimiter = /%(?:[01][0-9A-F]|2F|5C|7F)/;
// With a parameter too (RFC 3986 section 3.3): some origins drop what follows a semicolon before they resolve dots.
const dotSegment = /(?:^|\/)\.{1,2}(?:\/|;|%3B|$)/;
const notAllowedInPath = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/g;

// Session data and steering reports of players: CTA-5004-B section 6, HLS bis-22 section 7.4, ETSI TS 103 998.
const ignoredParameters = new Set(['CMCD', '_HLS_pathway', '_HLS_throughput']);
const ignoredParameterPrefix = '_DASH_';

/**
 * Parses the target of a GET, HEAD or OPTIONS. Origin form, or absolute form of which the path counts (RFC 9112
 * sections 3.2.1, 3.2.2); the authority and asterisk forms are refused. Never throws; linear in its length.
 */
export function parseTarget(rawTarget: string, limits: TargetLimits): ParsedTarget {
  if (rawTarget.length > limits.maxTargetChars) return refused('too-long');
  if (forbiddenCharacter.test(rawTarget)) return refused('forbidden-character');
  const originForm = toOriginForm(rawTarget);
  if (originForm === undefined) return refused('form');
  const queryAt = originForm.indexOf('?');
  const rawPath = queryAt === -1 ? originForm : originForm.slice(0, queryAt);
  const rawQuery = queryAt === -1 ? '' : originForm.slice(queryAt + 1);
  if (rawPath.startsWith('//')) return refused('double-slash');
  if (/%(?![0-9A-Fa-f]{2})/.test(rawPath)) return refused('bad-percent-encoding');
  const path = normalisePercent(rawPath).replace(notAllowedInPath, percentEncoded);
  if (encodedDelimiter.test(path)) return refused('encoded-delimiter');
  if (dotSegment.test(path)) return refused('dot-segment');
  const query = normalisePercent(rawQuery);
  const keyQuery = withoutIgnoredParameters(query);
  return { kind: 'ok', path, query, cacheKey: keyQuery === '' ? path : `${path}?${keyQuery}` };
}

function refused(reason: TargetRefusal): ParsedTarget {
  return { kind: 'refused', reason, status: statusOfRefusal[reason] };
}

function toOriginForm(target: string): string | undefined {
  if (target.startsWith('/')) return target;
  const authority = absoluteForm.exec(target);
  if (authority === null || !isAuthority(authority[1] ?? '')) return undefined;
  const rest = target.slice(authority[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** RFC 3986 sections 6.2.2.1 and 6.2.2.2. A percent sign that starts no triplet stays: queries are opaque to us. */
function normalisePercent(text: string): string {
  return text.replace(percentTriplet, (triplet, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : triplet.toUpperCase();
  });
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function withoutIgnoredParameters(query: string): string {
  if (query === '') return '';
  const kept = query.split('&').filter((parameter) => {
    const equalsAt = parameter.indexOf('=');
    const name = equalsAt === -1 ? parameter : parameter.slice(0, equalsAt);
    return !isIgnoredParameter(name);
  });
  return kept.join('&');
}

/** Whether a parameter only describes the player, or what it reports. */
function isIgnoredParameter(name: string): boolean {
  return ignoredParameters.has(name) || name.startsWith(ignoredParameterPrefix);
}

/** Characters that stay as they are in a path (RFC 3986 section 3.3); a percent sign does not. */
const staysInPath = new Uint8Array(128);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/") {
  staysInPath[character.charCodeAt(0)] = 1;
}
const SLASH = 0x2f;
const DOT = 0x2e;
const QUESTION_MARK = 0x3f;

/**
 * The cache key of a target that `parseTarget` would leave as it is, but for parameters that only describe the player;
 * undefined where that is not plain to see. Most targets are of this kind, and it costs a tenth of reading one in full.
 * Whatever it answers is what `parseTarget` answers, but for the limit on length, which is the caller's.
 */
export function readPlainTarget(target: string): string | undefined {
  const { length } = target;
  if (length < 2 || target.charCodeAt(0) !== SLASH) return undefined;
  let before = SLASH;
  for (let at = 1; at < length; at += 1) {
    const code = target.charCodeAt(at);
    if (code === QUESTION_MARK) return describesPlayer(target, at + 1) ? target.slice(0, at) : undefined;
    // Dot segments begin so, and so do other hosts.
    if (before === SLASH && (code === DOT || code === SLASH)) return undefined;
    if (staysInPath[code] !== 1) return undefined;
    before = code;
  }
  return target;
}

/** Whether a query, from an index on, holds such parameters alone, each with its name spelt out. */
function describesPlayer(target: string, queryAt: number): boolean {
  if (forbiddenCharacter.test(target)) return false;
  for (let start = queryAt; start < target.length; ) {
    const ampersandAt = target.indexOf('&', start);
    const end = ampersandAt === -1 ? target.length : ampersandAt;
    const equalsAt = target.indexOf('=', start);
    if (!isIgnoredParameter(target.slice(start, equalsAt === -1 || equalsAt > end ? end : equalsAt))) return false;
    start = end + 1;
  }
  return true;
}
