import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';
import type { Durability } from './durability.ts';
import type { PolicyName } from './eviction/eviction-policy.ts';
import type { ObjectDescription } from './object-description.ts';
import type { StoreMemoryOptions } from './store-memory.ts';
import type { VolumePolicy } from './volumes/volume-keeper.ts';
import type { ConfiguredVolume } from './volumes/volume-set-options.ts';

export interface DiskObjectStoreOptions {
  /** Directories are made when they are not there. Their order does not matter. */
  readonly volumes: readonly ConfiguredVolume[];
  /** The folder in which it is remembered which disks there are, asked for once at the start; without one nothing outlives the process. */
  readonly stateDir?: () => string | undefined;
  /** What is in memory, and with how many threads it is shared. */
  readonly memoryBytes: StoreMemoryOptions['memoryBytes'];
  readonly readers?: StoreMemoryOptions['readers'];
  readonly world: World;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** What a block that was written outlives; the process unless said. */
  readonly durability?: Durability;
  /** Beyond it the least recently used object goes. One costs about 1 kB of memory, and 6 bytes per held block. */
  readonly maxObjects?: number;
  /** How long a pass over a volume may take, and what viewers leave over for it, 0 to 1. Without it nothing is scrubbed. */
  readonly scrub?: { readonly periodMs: number; readonly bulkShare: () => number };
  /** A block was found rotten, unreadable or missing: it wants filling again. */
  readonly onLost?: (description: ObjectDescription, block: number) => void;
  /** A volume answered a viewer's read, so long after it was asked. */
  readonly onViewerRead?: (dir: string, latencyMs: number) => void;
  /** Who leaves a full volume first; reuse-rate unless said. */
  readonly evictionPolicy?: PolicyName;
  /** How often a volume in trouble is tried again. */
  readonly probeIntervalMs?: number;
  readonly policy?: Partial<VolumePolicy>;
}

export const DEFAULT_MAX_OBJECTS = 1_000_000;
export const DEFAULT_POLICY: VolumePolicy = {
  capacityBytes: 0,
  reserveBytes: 0,
  highShare: 1,
  lowShare: 0.98,
  slowMs: 1000,
  hangMs: 10_000,
  drainMs: 10_000,
  probeIntervalMs: 5000,
  goodProbes: 3,
};
