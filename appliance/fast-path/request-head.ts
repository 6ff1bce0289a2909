/**
 * The request heads that the fast path takes, read from bytes. Pure.
 *
 * What makes a second HTTP parser dangerous is not speed but lenience: where two readers of one connection disagree,
 * requests are smuggled. So this one knows a short grammar and repairs nothing: GET or HEAD, a target that starts with
 * a slash, `HTTP/1.1`, lines that end in CRLF, names that it knows, one Host, at most one Range of one range, one strong
 * tag per condition, no body. Whatever is outside goes over, with every byte that was read, and is judged by the
 * reference engine from its first byte; being wrong here in the strict direction costs microseconds, and nothing else.
 *
 * It reads bytes, not text, and in one pass: a name is hashed while it is walked over and looked up in field-table.ts,
 * numbers of a range are added up where they stand, and text is made only of what an answer depends on. Nearly every
 * head comes whole. For one that does not, the search for its end goes on where it stopped, and the grammar is tried
 * again when its first line or its end is there: what is no HTTP is found early, and no byte is looked at more than
 * four times, however the head is cut up.
 *
 * If-Modified-Since is passed over beside If-None-Match, as RFC 9110 section 13.1.3 demands: browsers send both.
 */
import {
  CACHE_CONTROL,
  CONNECTION,
  FIRST_REPORT_FIELD,
  HOST,
  hashed,
  IF_MODIFIED_SINCE,
  IF_NONE_MATCH,
  IF_RANGE,
  IGNORED,
  meaningOf,
  NAME_BYTES,
  OTHER_CONDITION,
  RANGE,
  REPORT_FIELDS,
} from './head/field-table.ts';
import { isBlank, isHost, isStrongTag, isText, isVisible, isWord, readRange } from './head/field-values.ts';
import type { OverReason } from './messages.ts';

/** What a request asks for. One record per thread, filled anew by each; what it says counts after 'whole' alone. */
export interface RequestHead {
  isHead: boolean;
  /** As on the request line: starts with a slash, visible ASCII alone, of any length that a head may have. */
  target: string;
  /** A name or address and perhaps a port; never empty. */
  host: string;
  /** `bytes=first-`, `bytes=first-last` or `bytes=-length`, nothing else; a HEAD has none (RFC 9110 section 14.2). */
  range: string | undefined;
  /** The same in numbers, which are safe integers: -1 where it is a suffix, or there is no range. */
  rangeFirst: number;
  /** Inclusive, not below `rangeFirst`; -1 where the end of the object is meant. */
  rangeLast: number;
  /** -1 where it is no suffix. */
  suffixBytes: number;
  /** One strong entity tag each, with its quotes. */
  ifRange: string | undefined;
  ifNoneMatch: string | undefined;
  /** The fields that a player's report is spread over, by their names in small letters; undefined without any. */
  report: Record<string, string> | undefined;
  /** `Cache-Control: max-age=0`: what can be confirmed by somebody is to be confirmed first. */
  asksAnew: boolean;
  /** `Connection: close`: the answer says so too, and ends the connection. */
  isLast: boolean;
  /** How long the head is, with the empty line. */
  lengthBytes: number;
}

/** 'whole': the record is filled. 'incomplete': more must come. Otherwise the reference engine's, and why. */
export type HeadReading = 'whole' | 'incomplete' | OverReason;

/** Longer heads go over; the reference engine refuses them by a limit of the same size. */
export const MAX_HEAD_BYTES = 16_384;

/** As many as check-head.ts takes. */
const MAX_LINES = 100;

const LF = 10;
const CR = 13;
const COLON = 58;
const SLASH = 47;

const GET = Buffer.from('GET ');
const HEAD = Buffer.from('HEAD ');
const VERSION = Buffer.from(' HTTP/1.1\r\n');
const KEEP_ALIVE = Buffer.from('keep-alive');
const CLOSE = Buffer.from('close');
const MAX_AGE_ZERO = Buffer.from('max-age=0');

