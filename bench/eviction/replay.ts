import type { EvictionPolicy } from '../../appliance/store/eviction/eviction-policy.ts';
import { ShadowCache } from '../../appliance/store/eviction/shadow-cache.ts';
import { scrambled } from '../../appliance/store/eviction/structures/hash-of-key.ts';
import type { Trace } from '../workloads/trace.ts';

/** Of the second half of a trace; the first has warmed the cache. */
export interface Replayed {
  readonly requestedBytes: number;
  readonly hitBytes: number;
  readonly writtenBytes: number;
  /** Missed bytes of each stretch of the half, in order: what a bootstrap draws from. */
  readonly missedByStretch: Float64Array;
  readonly requestsPerSec: number;
}

const STRETCHES = 50;

export function replay(trace: Trace, policy: EvictionPolicy, capacityBytes: number): Replayed {
  const { ids, bytes, measuredFrom } = trace;
  const cache = new ShadowCache(policy, capacityBytes);
  const missedByStretch = new Float64Array(STRETCHES);
  const measured = ids.length - measuredFrom;
  let requestedBytes = 0;
  let hitBytes = 0;
  let writtenBytes = 0;
  const startedMs = performance.now();
  for (let index = 0; index < ids.length; index += 1) {
    const size = bytes[index] ?? 0;
    const outcome = cache.request(scrambled(ids[index] ?? 0), size);
    if (index < measuredFrom) continue;
    requestedBytes += size;
    if (outcome === 'hit') hitBytes += size;
    else {
      const stretch = Math.floor(((index - measuredFrom) * STRETCHES) / measured);
      missedByStretch[stretch] = (missedByStretch[stretch] ?? 0) + size;
      if (outcome === 'stored') writtenBytes += size;
    }
  }
  const requestsPerSec = ids.length / ((performance.now() - startedMs) / 1000);
  return { requestedBytes, hitBytes, writtenBytes, missedByStretch, requestsPerSec };
}
