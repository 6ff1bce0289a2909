/**
 * Facts in at most 64 steps each, so that a split is found by counting and not by sorting. Step 0 is for what is not
 * known (NaN); the others hold about as many rows each.
 */
export interface BinnedFacts {
  readonly rowCount: number;
  /** Of each fact: the step of each row. */
  readonly steps: readonly Uint8Array[];
  /** Of each fact: a value is in step k when it is at most edges[k - 1] and above the one before. */
  readonly edges: readonly Float64Array[];
}

export const STEP_COUNT = 64;

/** @param rows facts of each row, all as many; NaN where one is not known */
export function binFacts(rows: readonly (readonly number[])[], width: number): BinnedFacts {
  const edges: Float64Array[] = [];
  const steps: Uint8Array[] = [];
  const column = new Float64Array(rows.length);
  for (let fact = 0; fact < width; fact++) {
    for (let at = 0; at < rows.length; at++) column[at] = rows[at]?.[fact] ?? Number.NaN;
    const its = edgesOf(column);
    edges.push(its);
    steps.push(Uint8Array.from(column, (value) => stepOf(its, value)));
  }
  return { rowCount: rows.length, steps, edges };
}

function edgesOf(column: Float64Array): Float64Array {
  const known = column.filter((value) => !Number.isNaN(value)).sort();
  const edges = new Set<number>();
  for (let step = 1; step < STEP_COUNT - 1; step++) {
    const value = known[Math.floor((step * known.length) / (STEP_COUNT - 1))];
    if (value !== undefined && value !== known.at(-1)) edges.add(value);
  }
  return Float64Array.from([...edges, Number.POSITIVE_INFINITY]);
}

function stepOf(edges: Float64Array, value: number): number {
  if (Number.isNaN(value)) return 0;
  let [low, high] = [0, edges.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (edges[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return low + 1;
}
