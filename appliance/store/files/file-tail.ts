import { crc32cOf } from '../checksum.ts';

/**
 * What stands behind the blocks of a data file, so that the file says by itself what it holds.
 *
 * Problem: the index is one SQLite file. When it is lost or damaged, terabytes of good blocks would be lost with it,
 * because nothing else knows whose they are, how far they go, and what their checksums were.
 *
 * The obvious: a second file beside each data file, or a log per volume. The one doubles the inodes of a disk with a
 * million small objects; the other grows with every block and must be compacted, and is a second index that can be lost.
 *
 * Idea: a tail in the data file itself, from the next page after the blocks on, so that blocks stay where they are and
 * files without a tail (written before there were any) stay right:
 *
 *     tailStart             table: 8 bytes per block: its CRC32C, and a mark made of generation, block and CRC32C
 *     next 512              header slots A and B: the description, one newer than the other
 *     last 40 bytes         footer: where the slots are, and the size of the object, from which all else follows
 *
 * Every part proves itself, so that what was never written, or torn, is recognised: a table entry by its mark (zeros are
 * none), a slot and the footer by their CRC32C. A new description goes to the slot of the older one, so that one of the
 * two is always whole. A description that outgrew its slots gets new ones behind, with a new footer; the old ones become
 * waste. A file whose footer is overwritten says nothing any more, and is dead.
 *
 * Costs: 8 bytes per block; one page (4 KiB) per object of up to 192 blocks and a description of up to 793 bytes.
 *
 * Limits: the tail says what was on the disk, not what is right: a rebuilt index believes a block only once its
 * checksum was right when it was read. A description of more than 128 KiB has no place; such a file is lost with the index.
 * Little-endian, as BlockMap's pages are.
 */
export const FOOTER_BYTES = 40;
export const ENTRY_BYTES = 8;

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const MIN_SLOT_BYTES = 1024;
const MAX_SLOT_BYTES = 128 * 1024;
const SLOT_HEAD_BYTES = 32;
/** A description that is renewed may become longer: so much of its length is left free. */
const SLOT_SPARE = 1.25;
const FOOTER_MAGIC = 0x6c696174;
const SLOT_MAGIC = 0x64616568;
const VERSION = 1;

/** Where the parts of one file's tail are, as the footer says it. */
export interface TailPlace {
  /** Of the object. */
  readonly sizeBytes: number;
  readonly slotsOffset: number;
  readonly slotBytes: number;
}

/** What a header slot says. */
export interface TailHeader {
  readonly generation: number;
  /** Counts up with every description; its parity is the slot. */
  readonly sequence: number;
  /** As JSON. */
  readonly description: string;
}

export const tailStartOf = (sizeBytes: number): number => roundUp(sizeBytes, PAGE_BYTES);

/** Where the table's entry of a block is. */
export const entryOffset = (sizeBytes: number, block: number): number => tailStartOf(sizeBytes) + block * ENTRY_BYTES;

/** The end of the file, which is the end of the footer. */
export const tailEndOf = ({ slotsOffset, slotBytes }: TailPlace): number =>
  roundUp(slotsOffset + 2 * slotBytes + FOOTER_BYTES, PAGE_BYTES);

/** Where slots go that hold a description of so many bytes; undefined for one that is too long. @param behind the end of the tail that it outgrew */
export function placeTail(
  sizeBytes: number,
  blockCount: number,
  descriptionBytes: number,
  behind?: number,
): TailPlace | undefined {
  let slotBytes = MIN_SLOT_BYTES;
  while (slotBytes < SLOT_HEAD_BYTES + descriptionBytes * SLOT_SPARE) slotBytes *= 2;
  // The longest may do without spare room.
  if (slotBytes > MAX_SLOT_BYTES) slotBytes = MAX_SLOT_BYTES;
  if (SLOT_HEAD_BYTES + descriptionBytes > slotBytes) return undefined;
  const slotsOffset = behind ?? roundUp(entryOffset(sizeBytes, blockCount), SECTOR_BYTES);
  return { sizeBytes, slotsOffset, slotBytes };
}

/** Whether a description of so many bytes goes into the slots of this place. */
export const fitsSlot = ({ slotBytes }: TailPlace, descriptionBytes: number): boolean =>
  SLOT_HEAD_BYTES + descriptionBytes <= slotBytes;

export const slotOffset = ({ slotsOffset, slotBytes }: TailPlace, sequence: number): number =>
  slotsOffset + (sequence % 2) * slotBytes;

