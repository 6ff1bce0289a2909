/** Values of request fields as bytes: what the fast path takes of each, and nothing that the reference engine would not. Pure. */

/** What of a range was read; see RequestHead. */
interface RangeNumbers {
  rangeFirst: number;
  rangeLast: number;
  suffixBytes: number;
}

/** Fifteen digits are below 2^53 whatever they are. */
const MAX_DIGITS = 15;

const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const DASH = 45;
const COLON = 58;
const DEL = 127;
const BYTES_UNIT = Buffer.from('bytes=');

const HOST_BYTES = byteSet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~');
const ADDRESS_BYTES = byteSet('ABCDEFabcdef0123456789:.');

/** Whether it is one that isAuthority of src/http takes, too; a few odd ones are left out. */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  const isLiteral = bytes[start] === 0x5b;
  const nameStart = isLiteral ? start + 1 : start;
  const allowed = isLiteral ? ADDRESS_BYTES : HOST_BYTES;
  let at = nameStart;
  while (at < end && allowed[bytes[at] ?? 0] === 1) at += 1;
  if (at === nameStart) return false;
  if (isLiteral) {
    if (bytes[at] !== 0x5d) return false;
    at += 1;
  }
  if (at < end) {
    if (bytes[at] !== COLON || end - at > 6) return false;
    at += 1;
    while (at < end && isDigit(bytes[at] ?? 0)) at += 1;
  }
  return at === end;
}

/** Reads `bytes=` and one range without blanks (RFC 9110 section 14.1.1): less than parseRangeHeader takes. */
export function readRange(bytes: Uint8Array, start: number, end: number, into: RangeNumbers): boolean {
  const numbersStart = start + BYTES_UNIT.length;
  if (numbersStart > end || !isWord(BYTES_UNIT, bytes, start, numbersStart)) return false;
  let at = numbersStart;
  let first = 0;
  for (; at < end && isDigit(bytes[at] ?? 0); at += 1) first = first * 10 + ((bytes[at] ?? 0) - 48);
  const firstDigits = at - numbersStart;
  if (bytes[at] !== DASH || at >= end) return false;
  at += 1;
  const lastStart = at;
  let last = 0;
  for (; at < end && isDigit(bytes[at] ?? 0); at += 1) last = last * 10 + ((bytes[at] ?? 0) - 48);
  const lastDigits = at - lastStart;
  if (at !== end || firstDigits > MAX_DIGITS || lastDigits > MAX_DIGITS || firstDigits + lastDigits === 0) return false;
  if (firstDigits === 0) into.suffixBytes = last;
  else {
    if (lastDigits > 0 && last < first) return false;
    into.rangeFirst = first;
    into.rangeLast = lastDigits === 0 ? -1 : last;
  }
  return true;
}

/** RFC 9110 section 8.8.3, without the weak ones. */
export function isStrongTag(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 2 || bytes[start] !== QUOTE || bytes[end - 1] !== QUOTE) return false;
  for (let at = start + 1; at < end - 1; at += 1) {
    const byte = bytes[at] ?? 0;
    if (!isVisible(byte) || byte === QUOTE) return false;
  }
  return true;
}

/** @param word in lower case */
export function isWord(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== word.length) return false;
  for (let at = 0; at < word.length; at += 1) {
    const byte = bytes[start + at] ?? 0;
    if ((byte >= 65 && byte <= 90 ? byte + 32 : byte) !== word[at]) return false;
  }
  return true;
}

export const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB;
const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
export const isVisible = (byte: number): boolean => byte > SPACE && byte < DEL;
/** Bytes above ASCII go over: what they mean is anybody's guess (RFC 9110 section 5.5). */
export const isText = (byte: number): boolean => (byte >= SPACE && byte < DEL) || byte === TAB;

function byteSet(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}
