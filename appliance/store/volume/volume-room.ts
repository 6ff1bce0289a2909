import { unlink } from 'node:fs/promises';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { Generation } from '../generation.ts';
import type { StoreMetrics } from '../store-metrics.ts';
import { errnoOf } from './data-file.ts';
import { DiskLane } from './disk-lane.ts';
import type { VolumeHealth } from './volume-health.ts';
import type { VolumeSpace } from './volume-space.ts';

/** Evicted at once when the disk is full before the capacity is: as much as the watermark does. */
const FULL_DISK_SHARE = 0.02;

/** Makes room on a volume: who goes is decided in eviction/, what is taken is counted in VolumeSpace, here it is done. */
export class VolumeRoom {
  readonly #options: VolumeRoomOptions;
  readonly #removals: DiskLane;
  readonly #removing = new Set<Promise<void>>();

  constructor(options: VolumeRoomOptions) {
    this.#options = options;
    // As many may wait as there are objects: what waits is a path.
    const queue = { maxWaiting: Infinity, maxWaitingBytes: Infinity, waitMs: 60_000 };
    const queues = { viewer: queue, demand: queue, planned: queue, scrub: queue };
    const limits = { width: 2, demandWidth: 2, bulkWidth: 0, operationMs: 60_000, queues };
    this.#removals = new DiskLane(options.clock, limits);
  }

  /** Counts at once, so that two writes cannot take the same room. */
  reserve(bytes: number): ReservedRoom {
    this.#options.space.reserve(bytes);
    let reserved = true;
    return {
      bytes,
      giveBack: () => {
        if (reserved) this.#options.space.unreserve(bytes);
        reserved = false;
      },
    };
  }

  /** Evicts until what is reserved fits. @throws OperationalError VOLUME_FULL */
  async make(): Promise<void> {
    for (;;) {
      const victims = this.#options.space.victimsForReserved();
      if (victims === undefined) {
        const held = `${this.#options.dir}: everything on it is in use`;
        const failure = new OperationalError('VOLUME_FULL', held);
        this.#options.health.foundNoRoom(failure);
        throw failure;
      }
      this.#evict(victims);
      if (!this.#options.space.mustWait) return;
      // Ends: each removal leaves the set in time, done or stuck, and what is stuck makes no one wait.
      await Promise.race(this.#removing);
    }
  }

  /** The disk is fuller than the capacity says. @throws the error that told so, when nothing can be evicted */
  async makeOnDisk(neededBytes: number, error: unknown): Promise<void> {
    const wantedBytes = Math.max(neededBytes, this.#options.space.occupiedBytes * FULL_DISK_SHARE);
    const victims = this.#options.space.victimsFor(neededBytes, wantedBytes);
    if (victims.length === 0) throw error;
    this.#evict(victims);
    await Promise.all(this.#removing);
  }

  #evict(victims: readonly Generation[]): void {
    const { evictedBytes, evictedObjects, evictedPinnedBytes } = this.#options.metrics;
    for (const victim of victims) {
      evictedObjects.inc();
      evictedBytes.inc(victim.diskBytes);
      if (victim.pinned) evictedPinnedBytes.inc(victim.diskBytes);
      this.#options.forget(victim);
    }
  }

  /** Nobody can find or holds it any more: removes its file. */
  discard(generation: Generation, path: string): void {
    const bytes = generation.diskBytes;
    this.#options.space.leave(bytes);
    const removed = this.#removals
      .run({ urgency: 'demand', what: `remove ${path}`, bytes: 0 }, () => unlink(path))
      .then(
        () => this.#options.space.left(bytes),
        (error: unknown) => {
          if (errnoOf(error) === 'ENOENT') return this.#options.space.left(bytes);
          this.#options.space.stuck(bytes);
          this.#options.logger.warn({ error }, 'data file stays until the next start');
        },
      );
    const tracked = removed.finally(() => this.#removing.delete(tracked));
    this.#removing.add(tracked);
  }

  /** Removes a file, whoever holds it. @returns whether it is gone */
  async discarded(path: string): Promise<boolean> {
    try {
      await this.#removals.run({ urgency: 'demand', what: `remove ${path}`, bytes: 0 }, () => unlink(path));
      return true;
    } catch (error) {
      // Nobody held it, and it is gone already.
      return errnoOf(error) === 'ENOENT';
    }
  }

  /** Resolves when no file is being removed. */
  async settle(): Promise<void> {
    while (this.#removing.size > 0) await Promise.all(this.#removing);
  }
}

export interface VolumeRoomOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly space: VolumeSpace;
  readonly health: VolumeHealth;
  readonly metrics: StoreMetrics;
  readonly logger: Logger;
  readonly forget: (generation: Generation) => void;
}

/** Room that a write reserved; giving it back twice is harmless. */
export interface ReservedRoom {
  readonly bytes: number;
  readonly giveBack: () => void;
}
