/** An IPv4 row in numbers; the site is the bytes from `siteStart` up to `siteEnd`. */
export interface PlainRow {
  word: number;
  length: number;
  siteStart: number;
  siteEnd: number;
}

const DOT = 0x2e;
const SLASH = 0x2f;
const COMMA = 0x2c;
const CARRIAGE_RETURN = 0x0d;
const ZERO = 0x30;
const NOTHING = -1;

/**
 * Reads a line that is exactly `a.b.c.d/len,site`, as almost every line of a large table is, straight from its bytes:
 * text and regular expressions take four times as long for a million. Undefined for every line that is anything else,
 * right or wrong, which is then read with care.
 * @param row is filled in and returned, so that no row is an object of its own
 */
export function readPlainRow(bytes: Uint8Array, start: number, end: number, row: PlainRow): PlainRow | undefined {
  let word = 0;
  let at = start;
  for (let octet = 0; octet < 4; octet += 1) {
    const stop = octet === 3 ? SLASH : DOT;
    const first = at;
    const value = readNumber(bytes, at, end);
    if (value === NOTHING || value > 255) return undefined;
    while (at < end && bytes[at] !== stop) at += 1;
    if (at - first > 3 || at === first || bytes[at] !== stop) return undefined;
    word = word * 256 + value;
    at += 1;
  }
  const length = readNumber(bytes, at, end);
  if (length === NOTHING || length > 32) return undefined;
  const first = at;
  while (at < end && bytes[at] !== COMMA) at += 1;
  if (at === first || at - first > 2 || bytes[at] !== COMMA) return undefined;
  // Bits beyond the length are a mistake, and mistakes are read with care.
  if (length < 32 && word % 2 ** (32 - length) !== 0) return undefined;
  const siteStart = at + 1;
  const siteEnd = bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
  if (!isName(bytes, siteStart, siteEnd)) return undefined;
  row.word = word;
  row.length = length;
  row.siteStart = siteStart;
  row.siteEnd = siteEnd;
  return row;
}

/** The number that begins here, of up to three digits. */
function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = NOTHING;
  for (let at = start; at < end && at < start + 3; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = (value === NOTHING ? 0 : value) * 10 + digit;
  }
  return value;
}

/** Whether these bytes need no care: lower-case letters, digits, `.`, `_` and `-`. */
function isName(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    const isPlain =
      (byte >= 0x61 && byte <= 0x7a) ||
      (byte >= ZERO && byte <= 0x39) ||
      byte === 0x2d ||
      byte === DOT ||
      byte === 0x5f;
    if (!isPlain) return false;
  }
  return end > start;
}
