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
