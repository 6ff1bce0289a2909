import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { IndexedObject, IndexedPage, ObjectIndex } from '../object-index.ts';
import { generationOfFile, type VolumeLayout } from '../volume/volume-layout.ts';
import { type ObjectToPack, type PackedRows, packRows } from './packed-rows.ts';

/** Objects per chunk: some milliseconds of the loop that takes it. */
const CHUNK_OBJECTS = 5000;

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
export function readVolume(index: ObjectIndex, layout: VolumeLayout, tell: VolumeListener): Disagreements {
  const files = listFiles(layout, tell.alive);
  const withBlocks = new GenerationList();
  const doomed: number[] = [];
  let objectsWithoutFile = 0;
  let strayRows = 0;
  let fileAt = 0;
  for (const { objects, pages, strays } of chunksOf(index)) {
    const kept: ObjectToPack[] = [];
    for (const object of objects) {
      const ofObject = pages.get(object[0]) ?? [];
      const sound = soundObject(object, ofObject);
      if (sound === undefined) {
        strayRows += 1;
        doomed.push(object[0]);
        continue;
      }
      while (fileAt < files.sorted.length && (files.sorted[fileAt] ?? 0) < sound.generation) fileAt += 1;
      if (ofObject.length > 0 && files.sorted[fileAt] !== sound.generation) {
        objectsWithoutFile += 1;
        doomed.push(sound.generation);
        continue;
      }
      if (ofObject.length > 0) withBlocks.add(sound.generation);
      kept.push(sound);
    }
    strayRows += strays.length;
    doomed.push(...strays);
    if (kept.length > 0) tell.rows(packRows(kept));
  }
  const agree = files.strange === 0 && files.sorted.length === withBlocks.size;
  const orphanFiles = agree ? 0 : removeOrphans(layout, withBlocks);
  if (doomed.length > 0) {
    index.transaction(() => {
      for (const generation of doomed) index.deleteObject(generation);
    });
  }
  return { orphanFiles, objectsWithoutFile, strayRows };
}

export interface VolumeListener {
  readonly rows: (rows: PackedRows) => void;
  /** It takes long, and goes on. */
  readonly alive: () => void;
}

interface Chunk {
  readonly objects: readonly IndexedObject[];
  readonly pages: ReadonlyMap<number, readonly IndexedPage[]>;
  /** Generations that have rows of blocks and no other. */
  readonly strays: readonly number[];
}

function* chunksOf(index: ObjectIndex): Generator<Chunk> {
  let after = 0;
  for (;;) {
    const objects = index.objectsAfter(after, CHUNK_OBJECTS);
    const isLast = objects.length < CHUNK_OBJECTS;
    const last = isLast ? Number.MAX_SAFE_INTEGER : (objects.at(-1)?.[0] ?? after);
    const known = new Set(objects.map(([generation]) => generation));
    const pages = new Map<number, IndexedPage[]>();
    const strays = new Set<number>();
    for (const page of index.pagesBetween(after, last)) {
      const [generation] = page;
      const others = pages.get(generation);
      if (!known.has(generation)) strays.add(generation);
      else if (others === undefined) pages.set(generation, [page]);
      else others.push(page);
    }
    yield { objects, pages, strays: [...strays] };
    if (isLast) return;
    after = last;
  }
}

/** The rows were written by this program, so only damage is to be caught: what the store itself relies on is checked. */
function soundObject(
  [generation, key, sizeBytes, description, usedAtMs]: IndexedObject,
  pages: readonly IndexedPage[],
): ObjectToPack | undefined {
  if (typeof key !== 'string' || typeof sizeBytes !== 'number') return undefined;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return undefined;
  // Half a surrogate pair, which JSON escapes, is no text that SQLite or UTF-8 could hand on.
  const sayable = description.includes('\\ud') ? '' : key;
  return {
    generation,
    key: sayable,
    sizeBytes,
    description,
    usedAtMs,
    pages: pages.map(([, page, held]) => [page, held]),
  };
}

/** The generations that have a file, rising, and how many files are none of ours. */
function listFiles(layout: VolumeLayout, alive: () => void): { sorted: Float64Array; strange: number } {
  const files = new GenerationList();
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
function removeOrphans(layout: VolumeLayout, withBlocks: GenerationList): number {
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

/** A million numbers in 8 MB. */
class GenerationList {
  #numbers = new Float64Array(1024);
  size = 0;

  add(generation: number): void {
    if (this.size === this.#numbers.length) {
      const larger = new Float64Array(2 * this.size);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.size] = generation;
    this.size += 1;
  }

  /** In the order in which they were added. */
  numbers(): Float64Array {
    return this.#numbers.subarray(0, this.size);
  }
}
