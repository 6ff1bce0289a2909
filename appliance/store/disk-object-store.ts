import { rankNodes } from '../../src/hashing/weighted-rendezvous.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';
import { AcquiredObject, type Place } from './acquired-object.ts';
import { createPolicy } from './eviction/create-policy.ts';
import type { PolicyName } from './eviction/eviction-policy.ts';
import { Generation, NOWHERE } from './generation.ts';
import { MemoryTier } from './memory-tier.ts';
import type { ObjectDescription } from './object-description.ts';
import type { ObjectState, ObjectStore, StoredObject, StoreUsage } from './object-store.ts';
import { createStoreMetrics, type StoreMetrics } from './store-metrics.ts';
import type { Durability } from './volume/index-messages.ts';
import { type ScrubOptions, Volume } from './volume.ts';

/**
 * Objects on several disks, found by their key.
 *
 * Which volume a new generation goes to is weighted rendezvous hashing of its key, so that every disk gets its share
 * and a disk that comes or goes moves nobody else's objects; where it actually is, memory knows, so that a volume that
 * was full at the time costs nothing later. Of two generations of one key the one with the higher number is the newer,
 * whichever disks they are on: numbers are taken from the wall clock and only ever count up, so a disk that was away
 * while its objects were replaced cannot bring the old ones back.
 *
 * A generation that no volume takes (all failing, too many objects, beyond the limits) exists while somebody holds
 * it and stores nothing: the caller serves through.
 *
 * Limits: an object that was removed while its disk was away comes back with the disk.
 */
export interface DiskObjectStoreOptions {
  /** Directories are made when they are not there. Their order does not matter. */
  readonly volumes: readonly { readonly dir: string; readonly capacityBytes: number }[];
  /** Bound of the memory tier; 0 switches it off. */
  readonly memoryBytes: number;
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
  /** Who leaves a full volume first; w-tinylfu unless said. */
  readonly evictionPolicy?: PolicyName;
  /** How often a volume in trouble is tried again. */
  readonly probeIntervalMs?: number;
}

const DEFAULT_MAX_OBJECTS = 1_000_000;
const DEFAULT_PROBE_INTERVAL_MS = 5000;
const USE_FLUSH_INTERVAL_MS = 30_000;
/** For the volumes that did open when another one refused. */
const START_FAILED_DEADLINE_MS = 5000;
/** What is larger, has a longer key or more of headers, is served through and not kept. */
const MAX_OBJECT_BYTES = 2 ** 40;
const MAX_KEY_LENGTH = 4096;
const MAX_HEADERS_LENGTH = 32 * 1024;
/** Generations per millisecond that the numbers leave room for; with it they stay exact until the year 2255. */
const GENERATIONS_PER_MS = 1000;

/**
 * A store on local disks. `start` fails with STATE_IN_USE when another process has one of the volumes, and with
 * STATE_CORRUPT when one was written by a newer version; a disk that does not work only makes its volume failing.
 */
export function createDiskObjectStore(options: DiskObjectStoreOptions): ObjectStore {
  return new DiskObjectStore(options);
}

class DiskObjectStore implements ObjectStore {
  readonly #options: DiskObjectStoreOptions;
  readonly #memory: MemoryTier;
  readonly #metrics: StoreMetrics;
  readonly #volumes: readonly Volume[];
  readonly #places: readonly Place[];
  readonly #nowhere: Place;
  readonly #objects = new Map<string, Generation>();
  #pinnedKeys: ReadonlySet<string> = new Set();
  #lastId = 0;

