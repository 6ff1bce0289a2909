import { IGNORED_FIELDS } from './ignored-fields.ts';

/** What request-head.ts does with a field. Numbers, since one is looked up for every line of every request. */
const UNKNOWN = 0;
export const IGNORED = 1;
export const HOST = 2;
export const CONNECTION = 3;
export const RANGE = 4;
export const IF_RANGE = 5;
export const IF_NONE_MATCH = 6;
export const IF_MODIFIED_SINCE = 7;
export const OTHER_CONDITION = 8;
export const CACHE_CONTROL = 9;
/** From here on, one for each of those below. */
export const FIRST_REPORT_FIELD = 10;

/** What a player's report may be spread over (CTA-5004-B section 3.1). */
export const REPORT_FIELDS: readonly string[] = ['cmcd-request', 'cmcd-object', 'cmcd-status', 'cmcd-session'];

const MEANINGS: ReadonlyMap<string, number> = new Map([
  ...IGNORED_FIELDS.map((name): [string, number] => [name, IGNORED]),
  ['host', HOST],
  ['connection', CONNECTION],
  ['cache-control', CACHE_CONTROL],
  ['range', RANGE],
  ['if-range', IF_RANGE],
  ['if-none-match', IF_NONE_MATCH],
  ['if-modified-since', IF_MODIFIED_SINCE],
  ['if-match', OTHER_CONDITION],
  ['if-unmodified-since', OTHER_CONDITION],
  ...REPORT_FIELDS.map((name, at): [string, number] => [name, FIRST_REPORT_FIELD + at]),
]);

/** Lower case of each byte that may be in a field name (RFC 9110 section 5.6.2); 0 for every other. */
export const NAME_BYTES: Uint8Array = nameBytes();

const TABLE_SIZE = 512;
/** One more byte of a name, in lower case, into its hash; begins with 0. */
export const hashed = (hash: number, lower: number): number => (Math.imul(hash, 31) + lower) | 0;

/** The meaning of a field by its name in any case, found by hash and then compared: no text is made of it. */
export function meaningOf(bytes: Uint8Array, start: number, end: number, hash: number): number {
  for (let at = placeOf(hash); ; at = (at + 1) % TABLE_SIZE) {
    const name = NAMES[at];
    if (name === undefined) return UNKNOWN;
    if (isSame(name, bytes, start, end)) return MEANING_AT[at] ?? UNKNOWN;
  }
}

function isSame(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let at = 0; at < name.length; at += 1) {
    if (name[at] !== NAME_BYTES[bytes[start + at] ?? 0]) return false;
  }
  return true;
}

function placeOf(hash: number): number {
  return (hash ^ (hash >>> 9) ^ (hash >>> 18)) & (TABLE_SIZE - 1);
}

function nameBytes(): Uint8Array {
  const lower = new Uint8Array(256);
  for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
    lower[character.charCodeAt(0)] = character.toLowerCase().charCodeAt(0);
  }
  return lower;
}

/** Open addressing: the place of a name is the first free one from its hash on. */
const MEANING_AT = new Uint8Array(TABLE_SIZE);
const NAMES: readonly (Uint8Array | undefined)[] = namesInPlace();

function namesInPlace(): readonly (Uint8Array | undefined)[] {
  const names: (Uint8Array | undefined)[] = Array.from({ length: TABLE_SIZE }, () => undefined);
  for (const [name, meaning] of MEANINGS) {
    const bytes = Buffer.from(name, 'latin1');
    let at = placeOf(bytes.reduce((hash, byte) => hashed(hash, byte), 0));
    while (names[at] !== undefined) at = (at + 1) % TABLE_SIZE;
    names[at] = bytes;
    MEANING_AT[at] = meaning;
  }
  return names;
}