/** Slots and footer of a new tail: what belongs at `slotsOffset`, up to the end of the file. */
export function encodeTail(place: TailPlace, header: TailHeader): Buffer {
  const bytes = Buffer.alloc(tailEndOf(place) - place.slotsOffset);
  encodeSlot(header).copy(bytes, slotOffset(place, header.sequence) - place.slotsOffset);
  const footer = bytes.subarray(bytes.length - FOOTER_BYTES);
  footer.writeUInt32LE(FOOTER_MAGIC, 0);
  footer.writeUInt32LE(VERSION, 4);
  footer.writeDoubleLE(place.sizeBytes, 8);
  footer.writeDoubleLE(place.slotsOffset, 16);
  footer.writeUInt32LE(place.slotBytes, 24);
  footer.writeUInt32LE(crc32cOf(footer.subarray(0, FOOTER_BYTES - 4)), FOOTER_BYTES - 4);
  return bytes;
}

/** @returns undefined for what is no footer, or not that of a file of this length */
export function decodeFooter(footer: Buffer, fileBytes: number): TailPlace | undefined {
  if (footer.length !== FOOTER_BYTES || footer.readUInt32LE(0) !== FOOTER_MAGIC) return undefined;
  if (footer.readUInt32LE(4) !== VERSION) return undefined;
  if (footer.readUInt32LE(FOOTER_BYTES - 4) !== crc32cOf(footer.subarray(0, FOOTER_BYTES - 4))) return undefined;
  const place = {
    sizeBytes: footer.readDoubleLE(8),
    slotsOffset: footer.readDoubleLE(16),
    slotBytes: footer.readUInt32LE(24),
  };
  return tailEndOf(place) === fileBytes ? place : undefined;
}

export function encodeSlot({ generation, sequence, description }: TailHeader): Buffer {
  const json = Buffer.from(description);
  const slot = Buffer.alloc(SLOT_HEAD_BYTES + json.length);
  slot.writeUInt32LE(SLOT_MAGIC, 0);
  slot.writeUInt32LE(sequence, 8);
  slot.writeUInt32LE(json.length, 12);
  slot.writeDoubleLE(generation, 16);
  json.copy(slot, SLOT_HEAD_BYTES);
  slot.writeUInt32LE(crc32cOf(slot.subarray(8)), 4);
  return slot;
}

/** The newer of two slots that is whole. @param slots what is at `slotsOffset`, both of them */
export function decodeSlots(slots: Buffer, { slotBytes }: TailPlace): TailHeader | undefined {
  const found = [0, 1]
    .map((slot) => decodeSlot(slots.subarray(slot * slotBytes, (slot + 1) * slotBytes)))
    .filter((header) => header !== undefined);
  return found.sort((a, b) => b.sequence - a.sequence)[0];
}

function decodeSlot(slot: Buffer): TailHeader | undefined {
  if (slot.length < SLOT_HEAD_BYTES || slot.readUInt32LE(0) !== SLOT_MAGIC) return undefined;
  const end = SLOT_HEAD_BYTES + slot.readUInt32LE(12);
  if (end > slot.length || crc32cOf(slot.subarray(8, end)) !== slot.readUInt32LE(4)) return undefined;
  return {
    generation: slot.readDoubleLE(16),
    sequence: slot.readUInt32LE(8),
    description: slot.toString('utf8', SLOT_HEAD_BYTES, end),
  };
}

export function encodeEntry(generation: number, block: number, checksum: number): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES);
  writeEntry(entry, 0, generation, block, checksum);
  return entry;
}

/** The table of a file whose blocks are known already. */
export function encodeTable(generation: number, blockCount: number, held: Iterable<readonly [number, number]>): Buffer {
  const table = Buffer.alloc(blockCount * ENTRY_BYTES);
  for (const [block, checksum] of held) writeEntry(table, block * ENTRY_BYTES, generation, block, checksum);
  return table;
}

/** Blocks whose entries are whole, with their checksums. @param table from the first block on; may be cut short */
export function* decodeTable(table: Buffer, generation: number): Generator<[block: number, checksum: number]> {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const mark = markOf(generation);
  for (let at = 0; at + ENTRY_BYTES <= table.length; at += ENTRY_BYTES) {
    const stated = view.getUint32(at + 4, true);
    if (stated === 0) continue;
    const block = at / ENTRY_BYTES;
    const checksum = view.getUint32(at, true);
    if (stated === mark(block, checksum)) yield [block, checksum];
  }
}

function writeEntry(into: Buffer, at: number, generation: number, block: number, checksum: number): void {
  into.writeUInt32LE(checksum, at);
  into.writeUInt32LE(markOf(generation)(block, checksum), at + 4);
}

/** Proves that an entry was written for this block of this generation. Never 0, which is what a hole reads as. */
function markOf(generation: number): (block: number, checksum: number) => number {
  const words = Buffer.alloc(16);
  words.writeDoubleLE(generation, 0);
  return (block, checksum) => {
    words.writeUInt32LE(block, 8);
    words.writeUInt32LE(checksum, 12);
    return crc32cOf(words) || 1;
  };
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
