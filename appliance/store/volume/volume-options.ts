import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import type { Durability } from '../durability.ts';
import type { EvictionPolicy } from '../eviction/eviction-policy.ts';
import type { Generation } from '../generation.ts';
import type { StoreMetrics } from '../store-metrics.ts';
import { volumeLaneLimits } from './disk-lane.ts';
import type { VolumeHealth } from './volume-health.ts';

/** Threads of libuv's pool that a disk that hangs holds at the most: those of its lane, of its removals and of its watch. */
export const MAX_THREADS = volumeLaneLimits.width + 4;

export interface ScrubOptions {
  readonly periodMs: number;
  /** What viewers leave over, 0 to 1. */
  readonly bulkShare: () => number;
  /** A bad block was found here: the other volumes should hurry. */
  readonly onFound: () => void;
}

export interface VolumeOptions {
  readonly dir: string;
  readonly capacityBytes: number;
  /** What goes beyond the capacity evicts down to this share of it. */
  readonly lowShare: number;
  readonly health: VolumeHealth;
  /** Its own: it knows this volume's entries. */
  readonly policy: EvictionPolicy;
  readonly durability: Durability;
  /** Whether an object that the volume brings is spared when room is needed. */
  readonly isPinned: (generation: Generation) => boolean;
  /** Its place among the store's volumes. */
  readonly volumeIndex: number;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: StoreMetrics;
  /** How often last uses are written. */
  readonly useFlushIntervalMs: number;
  /** Without it nothing is scrubbed. */
  readonly scrub: ScrubOptions | undefined;
  /** A block was found lost, and is not held any more. */
  readonly onLost: (generation: Generation, block: number) => void;
  /** A viewer's read has ended, so long after it was asked. */
  readonly onViewerRead: (latencyMs: number) => void;
  /** The generation can no longer be found, whoever decided that. */
  readonly onForgotten: (generation: Generation) => void;
}
