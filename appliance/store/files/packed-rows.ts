import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { ObjectColumns, PageColumns } from '../object-index.ts';

/**
 * Rows of the index as they go from its thread to the loop that serves: columns of numbers and stretches of text.
 *
 * A million rows as arrays of arrays are copied value by value, and cost the loop more time and memory than everything
 * that it makes of them. A chunk of columns changes hands without a copy. What the loop needs of every object is here
 * in the open: number, size, key, last use, blocks. The description stays text until somebody asks for it.
 */
export interface PackedRows {
  /** The number of each object's generation, rising. */
  readonly generations: Float64Array;
  readonly sizesBytes: Float64Array;
  readonly usedAtMs: Float64Array;
  /** 1: the row makes no sense, or its file is gone. It keeps its place, and is not to be taken. */
  readonly isDropped: Uint8Array;
  /** The keys one after the other, as UTF-8, and where each ends. An empty one is in the description. */
  readonly keys: Uint8Array;
  readonly keyEnds: Uint32Array;
  /** The descriptions as JSON, so too. */
  readonly texts: Uint8Array;
  readonly textEnds: Uint32Array;
  /** Which of the pages belong to each object: the first, and how many. */
  readonly firstPages: Uint32Array;
  readonly pageCounts: Uint32Array;
  readonly pageNumbers: Uint32Array;
  /** Pages of BlockMap, one after the other, and where each ends. */
  readonly pages: Uint8Array;
  readonly pageEnds: Uint32Array;
}

/** What must be transferred with a chunk instead of copied. */
export const buffersOf = (rows: PackedRows): ArrayBuffer[] =>
  Object.values(rows).map((column: PackedRows[keyof PackedRows]) => column.buffer as ArrayBuffer);

/**
 * Rows that the store itself could not rely on are dropped: they were written by this program, so only damage is to be
 * caught. @param pages of these objects, and of none that lie beyond them
 * @returns also the generations that have rows of blocks and no other
 * @throws OperationalError STATE_CORRUPT
 */
export function packRows(objects: ObjectColumns, pages: PageColumns): { rows: PackedRows; strays: Set<number> } {
  if (!isRising(objects.generations) || !isOrdered(pages.generations)) throw outOfOrder();
  const { firstPages, pageCounts, strays } = assignPages(objects.generations, pages.generations);
  const isDropped = Uint8Array.from(objects.generations, (_, place) =>
    objects.keyBytes[place] === null || !isSize(objects.sizesBytes[place]) ? 1 : 0,
  );
  const rows = {
    generations: Float64Array.from(objects.generations),
    sizesBytes: Float64Array.from(objects.sizesBytes, (size) => (isSize(size) ? size : 0)),
    usedAtMs: Float64Array.from(objects.usedAtMs),
    isDropped,
    keys: objects.keys,
    keyEnds: endsOf(objects.keyBytes, objects.keys),
    texts: objects.descriptions,
    textEnds: endsOf(objects.descriptionBytes, objects.descriptions),
    firstPages,
    pageCounts,
    pageNumbers: Uint32Array.from(pages.pages),
    pages: pages.held,
    pageEnds: endsOf(pages.heldBytes, pages.held),
  };
  return { rows, strays };
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Both rise, so that one walk along the two is enough. */
function assignPages(objects: readonly number[], pages: readonly number[]) {
  const firstPages = new Uint32Array(objects.length);
  const pageCounts = new Uint32Array(objects.length);
  const strays = new Set<number>();
  let place = 0;
  for (const [page, generation] of pages.entries()) {
    while (place < objects.length && (objects[place] ?? 0) < generation) place += 1;
    if (objects[place] !== generation) {
      strays.add(generation);
      continue;
    }
    if (pageCounts[place] === 0) firstPages[place] = page;
    pageCounts[place] = (pageCounts[place] ?? 0) + 1;
  }
  return { firstPages, pageCounts, strays };
}

function endsOf(lengths: readonly (number | null)[], bytes: Uint8Array): Uint32Array {
  const ends = new Uint32Array(lengths.length);
  let end = 0;
  for (const [place, length] of lengths.entries()) {
    end += length ?? 0;
    ends[place] = end;
  }
  if (end !== bytes.length) throw outOfOrder();
  return ends;
}

const isRising = (numbers: readonly number[]): boolean =>
  numbers.every((number, place) => place === 0 || number > (numbers[place - 1] ?? 0));
const isOrdered = (numbers: readonly number[]): boolean =>
  numbers.every((number, place) => place === 0 || number >= (numbers[place - 1] ?? 0));

/** As SQLite would say it if it had looked: the index is made anew. */
const outOfOrder = (): OperationalError =>
  new OperationalError('STATE_CORRUPT', 'the rows of the index are in no order', { cause: 'rows' });
