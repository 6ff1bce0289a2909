import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { BLOCKS_PER_PAGE } from '../block-map.ts';
import type { ObjectIndex } from '../object-index.ts';
import { generationOfFile, type VolumeLayout } from '../volume/volume-layout.ts';
import { NumberList } from './number-list.ts';
import { orderOfUse } from './order-of-use.ts';
import { type PackedRows, packRows } from './packed-rows.ts';

/** Objects per chunk: some milliseconds of the loop that takes it. */
const CHUNK_OBJECTS = 2000;
/** 100 MB; a thousand whole films of 25 GB. SQLite hands over no more than 1 GB at a time. */
const CHUNK_PAGES = 200_000;

/** What did not agree at a start. */
export interface Disagreements {
  /** Files in which no row holds a block: a process died between the one and the other. */
  readonly orphanFiles: number;
  readonly objectsWithoutFile: number;
  /** Rows that make no sense. */
  readonly strayRows: number;
}

/**
 * Tells everything that a volume holds, in chunks by rising generation, and brings rows and files to agree: files
 * without rows go, and so do rows without a file.
 *
 * Which files there are, the folders say: a million names are read in a second or two, a million inodes in ten, or in
 * minutes where the disk has to seek for each. So nobody looks how long a file is: what it lacks is found by the
 * checksum, when the block is read.
 * @throws OperationalError STATE_CORRUPT, VOLUME_IO, and errors of the file system
 */
export function readVolume(index: ObjectIndex, layout: VolumeLayout, tell: VolumeListener): ReadVolume {
  const files = listFiles(layout, tell.alive);
  const withBlocks = new NumberList();
  const usedAtMs = new NumberList();
  const doomed: number[] = [];
  let objectsWithoutFile = 0;
  let strayRows = 0;
  let fileAt = 0;
  for (const { rows, strays } of chunksOf(index)) {
    for (const [place, generation] of rows.generations.entries()) {
      if (rows.isDropped[place] === 1) {
        strayRows += 1;
        doomed.push(generation);
        continue;
      }
      if (rows.pageCounts[place] === 0) continue;
      while (fileAt < files.sorted.length && (files.sorted[fileAt] ?? 0) < generation) fileAt += 1;
      if (files.sorted[fileAt] === generation) withBlocks.add(generation);
      else {
        objectsWithoutFile += 1;
        doomed.push(generation);
        rows.isDropped[place] = 1;
      }
    }
    strayRows += strays.size;
    doomed.push(...strays);
    usedAtMs.addAll(rows.usedAtMs);
    tell.rows(rows);
  }
  const agree = files.strange === 0 && files.sorted.length === withBlocks.size;
  const orphanFiles = agree ? 0 : removeOrphans(layout, withBlocks);
  if (doomed.length > 0) {
    index.transaction(() => {
      for (const generation of doomed) index.deleteObject(generation);
    });
  }
  return { found: { orphanFiles, objectsWithoutFile, strayRows }, order: orderOfUse(usedAtMs.numbers()) };
}

export interface ReadVolume {
  readonly found: Disagreements;
  /** The places of the rows as they were told, dropped ones too, the least recently used first. */
  readonly order: Uint32Array;
}

export interface VolumeListener {
  readonly rows: (rows: PackedRows) => void;
  /** It takes long, and goes on. */
  readonly alive: () => void;
}

function* chunksOf(index: ObjectIndex): Generator<ReturnType<typeof packRows>> {
  let after = 0;
  for (;;) {
    let objects = index.objectsAfter(after, CHUNK_OBJECTS);
    const fitting = fittingChunk(objects.sizesBytes);
    const isCut = fitting < objects.generations.length;
    if (isCut) objects = index.objectsAfter(after, fitting);
    const isLast = !isCut && objects.generations.length < CHUNK_OBJECTS;
    const last = isLast ? Number.MAX_SAFE_INTEGER : (objects.generations.at(-1) ?? after);
    yield packRows(objects, index.pagesBetween(after, last));
    if (isLast) return;
    after = last;
  }
}

/** How many of these objects have so few pages that they fit one chunk: at least one. */
export function fittingChunk(sizesBytes: readonly unknown[]): number {
  let pages = 0;
  for (const [place, sizeBytes] of sizesBytes.entries()) {
    pages += typeof sizeBytes === 'number' ? Math.ceil(sizeBytes / BLOCK_BYTES / BLOCKS_PER_PAGE) : 0;
    if (pages > CHUNK_PAGES) return Math.max(1, place);
  }
  return sizesBytes.length;
}

/** The generations that have a file, rising, and how many files are none of ours. */
function listFiles(layout: VolumeLayout, alive: () => void): { sorted: Float64Array; strange: number } {
  const files = new NumberList();
  let strange = 0;
  for (const folder of layout.folders()) {
    for (const name of readdirSync(folder, 'latin1')) {
      const generation = generationOfFile(name);
      if (generation === 0) strange += 1;
      else files.add(generation);
    }
    alive();
  }
  return { sorted: files.numbers().sort(), strange };
}

/** A process died between removing the row and the file, or before the first block was acknowledged. */
function removeOrphans(layout: VolumeLayout, withBlocks: NumberList): number {
  const known = withBlocks.numbers();
  let removed = 0;
  for (const folder of layout.folders()) {
    for (const name of readdirSync(folder, 'latin1')) {
      if (includesSorted(known, generationOfFile(name))) continue;
      unlinkSync(join(folder, name));
      removed += 1;
    }
  }
  return removed;
}

/** @param sorted rising */
function includesSorted(sorted: Float64Array, number: number): boolean {
  let start = 0;
  let end = sorted.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if ((sorted[middle] ?? 0) < number) start = middle + 1;
    else end = middle;
  }
  return sorted[start] === number;
}
