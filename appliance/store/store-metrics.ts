import type { Metrics } from '../../src/telemetry/metrics.ts';
import { type PolicyInsight, policyNames } from './eviction/eviction-policy.ts';
import type { StoreUsage } from './object-store.ts';

/** What the store counts, with what the operator shall do about it. */
export function createStoreMetrics(
  metrics: Metrics,
  usage: () => StoreUsage,
  policies: () => readonly PolicyInsight[],
) {
  metrics.gauge(
    'store_used_bytes',
    'Bytes on all volumes. At the capacity the store evicts: expected, unless the plan does not fit (see pinned bytes).',
    [],
    (gauge) => gauge.set(usage().usedBytes),
  );
  metrics.gauge('store_capacity_bytes', 'Bytes that all volumes may take, as configured.', [], (gauge) =>
    gauge.set(usage().capacityBytes),
  );
  metrics.gauge(
    'store_pinned_bytes',
    'Held bytes that the plan wants kept. Near the capacity: plan less.',
    [],
    (gauge) => gauge.set(usage().pinnedBytes),
  );
  metrics.gauge('store_objects', 'Objects that are known.', [], (gauge) => gauge.set(usage().objectCount));
  metrics.gauge('store_memory_bytes', 'Bytes in the memory tier.', [], (gauge) => gauge.set(usage().memoryBytes));
  metrics.gauge(
    'store_volumes',
    'Volumes by state. One that is full or failing: read its log line, check the disk, replace it.',
    ['state'],
    (gauge) => {
      for (const state of ['online', 'full', 'failing'] as const) {
        gauge.set({ state }, usage().volumes.filter((volume) => volume.state === state).length);
      }
    },
  );
  metrics.gauge(
    'store_scrub_pass_ratio',
    'How much of its pass the slowest volume has scrubbed. Low near the end of the period: disks are too slow or too busy.',
    [],
    (gauge) => gauge.set(Math.min(1, ...scrubs(usage()).map(({ passShare }) => passShare))),
  );
  metrics.gauge(
    'store_scrub_bytes_per_second',
    'How fast all volumes together may be scrubbed now. High for an hour after a block was found bad: expected.',
    [],
    (gauge) => gauge.set(scrubs(usage()).reduce((sum, { bytesPerSec }) => sum + bytesPerSec, 0)),
  );
  createPolicyMetrics(metrics, policies);
  return {
    reads: metrics.counter('store_reads_total', 'Blocks read, by where they were. Mostly disk: give it more memory.', [
      'from',
    ]),
    lostBlocks: metrics.counter(
      'store_lost_blocks_total',
      'Blocks found rotten (checksum), unreadable (error) or missing (file too short). More than a few: replace the disk.',
      ['why'],
    ),
    scrubbedBytes: metrics.counter(
      'store_scrubbed_bytes_total',
      'Bytes that the scrub has read and compared. Standing still for a day: viewers leave the disks no time.',
    ),
    writtenBytes: metrics.counter('store_written_bytes_total', 'Bytes of blocks written to volumes.'),
    failedWrites: metrics.counter(
      'store_failed_writes_total',
      'Blocks that could not be kept: check disks and capacity.',
    ),
    refusedBytes: metrics.counter(
      'store_refused_bytes_total',
      'Bytes of blocks that were served but not stored: a full volume waited for a second request. Expected; saves writes.',
    ),
    evictedObjects: metrics.counter('store_evicted_objects_total', 'Objects evicted to make room.'),
    evictedBytes: metrics.counter('store_evicted_bytes_total', 'Bytes evicted to make room.'),
    evictedPinnedBytes: metrics.counter(
      'store_evicted_pinned_bytes_total',
      'Bytes evicted though the plan wants them kept: the plan or what viewers ask for exceeds the capacity.',
    ),
  };
}

const scrubs = ({ volumes }: StoreUsage) => volumes.flatMap(({ scrub }) => (scrub === undefined ? [] : [scrub]));

export type StoreMetrics = ReturnType<typeof createStoreMetrics>;

function createPolicyMetrics(metrics: Metrics, policies: () => readonly PolicyInsight[]): void {
  metrics.gauge(
    'store_policy_volumes',
    'Volumes by the rule that evicts there now. lru under a configured w-tinylfu: viewers come back soon, no fault.',
    ['rule'],
    (gauge) => {
      for (const rule of policyNames) {
        gauge.set({ rule }, policies().filter(({ activeRule }) => activeRule === rule).length);
      }
    },
  );
  metrics.gauge(
    'store_shadow_hit_ratio',
    'Byte hit ratio of late that the rule in force and LRU have on a sample. LRU higher for days: set evictionPolicy.',
    ['rule'],
    (gauge) => {
      const shadows = policies().flatMap(({ shadow }) => shadow ?? []);
      if (shadows.length === 0) return;
      const mean = (ratios: readonly number[]) => ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
      gauge.set({ rule: 'own' }, mean(shadows.map(({ ownHitRatio }) => ownHitRatio)));
      gauge.set({ rule: 'lru' }, mean(shadows.map(({ lruHitRatio }) => lruHitRatio)));
    },
  );
}
