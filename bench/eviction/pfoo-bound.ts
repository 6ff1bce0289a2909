import type { Trace } from '../workloads/trace.ts';

/**
 * A byte hit ratio that no policy can exceed on the measured half, however much of the future it knows: PFOO-L (Berger,
 * Beckmann and Harchol-Balter, "Practical Bounds on Optimal Caching with Variable Object Sizes", SIGMETRICS 2018,
 * arXiv 1711.03709).
 *
 * A hit costs its bytes of space for every request since the object was last asked for. The bound pays for the cheapest
 * hits first, out of all the space there is over the whole time, as if it could be moved from one moment to another.
 * Bytes count here, so the cheapest is the one with the shortest time. Time before the measured half is free, and the
 * last hit is taken in whole: both can only raise the bound.
 */
export function pfooBound({ ids, bytes, measuredFrom }: Trace, capacityBytes: number): number {
  const lastAskedAt = new Map<number, number>();
  const hits: { requests: number; bytes: number }[] = [];
  let requestedBytes = 0;
  for (const [index, id] of ids.entries()) {
    const size = bytes[index] ?? 0;
    const before = lastAskedAt.get(id);
    lastAskedAt.set(id, index);
    if (index < measuredFrom) continue;
    requestedBytes += size;
    if (before !== undefined && size <= capacityBytes) {
      hits.push({ requests: index - Math.max(before, measuredFrom), bytes: size });
    }
  }
  hits.sort((a, b) => a.requests - b.requests);
  let space = capacityBytes * (ids.length - measuredFrom);
  let hitBytes = 0;
  for (const hit of hits) {
    if (space <= 0) break;
    space -= hit.requests * hit.bytes;
    hitBytes += hit.bytes;
  }
  return requestedBytes === 0 ? 0 : hitBytes / requestedBytes;
}