/** A record to be filled. */
export function emptyHead(): RequestHead {
  return {
    isHead: false,
    target: '',
    host: '',
    range: undefined,
    rangeFirst: -1,
    rangeLast: -1,
    suffixBytes: -1,
    ifRange: undefined,
    ifNoneMatch: undefined,
    report: undefined,
    asksAnew: false,
    isLast: false,
    lengthBytes: 0,
  };
}

/**
 * Reads the head that begins at `start`.
 * @param triedBytes how many bytes of this head were there when it was 'incomplete' the last time; 0 the first time
 */
export function readHead(
  bytes: Buffer,
  start: number,
  end: number,
  triedBytes: number,
  head: RequestHead,
): HeadReading {
  if (triedBytes > 0 && !isWorthTrying(bytes, start, end, triedBytes)) {
    return end - start >= MAX_HEAD_BYTES ? 'head' : 'incomplete';
  }
  const reading = readLines(bytes, start, end, head);
  if (reading === 'incomplete' && end - start >= MAX_HEAD_BYTES) return 'head';
  if (reading === 'whole' && head.lengthBytes > MAX_HEAD_BYTES) return 'head';
  return reading;
}

/** Whether what came since completes the first line or the head, or is a byte that no head has. */
function isWorthTrying(bytes: Buffer, start: number, end: number, triedBytes: number): boolean {
  const from = start + triedBytes;
  const firstLine = bytes.indexOf(LF, start);
  // The method is known by its first five bytes.
  if (triedBytes < HEAD.length || (firstLine >= from && firstLine < end)) return true;
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === LF) {
      if (bytes[at - 1] !== CR || bytes[at - 2] === LF) return true;
    } else if (bytes[at - 1] === CR || !isText(byte)) {
      if (byte !== CR || bytes[at - 1] === CR) return true;
    }
  }
  return false;
}

function readLines(bytes: Buffer, start: number, end: number, head: RequestHead): HeadReading {
  const fieldsStart = readRequestLine(bytes, start, end, head);
  if (typeof fieldsStart !== 'number') return fieldsStart;
  let at = fieldsStart;
  const seen: Seen = SEEN;
  clear(head, seen);
  for (let lines = 0; ; lines += 1) {
    if (at >= end) return 'incomplete';
    if (bytes[at] === CR) {
      if (at + 1 >= end) return 'incomplete';
      if (bytes[at + 1] !== LF) return 'head';
      head.lengthBytes = at + 2 - start;
      return judge(head, seen);
    }
    if (lines === MAX_LINES) return 'head';
    const nameStart = at;
    let hash = 0;
    let byte = 0;
    for (; at < end; at += 1) {
      byte = bytes[at] ?? 0;
      const lower = NAME_BYTES[byte] ?? 0;
      if (lower === 0) break;
      hash = hashed(hash, lower);
    }
    if (at >= end) return 'incomplete';
    if (byte !== COLON || at === nameStart) return 'head';
    const nameEnd = at;
    do at += 1;
    while (at < end && isBlank(bytes[at] ?? 0));
    const valueStart = at;
    while (at < end && isText(bytes[at] ?? 0)) at += 1;
    if (at + 1 >= end) return at < end && bytes[at] !== CR ? 'head' : 'incomplete';
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return 'head';
    let valueEnd = at;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] ?? 0)) valueEnd -= 1;
    at += 2;
    const meaning = meaningOf(bytes, nameStart, nameEnd, hash);
    if (meaning === IGNORED) continue;
    const refusal = take(bytes, valueStart, valueEnd, meaning, head, seen);
    if (refusal !== undefined) return refusal;
  }
}

