/**
 * Rows of the index as they go from its thread to the loop that serves: columns of numbers and one stretch of text.
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
  /** Key and description of each object, one after the other, as UTF-8. */
  readonly text: Uint8Array;
  /** Two for each object: where in `text` its key ends, and its description. */
  readonly textEnds: Uint32Array;
  /** How many of the pages belong to each object. */
  readonly pageCounts: Uint32Array;
  readonly pageNumbers: Uint32Array;
  /** Pages of BlockMap, one after the other, and where each ends. */
  readonly pages: Uint8Array;
  readonly pageEnds: Uint32Array;
}

export interface ObjectToPack {
  readonly generation: number;
  readonly sizeBytes: number;
  readonly usedAtMs: number;
  /** Empty for one that only JSON can say: it is in the description. */
  readonly key: string;
  /** As JSON. */
  readonly description: string;
  readonly pages: readonly (readonly [page: number, held: Uint8Array])[];
}

/** What must be transferred with a chunk instead of copied. */
export const buffersOf = (rows: PackedRows): ArrayBuffer[] =>
  Object.values(rows).map((column: PackedRows[keyof PackedRows]) => column.buffer as ArrayBuffer);

export function packRows(objects: readonly ObjectToPack[]): PackedRows {
  const pages = objects.flatMap((object) => object.pages);
  const textBytes = objects.reduce((sum, { key, description }) => sum + 3 * (key.length + description.length), 0);
  const text = Buffer.allocUnsafeSlow(textBytes);
  const textEnds = new Uint32Array(2 * objects.length);
  let end = 0;
  for (const [at, { key, description }] of objects.entries()) {
    end += text.write(key, end);
    textEnds[2 * at] = end;
    end += text.write(description, end);
    textEnds[2 * at + 1] = end;
  }
  const held = Buffer.allocUnsafeSlow(pages.reduce((sum, [, bytes]) => sum + bytes.length, 0));
  const pageEnds = new Uint32Array(pages.length);
  let pageEnd = 0;
  for (const [at, [, bytes]] of pages.entries()) {
    held.set(bytes, pageEnd);
    pageEnd += bytes.length;
    pageEnds[at] = pageEnd;
  }
  return {
    generations: Float64Array.from(objects, ({ generation }) => generation),
    sizesBytes: Float64Array.from(objects, ({ sizeBytes }) => sizeBytes),
    usedAtMs: Float64Array.from(objects, ({ usedAtMs }) => usedAtMs),
    // A copy of the right size: this one stays in memory for as long as its objects do.
    text: new Uint8Array(text.subarray(0, end)),
    textEnds,
    pageCounts: Uint32Array.from(objects, (object) => object.pages.length),
    pageNumbers: Uint32Array.from(pages, ([page]) => page),
    pages: held,
    pageEnds,
  };
}
