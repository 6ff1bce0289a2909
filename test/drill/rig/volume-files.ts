import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Finds blocks on a volume by what is in them, not by name: a drill knows the bytes of its files, and nothing of how a
 * volume is laid out.
 */
const NEEDLE_BYTES = 256;

export interface PlaceOnDisk {
  readonly file: string;
  readonly offset: number;
}

/** Where a piece of content lies below a folder; undefined when it is not there. */
export function findOnDisk(folder: string, content: Uint8Array): PlaceOnDisk | undefined {
  const needle = content.subarray(0, NEEDLE_BYTES);
  for (const file of filesBelow(folder)) {
    if (statSync(file).size < needle.length) continue;
    const offset = readFileSync(file).indexOf(needle);
    if (offset !== -1) return { file, offset };
  }
  return undefined;
}

/** Changes one bit on the disk, behind everybody's back. */
export function flipBit({ file, offset }: PlaceOnDisk): void {
  const descriptor = openSync(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, offset);
    byte[0] = (byte[0] ?? 0) ^ 0x01;
    writeSync(descriptor, byte, 0, 1, offset);
  } finally {
    closeSync(descriptor);
  }
  forgetCached(file);
}

/** Makes the kernel forget its copy of a file, so that the next read is of the disk. */
export function forgetCached(file: string): void {
  spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
}

export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
