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
import { ByteCursor, OutOfBytes } from './byte-cursor.ts';
import { readAttributes, readPrefix } from './path-attributes.ts';

/** How reading ended. */
export interface MrtEnd {
  /** Undefined when all bytes made sense; else what did not, with its offset. What came before it counts. */
  readonly problem: string | undefined;
  /** Records of kinds that hold no table. */
  readonly skippedRecords: number;
}

const HEADER_BYTES = 12;
const FORM = { asnBytes: 4 } as const;
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
  const cursor = new ByteCursor(bytes, 0, bytes.length);
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

function readPeers(record: ByteCursor): number[] {
  record.skip(4);
  record.skip(record.uint16());
  return Array.from({ length: record.uint16() }, () => {
    const type = record.uint8();
    record.skip(4 + ((type & 1) === 0 ? 4 : 16));
    return (type & 2) === 0 ? record.uint16() : record.uint32();
  });
}

function* readEntries(
  record: ByteCursor,
  table: { readonly addressBytes: number; readonly hasPathId: boolean },
  peers: readonly number[],
): Generator<AnnouncedRoute> {
  record.skip(4);
  const prefix = readPrefix(record, table.addressBytes);
  for (let entries = record.uint16(); entries > 0; entries -= 1) {
    const peerAsn = peers[record.uint16()];
    record.skip(table.hasPathId ? 8 : 4);
    yield { prefix, peerAsn, ...readAttributes(record.part(record.uint16()), FORM) };
  }
}
