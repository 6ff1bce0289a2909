import type { EvictionPolicy } from '../../appliance/store/eviction/eviction-policy.ts';
import { GuardedReuseRate } from '../../appliance/store/eviction/guarded-reuse-rate.ts';
import { Lru } from '../../appliance/store/eviction/lru.ts';
import { S3Fifo } from '../../appliance/store/eviction/s3-fifo.ts';
import { Sieve } from '../../appliance/store/eviction/sieve.ts';
import { WTinyLfu } from '../../appliance/store/eviction/w-tinylfu.ts';

/** What is compared, the first with each of the others. */
export const policies: readonly (readonly [name: string, create: () => EvictionPolicy])[] = [
  ['LRU', () => new Lru()],
  ['LRU, second hit', () => new WTinyLfu({ windowShare: 1, needsSecondHit: true })],
  ['SIEVE', () => new Sieve()],
  ['S3-FIFO', () => new S3Fifo()],
  ['W-TinyLFU 20 %', () => new WTinyLfu({ windowShare: 0.2, needsSecondHit: false })],
  ['reuse rate, guarded', () => new GuardedReuseRate()],
];

const ENTRIES = 100_000;

/** Memory per entry of a policy that has a hundred thousand, shadows and sketches included. @param collect runs the collector */
export function bytesPerEntry(create: () => EvictionPolicy, collect: () => void): number {
  const used = (): number => {
    // What a buffer held is given back one collection after the buffer.
    for (let time = 0; time < 3; time += 1) collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const policy = create();
  for (let entry = 0; entry < ENTRIES; entry += 1) {
    policy.miss(entry, 1);
    policy.add(entry, 1);
  }
  const after = used();
  // Keeps it alive until here.
  policy.remove(0);
  return Math.round((after - before) / ENTRIES);
}
