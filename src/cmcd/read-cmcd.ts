import { type CmcdRecord, emptyRecord } from './cmcd-record.ts';
import { type CmcdMember, CmcdScanner } from './scan-cmcd.ts';

/**
 * The one reader of CMCD that both services use.
 *
 * A segment of four seconds comes with two hundred characters of it, so a server of ten thousand viewers reads some
 * thousand a second. A general reader of structured fields builds a map of maps for each (20 to 30 microseconds); here
 * the text is walked once, and only what the record wants is taken out of it. What it accepts is the same: the syntax
 * is checked to the end, and a text that is no dictionary gives no record at all (RFC 8941 section 4.2).
 */
export type CmcdReading = CmcdRecord | 'malformed' | 'unknown-version';

const NEWEST_VERSION = 2;
/** A record of every key with long names is a quarter of this; a request's head could not hold more. */
const MAX_CHARS = 8192;
const MAX_SESSION_CHARS = 128;
const MAX_NEXT_OBJECTS = 8;

/** @param text the members of one record, decoded where they came in a query. Never throws; linear in the length. */
export function readCmcd(text: string): CmcdReading {
  if (text.length > MAX_CHARS) return 'malformed';
  const scanner = new CmcdScanner(text);
  const record = emptyRecord();
  let isKnownVersion = true;
  for (let member = scanner.next(); member !== undefined; member = scanner.next()) {
    if (member === 'malformed') return 'malformed';
    if (member.key === 'v') {
      const version = numberOf(member);
      if (version !== undefined && version > NEWEST_VERSION) isKnownVersion = false;
      record.version = version === 2 ? 2 : 1;
    } else {
      take(record, member);
    }
  }
  return isKnownVersion ? record : 'unknown-version';
}

function take(record: CmcdRecord, member: CmcdMember): void {
  switch (member.key) {
    case 'sid': {
      const id = textOf(member, 'string');
      if (id !== undefined && id.length <= MAX_SESSION_CHARS) record.sessionId = id;
      return;
    }
    case 'ot':
      record.objectType = textOf(member, 'token');
      return;
    case 'st':
      record.streamType = textOf(member, 'token');
      return;
    case 'br':
      record.bitrateKbitPerSec = numberOf(member, Math.max);
      return;
    case 'd':
      record.durationMs = numberOf(member);
      return;
    case 'bl':
      record.bufferMs = numberOf(member, Math.min);
      return;
    case 'mtp':
      record.throughputKbitPerSec = numberOf(member, Math.max);
      return;
    case 'rtp':
      record.requestedMaxKbitPerSec = numberOf(member, Math.max);
      return;
    case 'bs':
      record.starved = isTrue(member);
      return;
    case 'su':
      record.urgent = isTrue(member);
      return;
    case 'nor':
      record.nextObjects = textsOf(member);
      return;
    default:
      takeOfEvent(record, member);
  }
}

function takeOfEvent(record: CmcdRecord, member: CmcdMember): void {
  switch (member.key) {
    case 'e':
      record.event = textOf(member, 'token');
      return;
    case 'sta':
      record.state = textOf(member, 'token');
      return;
    case 'h':
      record.host = textOf(member, 'string') ?? record.host;
      return;
    case 'url': {
      // `h` says it more directly, wherever it stands.
      const url = textOf(member, 'string');
      record.host ??= url === undefined || !URL.canParse(url) ? undefined : new URL(url).host;
      return;
    }
    case 'rc':
      record.responseCode = numberOf(member);
      return;
    case 'ttlb':
      record.lastByteMs = numberOf(member);
      return;
    case 'ec':
      record.hasErrorCode = true;
      return;
    default:
  }
}

/** A number that is not negative; of a list, where there may be one, what `pick` makes of its numbers. */
function numberOf({ isList, values }: CmcdMember, pick?: (a: number, b: number) => number): number | undefined {
  if (isList && pick === undefined) return undefined;
  let picked: number | undefined;
  for (const { kind, value } of values) {
    if (kind !== 'number' || typeof value !== 'number' || value < 0) continue;
    picked = picked === undefined || pick === undefined ? value : pick(picked, value);
  }
  return picked;
}

/** Strings and tokens are one for us where a player mixes them up, but never a list. */
function textOf({ isList, values }: CmcdMember, kind: 'string' | 'token'): string | undefined {
  const only = isList ? undefined : values[0];
  if (only === undefined || typeof only.value !== 'string') return undefined;
  return only.kind === kind || only.kind === 'string' || only.kind === 'token' ? only.value : undefined;
}

/** Version 1 has one string, percent-encoded; version 2 a list of strings. */
function textsOf({ values }: CmcdMember): readonly string[] {
  const texts: string[] = [];
  for (const { kind, value } of values) {
    if (kind === 'string' && typeof value === 'string' && texts.length < MAX_NEXT_OBJECTS) texts.push(value);
  }
  return texts;
}

function isTrue({ isList, values }: CmcdMember): boolean {
  const only = isList ? undefined : values[0];
  return only?.kind === 'boolean' && only.value === true;
}
