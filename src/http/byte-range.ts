/**
 * Which bytes a Range header asks for (RFC 9110 section 14).
 *
 * A Range header is written by strangers: numbers may exceed what a double holds, sets may hold thousands of members,
 * and a set of overlapping ranges can make a server send an object many times over. `Number()` and a per-member loop
 * over the answer are therefore wrong: the first rounds, the second lets an 8 KiB header decide how much work we do.
 *
 * Three steps, each pure. `parseRangeHeader` reads the text once, left to right, and gives up at the seventeenth
 * member; numbers beyond 2^53 - 1 are clamped to it after being compared as digits, so no comparison is ever made on a
 * rounded value. `selectRanges` resolves the members against a size, refuses abusive sets and joins neighbours.
 * The format functions write what the answer says.
 *
 * Choices the RFC leaves open, the same everywhere in the product: an invalid set is ignored (200, never 400 or 416);
 * an abusive set is ignored as well, because a whole object is what any client may ask for anyway; on an empty object
 * `bytes=0-` is unsatisfiable and `bytes=-1` yields the whole, empty object. Only GET has ranges: the caller ignores
 * the header on every other method (section 14.2).
 */

/** Bytes `first` to `last` of an object, both inclusive, as in HTTP. Safe integers with 0 <= first <= last. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * One member of a Range header before the size is known: from an offset (to `last`, or to the end when `last` is
 * undefined), or the final `lengthBytes` bytes. Positions are clamped to Number.MAX_SAFE_INTEGER.
 */
export type RangeSpec =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | undefined }
  | { readonly kind: 'suffix'; readonly lengthBytes: number };

/** What to send: the whole object (200), nothing of it (416), or these ranges (206), in request order and disjoint. */
export type RangeSelection =
  | { readonly kind: 'whole' }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'ranges'; readonly ranges: readonly ByteRange[] };

/** What an upstream said in Content-Range. `sizeBytes` is undefined where it wrote `*`. */
export type ContentRange =
  | { readonly kind: 'range'; readonly first: number; readonly last: number; readonly sizeBytes: number | undefined }
  | { readonly kind: 'unsatisfied'; readonly sizeBytes: number };

/** More members than this and the whole header is ignored (RFC 9110 sections 14.2, 17.15). */
export const maxRangeSpecs = 16;
const maxOverlappingRanges = 2;
const maxDisorderedSmallRanges = 4;
const smallRangeBytes = 1024;
/** A gap smaller than what a part costs in framing is cheaper sent than left out (RFC 9110 section 15.3.7.2). */
const coalescedGapBytes = 80;

const maxSafeDigits = 16;
const digitsOnly = /^[0-9]+$/;

/**
 * Reads a Range header value (RFC 9110 section 14.1.1, 14.2). Answers 'ignore' for another unit, for a set with any
 * invalid member, for an empty set and for more than `maxRangeSpecs` members; never throws. Empty list elements and
 * whitespace around members are accepted (section 5.6.1.2, and the RFC's own example `bytes= 0-999, 4500-5499`).
 */
export function parseRangeHeader(value: string): readonly RangeSpec[] | 'ignore' {
  const equalsAt = value.indexOf('=');
  if (equalsAt === -1 || value.slice(0, equalsAt).toLowerCase() !== 'bytes') return 'ignore';
  const specs: RangeSpec[] = [];
  let start = equalsAt + 1;
  while (start <= value.length) {
    const commaAt = value.indexOf(',', start);
    const end = commaAt === -1 ? value.length : commaAt;
    const member = trimOws(value, start, end);
    start = end + 1;
    if (member === '') continue;
    const spec = parseSpec(member);
    if (spec === undefined || specs.length === maxRangeSpecs) return 'ignore';
    specs.push(spec);
  }
  return specs.length === 0 ? 'ignore' : specs;
}

/**
 * Resolves range specs against an object of `sizeBytes` (a safe integer >= 0), RFC 9110 sections 14.1.2, 14.2 and
 * 15.3.7.2. Unsatisfiable members are dropped while one is satisfiable; ranges that overlap or lie closer than
 * 80 bytes are joined and take the place of the earliest member joined; the result holds at least one range.
 */
export function selectRanges(specs: readonly RangeSpec[] | 'ignore', sizeBytes: number): RangeSelection {
  if (specs === 'ignore' || specs.length > maxRangeSpecs) return { kind: 'whole' };
  const requested: ByteRange[] = [];
  let suffixOfNothing = false;
  for (const spec of specs) {
    if (spec.kind === 'suffix' && spec.lengthBytes > 0 && sizeBytes === 0) suffixOfNothing = true;
    const range = resolve(spec, sizeBytes);
    if (range !== undefined) requested.push(range);
  }
  if (suffixOfNothing) return { kind: 'whole' };
  if (requested.length === 0) return { kind: 'unsatisfiable' };
  if (isAbusive(requested)) return { kind: 'whole' };
  return { kind: 'ranges', ranges: coalesce(requested) };
}

/** Bytes in a range. */
export function rangeLengthBytes(range: ByteRange): number {
  return range.last - range.first + 1;
}

/** `bytes 0-499/1000` for a 206 or one of its parts; `*` for a size not known yet (RFC 9110 section 14.4). */
export function formatContentRange(range: ByteRange, sizeBytes: number | undefined): string {
  return `bytes ${range.first}-${range.last}/${sizeBytes ?? '*'}`;
}

