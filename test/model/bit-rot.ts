import { closeSync, fstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../src/world/world.ts';
import { pick } from './wishes.ts';

/** What holds the index is SQLite's to protect. */
const NOT_CONTENT = /sqlite|state|holder/;

/** Flips one bit of one file of content below a folder, as a disk does. @returns whether there was one */
export function flipSomeBit(folder: string, random: Random): boolean {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !NOT_CONTENT.test(file.slice(folder.length)));
  if (files.length === 0) return false;
  let descriptor: number;
  try {
    descriptor = openSync(pick(random, files), 'r+');
  } catch {
    // Evicted meanwhile.
    return false;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) return false;
    const at = Math.floor(random.next() * size);
    const byte = Buffer.alloc(1);
    readSync(descriptor, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ (1 << Math.floor(random.next() * 8));
    writeSync(descriptor, byte, 0, 1, at);
    return true;
  } finally {
    closeSync(descriptor);
  }
}
