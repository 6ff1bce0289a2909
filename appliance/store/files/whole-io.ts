import type { FileHandle } from 'node:fs/promises';

/** Writes all of it: the kernel may take less at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}

/** Fills `bytes`. @returns how many there were: fewer when the file ends */
export async function readInto(file: FileHandle, bytes: Uint8Array, offset: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** Fewer bytes when the file ends. */
export async function readAll(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, await readInto(file, bytes, offset));
}

/** What O_DIRECT reads by (open(2)): a multiple of every disk's sector. */
export const SECTOR_BYTES = 4096;

/**
 * Reads from a file that was opened with O_DIRECT.
 * @param memory begins at a page, and has room for the last sector, too @param offset a multiple of 4096
 * @returns how many of the bytes there were: fewer when the file ends
 */
export async function readSectors(
  file: FileHandle,
  memory: Uint8Array,
  offset: number,
  byteLength: number,
): Promise<number> {
  const wanted = Math.min(memory.length, Math.ceil(byteLength / SECTOR_BYTES) * SECTOR_BYTES);
  let done = 0;
  while (done < byteLength) {
    const { bytesRead } = await file.read(memory, done, wanted - done, offset + done);
    done += bytesRead;
    // Only the end of the file ends in the middle of a sector.
    if (bytesRead === 0 || done % SECTOR_BYTES !== 0) break;
  }
  return Math.min(done, byteLength);
}
