import type { EvictionPolicy, PolicyName } from './eviction-policy.ts';
import { GuardedReuseRate } from './guarded-reuse-rate.ts';
import { Lru } from './lru.ts';
import { S3Fifo } from './s3-fifo.ts';
import { Sieve } from './sieve.ts';
import { WTinyLfu } from './w-tinylfu.ts';

export function createPolicy(name: PolicyName): EvictionPolicy {
  switch (name) {
    case 'lru':
      return new Lru();
    case 'sieve':
      return new Sieve();
    case 's3-fifo':
      return new S3Fifo();
    case 'w-tinylfu':
      return new WTinyLfu({ windowShare: 0.2, needsSecondHit: false });
    case 'reuse-rate':
      return new GuardedReuseRate();
  }
}
