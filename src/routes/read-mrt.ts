/**
 * Reads routing table dumps: MRT's TABLE_DUMP_V2 (RFC 6396 section 4.3), as BIRD, FRR, OpenBGPD and the public route
 * collectors write them.
 *
 * The traps: a dump is often cut off at its end, and what came before is still right; attributes in a dump are not quite
 * those on the wire (AS numbers always have four bytes, MP_REACH_NLRI may be the bare next hop); most collectors write
 * one entry per peer, so one prefix comes many times. What is not understood is skipped by its length, never guessed.
 *
 * Limits: the attributes that steering can use are read (path, MED, local preference, communities); the others are
 * passed over. Older TABLE_DUMP and live BGP4MP records are skipped and counted.
 */

import type { AnnouncedRoute } from './announced-route.ts';

/** How reading ended. */
export interface MrtEnd {
  /** Undefined when all bytes made sense; else what did not, with its offset. What came before it counts. */
  readonly problem: string | undefined;
  /** Records of kinds that hold no table. */
  readonly skippedRecords: number;
}

const HEADER_BYTES = 12;
const TABLE_DUMP_V2 = 13;
const PEER_INDEX_TABLE = 1;
/** Subtypes of a table, by address length; the ADD-PATH kinds (RFC 8050) carry a path id in each entry. */
const TABLES = new Map([
  [2, { addressBytes: 4, hasPathId: false }],
  [4, { addressBytes: 16, hasPathId: false }],
  [8, { addressBytes: 4, hasPathId: true }],
  [10, { addressBytes: 16, hasPathId: true }],
]);

/** Whether bytes look like a dump at all: the first record's type is one of MRT's, and its length is sane. */
export function isMrt(bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const type = bytes.readUInt16BE(4);
  return [12, TABLE_DUMP_V2, 16, 17].includes(type) && bytes.readUInt16BE(6) <= 12 && bytes[8] === 0;
}

/** The routes in the order of the dump. Never throws: what cannot be read ends the reading and is told at the end. */
export function* readMrt(bytes: Buffer): Generator<AnnouncedRoute, MrtEnd> {
  const cursor = new Cursor(bytes, 0, bytes.length);
  let peers: readonly number[] = [];
  let skippedRecords = 0;
  while (cursor.leftBytes > 0) {
    const offset = cursor.at;
    try {
      cursor.skip(4);
      const type = cursor.uint16();
      const subtype = cursor.uint16();
      const record = cursor.part(cursor.uint32());
      const table = type === TABLE_DUMP_V2 ? TABLES.get(subtype) : undefined;
      if (table !== undefined) yield* readEntries(record, table, peers);
      else if (type === TABLE_DUMP_V2 && subtype === PEER_INDEX_TABLE) peers = readPeers(record);
      else skippedRecords += 1;
    } catch (error) {
      if (!(error instanceof OutOfBytes)) throw error;
      return { problem: `record at byte ${offset}: ${error.message}`, skippedRecords };
    }
  }
  return { problem: undefined, skippedRecords };
}

function readPeers(record: Cursor): number[] {
  record.skip(4);
  record.skip(record.uint16());
  return Array.from({ length: record.uint16() }, () => {
    const type = record.uint8();
    record.skip(4 + ((type & 1) === 0 ? 4 : 16));
    return (type & 2) === 0 ? record.uint16() : record.uint32();
  });
}

function* readEntries(
  record: Cursor,
  table: { readonly addressBytes: number; readonly hasPathId: boolean },
  peers: readonly number[],
): Generator<AnnouncedRoute> {
  record.skip(4);
  const lengthBits = record.uint8();
  if (lengthBits > table.addressBytes * 8) throw new OutOfBytes(`prefix length ${lengthBits}`);
  const address = Buffer.alloc(table.addressBytes);
  record.bytes(Math.ceil(lengthBits / 8)).copy(address);
  const prefix = `${formatAddress(address)}/${lengthBits}`;
  for (let entries = record.uint16(); entries > 0; entries -= 1) {
    const peerAsn = peers[record.uint16()];
    record.skip(table.hasPathId ? 8 : 4);
    yield { prefix, peerAsn, ...readAttributes(record.part(record.uint16())) };
  }
}

type Attributes = Pick<AnnouncedRoute, 'asPath' | 'asPathLength' | 'med' | 'localPref' | 'communities'>;

const EXTENDED_LENGTH = 0x10;

function readAttributes(attributes: Cursor): Attributes {
  let path = { asPath: '', asPathLength: 0 };
  let med: number | undefined;
  let localPref: number | undefined;
  const communities: string[] = [];
  while (attributes.leftBytes > 0) {
    const flags = attributes.uint8();
    const code = attributes.uint8();
    const value = attributes.part((flags & EXTENDED_LENGTH) === 0 ? attributes.uint8() : attributes.uint16());
    if (code === 2) path = readPath(value);
    else if (code === 4) med = value.uint32();
    else if (code === 5) localPref = value.uint32();
    else if (code === 8) while (value.leftBytes > 0) communities.push(`${value.uint16()}:${value.uint16()}`);
    else if (code === 32) {
      while (value.leftBytes > 0) communities.push(`${value.uint32()}:${value.uint32()}:${value.uint32()}`);
    }
  }
  return { ...path, med, localPref, communities };
}

/** Segments of a path (RFC 4271 section 4.3, RFC 5065 section 3): how each is printed, and what it counts. */
const SEGMENTS = new Map([
  [1, { open: '{', between: ',', close: '}', counts: () => 1 }],
  [2, { open: '', between: ' ', close: '', counts: (asns: number) => asns }],
  [3, { open: '(', between: ' ', close: ')', counts: () => 0 }],
  [4, { open: '[', between: ',', close: ']', counts: () => 0 }],
]);

function readPath(value: Cursor): { asPath: string; asPathLength: number } {
  const segments: string[] = [];
  let asPathLength = 0;
  while (value.leftBytes > 0) {
    const type = value.uint8();
    const asns = Array.from({ length: value.uint8() }, () => value.uint32());
    const segment = SEGMENTS.get(type);
    if (segment === undefined) throw new OutOfBytes(`path segment of type ${type}`);
    segments.push(segment.open + asns.join(segment.between) + segment.close);
    asPathLength += segment.counts(asns.length);
  }
  return { asPath: segments.join(' '), asPathLength };
}

/** Dotted for 4 bytes; for 16 as RFC 5952 wants it: the longest run of two or more zero groups is `::`. */
function formatAddress(address: Buffer): string {
  if (address.length === 4) return [...address].join('.');
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(index * 2).toString(16));
  let run = { start: 0, length: 0 };
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (groups[end] === '0') end += 1;
    if (end - start > run.length) run = { start, length: end - start };
  }
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

/** More is asked for than there is, or than makes sense. */
class OutOfBytes extends Error {}

/** Reads on from a place, and never beyond its part. */
class Cursor {
  readonly #bytes: Buffer;
  readonly #end: number;
  at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  get leftBytes(): number {
    return this.#end - this.at;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  skip(count: number): void {
    this.#take(count);
  }

  bytes(count: number): Buffer {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** The next bytes, to be read on their own. */
  part(count: number): Cursor {
    const start = this.#take(count);
    return new Cursor(this.#bytes, start, start + count);
  }

  #take(count: number): number {
    if (count > this.leftBytes) throw new OutOfBytes(`${count} bytes are said to follow, ${this.leftBytes} do`);
    const start = this.at;
    this.at += count;
    return start;
  }
}
