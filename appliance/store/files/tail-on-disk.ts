import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import {
  decodeFooter,
  decodeSlots,
  decodeTable,
  ENTRY_BYTES,
  FOOTER_BYTES,
  type TailHeader,
  type TailPlace,
  tailStartOf,
} from './file-tail.ts';

/** Enough for the whole tail of most files: one read. */
const USUAL_TAIL_BYTES = 4096;

/** What a data file says of itself. */
export interface FileAccount {
  readonly sizeBytes: number;
  readonly header: TailHeader;
  readonly held: Iterable<readonly [block: number, checksum: number]>;
  /** When it was written last: the best there is to know of its last use. */
  readonly writtenAtMs: number;
}

/**
 * Reads the tail of a data file; not its blocks. Synchronous: for the index thread. Undefined for a file that has no
 * tail, or a damaged or dead one. @throws the file system's error
 */
export function readAccount(path: string, blockBytes: number): FileAccount | undefined {
  const file = openSync(path, constants.O_RDONLY);
  try {
    const { size, mtimeMs } = fstatSync(file);
    if (size < FOOTER_BYTES) return undefined;
    const end = readAt(file, Math.max(0, size - USUAL_TAIL_BYTES), Math.min(size, USUAL_TAIL_BYTES));
    const place = decodeFooter(end.subarray(Math.max(0, end.length - FOOTER_BYTES)), size);
    if (place === undefined) return undefined;
    const read = (offset: number, length: number): Buffer => {
      const inEnd = offset - (size - end.length);
      return inEnd >= 0 ? end.subarray(inEnd, inEnd + length) : readAt(file, offset, length);
    };
    const header = decodeSlots(read(place.slotsOffset, 2 * place.slotBytes), place);
    if (header === undefined) return undefined;
    const blockCount = Math.ceil(place.sizeBytes / blockBytes);
    const table = read(tailStartOf(place.sizeBytes), blockCount * ENTRY_BYTES);
    return {
      sizeBytes: place.sizeBytes,
      header,
      held: decodeTable(table, header.generation),
      writtenAtMs: mtimeMs,
    };
  } finally {
    closeSync(file);
  }
}

/**
 * Overwrites the footer of a file that is to be removed and cannot be yet, so that no rebuild brings it back. A file
 * that is not there, or has no tail, is as good. Synchronous: for the index thread. @throws the file system's error
 */
export function bury(path: string): void {
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    if (size < FOOTER_BYTES) return;
    const at = size - FOOTER_BYTES;
    const place: TailPlace | undefined = decodeFooter(readAt(file, at, FOOTER_BYTES), size);
    if (place !== undefined) writeSync(file, Buffer.alloc(FOOTER_BYTES), 0, FOOTER_BYTES, at);
  } finally {
    closeSync(file);
  }
}

/** Fewer bytes when the file ends. */
function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = readSync(file, bytes, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
