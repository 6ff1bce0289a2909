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
    "Volumes by state. One that is not online: 'oca volumes' says why and what to do.",
    ['state'],
    (gauge) => {
      for (const state of VOLUME_STATES) {
        gauge.set({ state }, usage().volumes.filter((volume) => volume.state === state).length);
      }
    },
  );
  addVolumeGauges(metrics, () => usage().volumes);
  addScrubGauges(metrics, usage);
  createPolicyMetrics(metrics, policies);
  return {
    ...createOperationMetrics(metrics),
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

const VOLUME_STATES = ['online', 'suspect', 'failing', 'offline'] as const;

/** One series per volume, by its folder: as many as the operator has disks. */
function addVolumeGauges(metrics: Metrics, volumes: () => StoreUsage['volumes']): void {
  const each = (name: string, help: string, valueOf: (volume: StoreUsage['volumes'][number]) => number): void => {
    metrics.gauge(name, help, ['volume'], (gauge) => {
      // A volume that was removed must not stay.
      gauge.reset();
      for (const volume of volumes()) gauge.set({ volume: volume.dir }, valueOf(volume));
    });
  };
  metrics.gauge(
    'volume_state',
    "1 for the state a volume is in. Not online: see 'oca volumes'.",
    ['volume', 'state'],
    (gauge) => {
      gauge.reset();
      for (const { dir, state: current } of volumes()) {
        for (const state of VOLUME_STATES) gauge.set({ volume: dir, state }, state === current ? 1 : 0);
      }
    },
  );
  each(
    'volume_takes_writes',
    '0: full, read-only, failing or offline; what viewers ask for is passed through.',
    ({ writes }) => (writes === 'taken' ? 1 : 0),
  );
  each(
    'volume_capacity_bytes',
    'What a volume may hold now. Less than configured: others fill its disk.',
    ({ capacityBytes }) => capacityBytes,
  );
  each('volume_used_bytes', 'What a volume holds.', ({ usedBytes }) => usedBytes);
  each(
    'volume_free_bytes',
    'What is free on the file system of a volume. Near 0: see who fills it.',
    ({ freeBytes }) => freeBytes ?? 0,
  );
}

function createPolicyMetrics(metrics: Metrics, policies: () => readonly PolicyInsight[]): void {
  metrics.gauge(
    'store_policy_volumes',
    'Volumes by the rule that evicts there now. lru under a configured reuse-rate: what was learned misled, or viewers come back soon; no fault.',
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

function createOperationMetrics(metrics: Metrics) {
  const operationSeconds = metrics.histogram(
    'volume_operation_seconds',
    'How long operations of a disk took, without waiting for a turn. Rising: the disk is overloaded or dies.',
    [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
    ['volume', 'operation'],
  );
  const operationErrors = metrics.counter(
    'volume_operation_errors_total',
    'Operations of a disk that failed. More than a few: look at the kernel log, replace the disk.',
    ['volume', 'operation'],
  );
  return {
    operationSeconds,
    operationErrors,
    /** It was removed: nothing more is said of it. */
    forgetVolume: (volume: string): void => {
      for (const operation of ['read', 'write', 'index', 'probe', 'scrub'] as const) {
        operationSeconds.remove({ volume, operation });
        operationErrors.remove({ volume, operation });
      }
    },
  };
}

function addScrubGauges(metrics: Metrics, usage: () => StoreUsage): void {
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
}