  constructor(options: DiskObjectStoreOptions) {
    this.#options = options;
    this.#memory = new MemoryTier(options.memoryBytes);
    this.#metrics = createStoreMetrics(
      options.metrics ?? new Metrics('appliance'),
      () => this.usage(),
      () => this.#volumes.map(({ space }) => space.policy),
    );
    this.#volumes = options.volumes.map(
      ({ dir, capacityBytes }, volumeIndex) =>
        new Volume({
          dir,
          capacityBytes,
          policy: createPolicy(options.evictionPolicy ?? 'w-tinylfu'),
          volumeIndex,
          durability: options.durability ?? 'process',
          world: options.world,
          logger: options.logger,
          metrics: this.#metrics,
          useFlushIntervalMs: USE_FLUSH_INTERVAL_MS,
          probeIntervalMs: options.probeIntervalMs ?? DEFAULT_PROBE_INTERVAL_MS,
          onOpened: (generations) => this.#takeOver(generations),
          onForgotten: (generation) => this.#onForgotten(generation),
          ...(options.scrub === undefined ? {} : { scrub: this.#scrubOf(volumeIndex, options.scrub) }),
          onLost: (generation, block) => options.onLost?.(generation.description, block),
          onViewerRead: (latencyMs) => options.onViewerRead?.(dir, latencyMs),
        }),
    );
    this.#places = this.#volumes.map((volume) => this.#placeOn(volume));
    this.#nowhere = this.#placeNowhere();
  }

  async start(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#volumes.map((volume) => volume.open()));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) return;
    await this.stop(START_FAILED_DEADLINE_MS);
    throw failed.reason;
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.#volumes.map((volume) => volume.close(deadlineMs)));
    this.#memory.clear();
    this.#objects.clear();
  }

  find(key: string): StoredObject | undefined {
    const generation = this.#objects.get(key);
    if (generation === undefined || this.#isUnreachable(generation)) return undefined;
    return new AcquiredObject(generation, this.#placeOf(generation));
  }

  create(description: ObjectDescription): StoredObject {
    const nowMs = this.#options.world.clock.nowMs();
    this.#lastId = Math.max(this.#lastId + 1, Math.floor(nowMs) * GENERATIONS_PER_MS);
    const before = this.#objects.get(description.key);
    const generation = new Generation(this.#lastId, this.#chooseVolume(description), description, nowMs);
    if (before !== undefined) this.#forget(before);
    generation.pinned = this.#pinnedKeys.has(description.key);
    this.#objects.set(description.key, generation);
    this.#volumeOf(generation)?.adopt(generation);
    return new AcquiredObject(generation, this.#placeOf(generation));
  }

  async remove(key: string): Promise<boolean> {
    const generation = this.#objects.get(key);
    if (generation === undefined) return false;
    const volume = this.#volumeOf(generation);
    if (volume === undefined) this.#forget(generation);
    else await volume.forgetDurably(generation);
    return true;
  }

  pin(keys: ReadonlySet<string>): void {
    const before = this.#pinnedKeys;
    // A copy: the caller may go on building its set.
    this.#pinnedKeys = new Set(keys);
    this.#setPinned(
      [...before].filter((key) => !keys.has(key)),
      false,
    );
    this.#setPinned([...keys], true);
  }

  *objects(which: 'reachable' | 'all' = 'reachable'): Generator<ObjectState> {
    for (const generation of this.#objects.values()) {
      if (which === 'all' || !this.#isUnreachable(generation)) yield generation;
    }
  }

  state(key: string): ObjectState | undefined {
    return this.#objects.get(key);
  }

  usage(): StoreUsage {
    const volumes = this.#volumes.map((volume) => volume.describe());
    return {
      capacityBytes: volumes.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0),
      usedBytes: volumes.reduce((sum, { usedBytes }) => sum + usedBytes, 0),
      pinnedBytes: this.#volumes.reduce((sum, { space }) => sum + space.pinnedBytes, 0),
      objectCount: this.#objects.size,
      memoryBytes: this.#memory.usedBytes,
      volumes,
    };
  }

  /** The volume for a new object; NOWHERE when none can take it. */
  #chooseVolume(description: ObjectDescription): number {
    if (isBeyondLimits(description) || !this.#makeRoomFor(description.key)) return NOWHERE;
    const nodes = this.#volumes.map(({ dir, space }, volumeIndex) => ({
      id: dir,
      weight: space.capacityBytes,
      volumeIndex,
    }));
    const ranked = rankNodes(description.key, nodes).map(({ volumeIndex }) => volumeIndex);
    const inState = (state: string) => ranked.find((volumeIndex) => this.#volumes[volumeIndex]?.state === state);
    // A full volume is better than none: its writes are what finds out that there is room again.
    return inState('online') ?? inState('full') ?? NOWHERE;
  }

  #makeRoomFor(key: string): boolean {
    if (this.#objects.has(key)) return true;
    if (this.#objects.size < (this.#options.maxObjects ?? DEFAULT_MAX_OBJECTS)) return true;
    const oldest = this.#volumes
      .map(({ space }) => space.oldestIdle())
      .filter((generation) => generation !== undefined)
      .sort((a, b) => Number(a.pinned) - Number(b.pinned) || a.lastUsedMs - b.lastUsedMs)[0];
    if (oldest === undefined) return false;
    this.#forget(oldest);
    return true;
  }

  /** What a volume holds, now that it is open; of two generations of a key the newer stays. */
  #takeOver(generations: readonly Generation[]): void {
    for (const generation of generations) {
      const { key } = generation;
      this.#lastId = Math.max(this.#lastId, generation.id);
      const other = this.#objects.get(key);
      if (other !== undefined && other.id > generation.id) {
        this.#volumeOf(generation)?.forget(generation);
        continue;
      }
      if (other !== undefined) this.#forget(other);
      this.#objects.set(key, generation);
    }
    this.#setPinned([...this.#pinnedKeys], true);
  }

  #forget(generation: Generation): void {
    const volume = this.#volumeOf(generation);
    if (volume !== undefined) return volume.forget(generation);
    generation.forgotten = true;
    this.#onForgotten(generation);
  }