/** The Content-Range of a 416: `bytes` and the size it was measured against (RFC 9110 sections 14.4, 15.5.17). */
export function formatUnsatisfiedRange(sizeBytes: number): string {
  return `bytes */${sizeBytes}`;
}

/**
 * Reads the Content-Range of an upstream's answer (RFC 9110 section 14.4). Strict, because bytes are stored by what it
 * says: one space, digits only, first <= last < size, nothing beyond 2^53 - 1. Anything else is undefined, and the
 * answer must then not be combined with other bytes.
 */
export function parseContentRange(value: string): ContentRange | undefined {
  const match = /^bytes (?:([0-9]{1,16})-([0-9]{1,16})|\*)\/([0-9]{1,16}|\*)$/i.exec(value);
  if (match === null) return undefined;
  const [, firstText, lastText, sizeText] = match;
  const sizeBytes = sizeText === undefined || sizeText === '*' ? undefined : Number(sizeText);
  if (sizeBytes !== undefined && !Number.isSafeInteger(sizeBytes)) return undefined;
  if (firstText === undefined || lastText === undefined) {
    return sizeBytes === undefined ? undefined : { kind: 'unsatisfied', sizeBytes };
  }
  const first = Number(firstText);
  const last = Number(lastText);
  if (!Number.isSafeInteger(last) || first > last) return undefined;
  if (sizeBytes !== undefined && last >= sizeBytes) return undefined;
  return { kind: 'range', first, last, sizeBytes };
}

function parseSpec(member: string): RangeSpec | undefined {
  const dashAt = member.indexOf('-');
  if (dashAt === -1) return undefined;
  const before = member.slice(0, dashAt);
  const after = member.slice(dashAt + 1);
  if (before === '') {
    return digitsOnly.test(after) ? { kind: 'suffix', lengthBytes: clampedNumber(after) } : undefined;
  }
  if (!digitsOnly.test(before)) return undefined;
  if (after === '') return { kind: 'from', first: clampedNumber(before), last: undefined };
  if (!digitsOnly.test(after) || isGreater(before, after)) return undefined;
  return { kind: 'from', first: clampedNumber(before), last: clampedNumber(after) };
}

function resolve(spec: RangeSpec, sizeBytes: number): ByteRange | undefined {
  if (sizeBytes === 0) return undefined;
  if (spec.kind === 'suffix') {
    return spec.lengthBytes === 0
      ? undefined
      : { first: Math.max(0, sizeBytes - spec.lengthBytes), last: sizeBytes - 1 };
  }
  if (spec.first >= sizeBytes) return undefined;
  return { first: spec.first, last: Math.min(spec.last ?? sizeBytes - 1, sizeBytes - 1) };
}

/**
 * RFC 9110 section 14.2 names two signs of an attack or a broken client: more than two ranges that overlap others, and
 * many small ranges out of ascending order. At most `maxRangeSpecs` ranges arrive here, so pairs are cheap.
 */
function isAbusive(requested: readonly ByteRange[]): boolean {
  const overlapping = requested.filter((range) =>
    requested.some((other) => other !== range && other.first <= range.last && range.first <= other.last),
  );
  if (overlapping.length > maxOverlappingRanges) return true;
  const small = requested.filter((range) => rangeLengthBytes(range) < smallRangeBytes);
  return small.length > maxDisorderedSmallRanges && !isAscending(small);
}

function isAscending(ranges: readonly ByteRange[]): boolean {
  return ranges.every((range, index) => {
    const previous = ranges[index - 1];
    return previous === undefined || previous.first <= range.first;
  });
}

function coalesce(requested: readonly ByteRange[]): readonly ByteRange[] {
  const ascending = requested
    .map((range, place) => ({ first: range.first, last: range.last, place }))
    .sort((left, right) => left.first - right.first);
  const joined: { first: number; last: number; place: number }[] = [];
  for (const range of ascending) {
    const previous = joined.at(-1);
    if (previous !== undefined && range.first - previous.last - 1 < coalescedGapBytes) {
      previous.last = Math.max(previous.last, range.last);
      previous.place = Math.min(previous.place, range.place);
    } else {
      joined.push(range);
    }
  }
  return joined.sort((left, right) => left.place - right.place).map(({ first, last }) => ({ first, last }));
}

function trimOws(text: string, start: number, end: number): string {
  let first = start;
  let afterLast = end;
  while (first < afterLast && isOws(text.charCodeAt(first))) first += 1;
  while (afterLast > first && isOws(text.charCodeAt(afterLast - 1))) afterLast -= 1;
  return text.slice(first, afterLast);
}

function isOws(charCode: number): boolean {
  return charCode === 0x20 || charCode === 0x09;
}

/** Digits to a number, exact up to 2^53 - 1 and that value beyond: a 17th significant digit never reaches a double. */
function clampedNumber(digits: string): number {
  const significant = withoutLeadingZeros(digits);
  if (significant.length > maxSafeDigits) return Number.MAX_SAFE_INTEGER;
  return Math.min(Number(significant), Number.MAX_SAFE_INTEGER);
}

function isGreater(leftDigits: string, rightDigits: string): boolean {
  const left = withoutLeadingZeros(leftDigits);
  const right = withoutLeadingZeros(rightDigits);
  return left.length === right.length ? left > right : left.length > right.length;
}

function withoutLeadingZeros(digits: string): string {
  let start = 0;
  while (start < digits.length - 1 && digits.charCodeAt(start) === 0x30) start += 1;
  return digits.slice(start);
}
