import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';

/** Files as a rendition's are, under one root: all of one size, and no two blocks with the same bytes. */
export interface MediaSet {
  /** `data` or `cold`: the first folder of their paths. */
  readonly folder: string;
  readonly count: number;
}

export const FILE_BYTES = 8 * 2 ** 20;
/** Nothing compresses them, and a byte from a wrong place has another value in all but one of 251 places. */
const PATTERN = Buffer.from(Array.from({ length: 251 }, (_, index) => index));
const CHECKS = 24;

export const pathOf = (set: MediaSet, index: number): string => `/${set.folder}/${index}.m4s`;

export function writeMedia(root: string, set: MediaSet): void {
  mkdirSync(join(root, set.folder), { recursive: true });
  for (let index = 0; index < set.count; index += 1) {
    const file = openSync(join(root, pathOf(set, index)), 'w');
    writeSync(file, bytesOf(index, 0, FILE_BYTES));
    closeSync(file);
  }
}

/** The bytes of a file from `start` to before `end`: a running pattern, with its place written into every 4 KiB. */
function bytesOf(index: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start, PATTERN);
  // What fill began with is not where the file begins.
  if (start % PATTERN.length !== 0) {
    const shift = start % PATTERN.length;
    bytes.fill(Buffer.concat([PATTERN.subarray(shift), PATTERN.subarray(0, shift)]));
  }
  for (let at = Math.ceil(start / 4096) * 4096; at + 12 <= end; at += 4096) {
    bytes.writeUInt32BE(index, at - start);
    bytes.writeDoubleBE(at, at - start + 4);
  }
  return bytes;
}

/**
 * Reads every file so often that whoever keeps things in memory has them there: the first time brings a file to the disk
 * of a cache, and only the second may bring it into its memory.
 */
export async function warm(url: string, set: MediaSet, times: 1 | 2): Promise<void> {
  for (let turn = 0; turn < set.count * times; turn += 1) {
    const index = turn % set.count;
    const { status, bytes } = await take(url + pathOf(set, index));
    if (status !== 200 && !(status === 206 && bytes.length === FILE_BYTES))
      throw new Error(`warming ${url}: ${status} and ${bytes.length} bytes`);
  }
}

/** Asks for ranges at many places. @throws Error at the first byte that is not the file's */
export async function checkBytes(url: string, set: MediaSet): Promise<void> {
  for (let check = 0; check < CHECKS; check += 1) {
    const index = (check * 7) % set.count;
    const first = ((check * 2_654_435_761) % (FILE_BYTES - 2 ** 20)) - (check % 3 === 0 ? 0 : check);
    const start = Math.max(0, first);
    const end = start + 1 + ((check * 40_503) % 2 ** 20);
    const { status, bytes } = await take(url + pathOf(set, index), `bytes=${start}-${end - 1}`);
    if (status !== 206 || !bytes.subarray(0).equals(expectedOf(index, start, end)))
      throw new Error(
        `${url}${pathOf(set, index)} bytes ${start}-${end - 1}: ${status}, ${bytes.length} bytes, not the file's`,
      );
  }
}

/** Marks that begin before `start` reach into the range, so it is cut out of a larger one. */
function expectedOf(index: number, start: number, end: number): Buffer {
  const from = Math.floor(start / 4096) * 4096;
  const to = Math.min(FILE_BYTES, Math.ceil(end / 4096) * 4096);
  return bytesOf(index, from, to).subarray(start - from, end - from);
}

function take(url: string, range = `bytes=0-${FILE_BYTES - 1}`): Promise<{ status: number; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const ask = url.startsWith('https:') ? requestTls : request;
    const asked = ask(url, { headers: { range }, rejectUnauthorized: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(pieces) }));
    });
    asked.once('error', reject);
    asked.end();
  });
}