/** @returns where the first field begins */
function readRequestLine(bytes: Buffer, start: number, end: number, head: RequestHead): number | HeadReading {
  const isHead = bytes[start] === HEAD[0];
  const method = isHead ? HEAD : GET;
  for (let at = 0; at < method.length; at += 1) {
    if (start + at >= end) return 'incomplete';
    if (bytes[start + at] !== method[at]) return 'method';
  }
  head.isHead = isHead;
  const targetStart = start + method.length;
  if (targetStart >= end) return 'incomplete';
  if (bytes[targetStart] !== SLASH) return 'target';
  let at = targetStart;
  while (at < end && isVisible(bytes[at] ?? 0)) at += 1;
  for (let place = 0; place < VERSION.length; place += 1) {
    if (at + place >= end) return 'incomplete';
    if (bytes[at + place] !== VERSION[place]) return 'head';
  }
  head.target = bytes.toString('latin1', targetStart, at);
  return at + VERSION.length;
}

/** Which fields a head had. One for all: it is read from one end to the other without a break. */
interface Seen {
  hosts: number;
  connections: number;
  ranges: number;
  modifiedSince: boolean;
}
const SEEN: Seen = { hosts: 0, connections: 0, ranges: 0, modifiedSince: false };

function clear(head: RequestHead, seen: Seen): void {
  head.range = undefined;
  head.rangeFirst = -1;
  head.rangeLast = -1;
  head.suffixBytes = -1;
  head.ifRange = undefined;
  head.ifNoneMatch = undefined;
  head.report = undefined;
  head.asksAnew = false;
  head.isLast = false;
  seen.hosts = 0;
  seen.connections = 0;
  seen.ranges = 0;
  seen.modifiedSince = false;
}

/** Takes one field into the record. @returns why it may not be there */
function take(
  bytes: Buffer,
  start: number,
  end: number,
  meaning: number,
  head: RequestHead,
  seen: Seen,
): OverReason | undefined {
  switch (meaning) {
    case HOST:
      seen.hosts += 1;
      if (seen.hosts > 1 || !isHost(bytes, start, end)) return 'head';
      head.host = bytes.toString('latin1', start, end);
      return undefined;
    case CONNECTION:
      seen.connections += 1;
      if (seen.connections > 1) return 'field';
      head.isLast = isWord(CLOSE, bytes, start, end);
      return head.isLast || isWord(KEEP_ALIVE, bytes, start, end) ? undefined : 'field';
    case RANGE:
      seen.ranges += 1;
      if (seen.ranges > 1 || !readRange(bytes, start, end, head)) return 'ranges';
      head.range = bytes.toString('latin1', start, end);
      return undefined;
    case IF_RANGE:
      if (head.ifRange !== undefined || !isStrongTag(bytes, start, end)) return 'conditional';
      head.ifRange = bytes.toString('latin1', start, end);
      return undefined;
    case IF_NONE_MATCH:
      if (head.ifNoneMatch !== undefined || !isStrongTag(bytes, start, end)) return 'conditional';
      head.ifNoneMatch = bytes.toString('latin1', start, end);
      return undefined;
    case CACHE_CONTROL:
      // Of a browser that was told not to answer from its own cache. Any other wish is the reference engine's.
      if (head.asksAnew || !isWord(MAX_AGE_ZERO, bytes, start, end)) return 'field';
      head.asksAnew = true;
      return undefined;
    case IF_MODIFIED_SINCE:
      seen.modifiedSince = true;
      return undefined;
    case OTHER_CONDITION:
      return 'conditional';
    default:
      return takeReport(bytes.toString('latin1', start, end), meaning, head);
  }
}

/** Twice the same field would be joined by a comma; nobody does that. */
function takeReport(text: string, meaning: number, head: RequestHead): OverReason | undefined {
  const name = REPORT_FIELDS[meaning - FIRST_REPORT_FIELD];
  if (name === undefined || head.report?.[name] !== undefined) return 'field';
  head.report ??= {};
  head.report[name] = text;
  return undefined;
}

/** What can only be said when all fields are there. */
function judge(head: RequestHead, seen: Seen): HeadReading {
  if (seen.hosts === 0) return 'head';
  if (seen.modifiedSince && head.ifNoneMatch === undefined) return 'conditional';
  if (head.isHead) {
    head.range = undefined;
    head.rangeFirst = -1;
    head.rangeLast = -1;
    head.suffixBytes = -1;
  }
  return 'whole';
}