  #onForgotten(generation: Generation): void {
    const { key } = generation;
    if (this.#objects.get(key) === generation) this.#objects.delete(key);
    if (generation.holders === 0) this.#memory.drop(generation.id, generation.blocks.held());
  }

  #setPinned(keys: readonly string[], pinned: boolean): void {
    const generations = keys.map((key) => this.#objects.get(key)).filter((generation) => generation !== undefined);
    for (const [volumeIndex, volume] of this.#volumes.entries()) {
      volume.pin(
        generations.filter((generation) => generation.volumeIndex === volumeIndex),
        pinned,
      );
    }
  }

  /** On a volume that fails: as if it were not there, so that it is filled again to another. */
  #isUnreachable(generation: Generation): boolean {
    return this.#volumeOf(generation)?.state === 'failing';
  }

  #volumeOf(generation: Generation): Volume | undefined {
    return this.#volumes[generation.volumeIndex];
  }

  #placeOf(generation: Generation): Place {
    return this.#places[generation.volumeIndex] ?? this.#nowhere;
  }

  #scrubOf(volumeIndex: number, { periodMs, bulkShare }: NonNullable<DiskObjectStoreOptions['scrub']>): ScrubOptions {
    const onFound = (): void => {
      for (const [index, volume] of this.#volumes.entries()) if (index !== volumeIndex) volume.hurryScrub();
    };
    return { periodMs, bulkShare, onFound };
  }

  #placeOn(volume: Volume): Place {
    return {
      volume,
      memory: this.#memory,
      metrics: this.#metrics,
      acquire: (generation) => volume.acquire(generation),
      release: (generation) => {
        volume.release(generation);
        if (generation.forgotten && generation.holders === 0) {
          this.#memory.drop(generation.id, generation.blocks.held());
        }
      },
    };
  }

  #placeNowhere(): Place {
    return {
      volume: undefined,
      memory: this.#memory,
      metrics: this.#metrics,
      acquire: (generation) => {
        generation.holders += 1;
      },
      release: (generation) => {
        generation.holders -= 1;
        if (generation.holders === 0 && !generation.forgotten) this.#forget(generation);
      },
    };
  }
}

function isBeyondLimits({ key, sizeBytes, headers }: ObjectDescription): boolean {
  const headersLength = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return sizeBytes > MAX_OBJECT_BYTES || key.length > MAX_KEY_LENGTH || headersLength > MAX_HEADERS_LENGTH;
}
