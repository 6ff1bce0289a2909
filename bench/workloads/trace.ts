/** Requests in order: who was asked for, and how many bytes it has. Columns, so that a million fit. */
export interface Trace {
  readonly name: string;
  readonly ids: Uint32Array;
  readonly bytes: Float64Array;
  /** What the second half is measured on; the first warms the cache. */
  readonly measuredFrom: number;
}

export function traceOf(name: string, requests: readonly { readonly id: number; readonly bytes: number }[]): Trace {
  return {
    name,
    ids: Uint32Array.from(requests, ({ id }) => id),
    bytes: Float64Array.from(requests, ({ bytes }) => bytes),
    measuredFrom: requests.length >> 1,
  };
}

/** Bytes of all that is asked for, each counted once. */
export function uniqueBytes({ ids, bytes }: Trace): number {
  const seen = new Set<number>();
  let sum = 0;
  for (const [index, id] of ids.entries()) {
    if (seen.has(id)) continue;
    seen.add(id);
    sum += bytes[index] ?? 0;
  }
  return sum;
}

/** Numbers in [0, 1) from a seed, the same everywhere (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
