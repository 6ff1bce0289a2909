import { isOperational, type OperationalError } from '../../src/errors/operational-error.ts';
import { atOnce } from '../../src/resilience/in-slices.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import type { SharedMemory } from '../memory/published.ts';
import { AcquiredObject, type Place } from './acquired-object.ts';
import { DEFAULT_MAX_OBJECTS, DEFAULT_POLICY, type DiskObjectStoreOptions } from './disk-store-options.ts';
import { createPolicy } from './eviction/create-policy.ts';
import { Generation, NOWHERE } from './generation.ts';
import type { ObjectDescription } from './object-description.ts';
import type { ObjectState, ObjectStore, StoredObject, StoreUsage, VolumeAdmin } from './object-store.ts';
import { Pins } from './pins.ts';
import { inSlices } from './slices.ts';
import { StoreMemory } from './store-memory.ts';
import { createStoreMetrics, type StoreMetrics } from './store-metrics.ts';
import type { Volume } from './volume.ts';
import type { OpenedVolume } from './volumes/volume-keeper.ts';
import { VolumeSet } from './volumes/volume-set.ts';

/**
 * Objects on several disks, found by their key.
 *
 * Which volume a new generation goes to is weighted rendezvous hashing of its key, so that every disk gets its share
 * and a disk that comes or goes moves nobody else's objects (volumes/volume-set.ts); where it actually is, memory knows,
 * so that a volume that was full at the time costs nothing later. Of two generations of one key the one with the higher
 * number is the newer, whichever disks they are on: numbers are taken from the wall clock and only ever count up, so a
 * disk that was away while its objects were replaced cannot bring the old ones back while the new ones are there.
 *
 * What is on a volume that fails or is away is not there for who looks, and is filled again elsewhere; only what is
 * short and wholly in memory is served from there. It stays known, so that a purge by prefix meets it, until the disk
 * comes back and says anew what it holds. What is removed meanwhile is remembered in the state (tombstones.ts).
 *
 * A generation that no volume takes (all failing, too many objects, beyond the limits) exists while somebody holds
 * it and stores nothing: the caller serves through.
 *
 * Limits: an object that was replaced while its disk was away, and whose successor has been evicted since, comes back
 * with the disk, as old as it is. A purge by anything but a key does not know what is on a disk that was away when this
 * process began: `distrustAway` is for that.
 */

/** Objects of more blocks are not looked for in memory block by block. */
const MOST_BLOCKS_FROM_MEMORY = 16;
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
 * STATE_CORRUPT when no volume can be used and one is damaged or of a newer version, which beside others is only
 * offline; so is a disk that does not work, unless no volume
 * works and none ever did: VOLUME_IO.
 */
export function createDiskObjectStore(options: DiskObjectStoreOptions): DiskStore {
  return new DiskObjectStore(options);
}

/** A store that has volumes to manage. */
export interface DiskStore extends ObjectStore {
  readonly volumes: VolumeAdmin;
  /** What threads send from; undefined where none read. */
  readonly memory: { readonly shared: SharedMemory; readerGone(number: number): void } | undefined;
}

class DiskObjectStore implements DiskStore {
  readonly #options: DiskObjectStoreOptions;
  readonly #memory: StoreMemory;
  readonly #metrics: StoreMetrics;
  readonly #volumes: VolumeSet;
  readonly #places = new Map<number, Place>();
  readonly #nowhere: Place;
  readonly #objects = new Map<string, Generation>();
  readonly #pins = new Pins();
  #lastId = 0;

  constructor(options: DiskObjectStoreOptions) {
    this.#options = options;
    const { metrics = new Metrics('appliance') } = options;
    this.#memory = new StoreMemory({ ...options, metrics });
    this.#metrics = createStoreMetrics(
      metrics,
      () => this.usage(),
      () => [...this.#volumes.openings()].map(([, { space }]) => space.policy),
    );
    const { logger, onViewerRead, probeIntervalMs, stateDir, volumes, world } = options;
    const policy = { ...DEFAULT_POLICY, ...options.policy };
    this.#volumes = new VolumeSet({
      volumes,
      stateDir: () => stateDir?.(),
      world,
      logger,
      metrics: this.#metrics,
      policy: probeIntervalMs === undefined ? policy : { ...policy, probeIntervalMs },
      useFlushIntervalMs: USE_FLUSH_INTERVAL_MS,
      isPinned: (generation) => this.#pins.cover(generation),
      onOpened: (dir, opened) => this.#takeOver(dir, opened),
      onGone: (volumeIndex) => this.#letGo(volumeIndex),
      onForgotten: (generation) => this.#onForgotten(generation),
      onViewerRead: (dir, latencyMs) => onViewerRead?.(dir, latencyMs),
      onLost: (generation, block) => {
        this.#memory.lost(generation, block);
        options.onLost?.(generation.description, block);
      },
      scrub: options.scrub,
      durability: options.durability ?? 'process',
      createPolicy: () => createPolicy(options.evictionPolicy ?? 'reuse-rate'),
    });
    this.#nowhere = this.#placeNowhere();
  }

  async start(): Promise<void> {
    try {
      await this.#volumes.start();
    } catch (error) {
      await this.stop(START_FAILED_DEADLINE_MS);
      throw error;
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#volumes.stop(deadlineMs);
    this.#memory.close();
    this.#objects.clear();
  }

  get memory(): DiskStore['memory'] {
    return this.#memory.arena;
  }

  get volumes(): VolumeAdmin {
    return this.#volumes;
  }

  find(key: string): StoredObject | undefined {
    const generation = this.#objects.get(key);
    if (generation === undefined) return undefined;
    if (this.#isUnreachable(generation) && !this.#isWhollyInMemory(generation)) return undefined;
    return new AcquiredObject(generation, this.#placeOf(generation));
  }

  create(description: ObjectDescription): StoredObject {
    const nowMs = this.#options.world.clock.nowMs();
    const id = this.#nextId();
    const before = this.#objects.get(description.key);
    const generation = new Generation(id, this.#chooseVolume(description), description, nowMs);
    if (before !== undefined) this.#forget(before);
    generation.pinned = this.#pins.cover(generation);
    this.#objects.set(description.key, generation);
    this.#volumeOf(generation)?.adopt(generation);
    return new AcquiredObject(generation, this.#placeOf(generation));
  }

  async remove(key: string): Promise<boolean> {
    const generation = this.#objects.get(key);
    const removedToId = this.#nextId();
    const isAnyAway = this.#volumes.isAnyAway;
    // At once: a volume that is being taken over may come to this key while another disk is waited for.
    const remembered = isAnyAway ? this.#volumes.remember(key, removedToId) : undefined;
    // Said below.
    remembered?.catch(() => undefined);
    let failure: OperationalError | undefined;
    if (generation !== undefined) {
      const volume = this.#volumeOf(generation);
      if (volume === undefined) this.#forget(generation);
      else {
        await volume.forgetDurably(generation).catch((error: unknown) => {
          if (!isOperational(error)) throw error;
          failure = error;
        });
      }
    }
    await this.settled();
    // What the volume could not keep, the state does; and a volume that is away may hold the key, too.
    await (failure === undefined ? remembered : (remembered ?? this.#volumes.remember(key, removedToId)));
    if (failure !== undefined && !this.#volumes.isRemembering) throw failure;
    return generation !== undefined;
  }

  distrustAway(): Promise<void> {
    return this.#volumes.distrustAway(this.#nextId());
  }

  served(key: string, bytes: number): void {
    const generation = this.#objects.get(key);
    const volume = generation === undefined ? undefined : this.#volumeOf(generation);
    if (generation === undefined || volume === undefined) return;
    // As somebody who takes it into his hands and reads.
    volume.acquire(generation);
    volume.space.served(generation, bytes);
    volume.release(generation);
  }

  hide(covers: (description: ObjectDescription) => boolean): void {
    this.#memory.hideWhere(covers);
  }

  settled(): Promise<void> {
    return this.#memory.settled();
  }

  pin(keys: ReadonlySet<string>, heads: ReadonlyMap<string, number> = new Map()): void {
    atOnce(this.pinning(new Set(keys), new Map(heads)));
  }

  *pinning(keys: ReadonlySet<string>, heads: ReadonlyMap<string, number>): Generator<number, void> {
    const { lost, won } = yield* this.#pins.replace(keys, heads, this.#objects);
    this.#setPinned(lost, false);
    this.#setPinned(won, true);
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
    const volumes = this.#volumes.list();
    const spaces = [...this.#volumes.openings()].map(([, { space }]) => space);
    return {
      capacityBytes: volumes.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0),
      usedBytes: volumes.reduce((sum, { usedBytes }) => sum + usedBytes, 0),
      pinnedBytes: spaces.reduce((sum, { pinnedBytes }) => sum + pinnedBytes, 0),
      objectCount: this.#objects.size,
      memoryBytes: this.#memory.usedBytes,
      volumes,
    };
  }

  /** The volume for a new object; NOWHERE when none can take it. */
  #chooseVolume(description: ObjectDescription): number {
    if (isBeyondLimits(description) || !this.#makeRoomFor(description.key)) return NOWHERE;
    return this.#volumes.choose(description.key) ?? NOWHERE;
  }

  #makeRoomFor(key: string): boolean {
    if (this.#objects.has(key)) return true;
    if (this.#objects.size < (this.#options.maxObjects ?? DEFAULT_MAX_OBJECTS)) return true;
    const oldest = [...this.#volumes.openings()]
      .map(([, { space }]) => space.oldestIdle())
      .filter((generation) => generation !== undefined)
      .sort((a, b) => Number(a.pinned) - Number(b.pinned) || a.lastUsedMs - b.lastUsedMs)[0];
    if (oldest === undefined) return false;
    this.#forget(oldest);
    return true;
  }

  /**
   * What a volume holds, now that it is open, in slices. What is created, removed, pinned or evicted before its turn
   * comes is looked at when it comes: the newer of two generations stays, the removed stay away, for as long as this
   * lasts the volume counts as away, and whom an eviction took from the volume is taken no more.
   */
  async #takeOver(dir: string, { before, generations, volume, volumeIndex }: OpenedVolume): Promise<void> {
    this.#places.set(volumeIndex, this.#placeOn(volume));
    // Whatever is created from now on is newer than all that comes.
    this.#lastId = Math.max(this.#lastId, generations.at(-1)?.id ?? 0);
    if (before !== undefined) await this.#letGo(before);
    const otherwise: Generation[] = [];
    await inSlices(generations, (generation) => {
      this.#takeIn(dir, volume, generation);
      if (generation.pinned !== this.#pins.cover(generation)) otherwise.push(generation);
    });
    for (const pinned of [false, true]) {
      volume.pin(
        otherwise.filter((generation) => !generation.forgotten && this.#pins.cover(generation) === pinned),
        pinned,
      );
    }
  }

  #takeIn(dir: string, volume: Volume, generation: Generation): void {
    if (generation.forgotten) return;
    const { id, key } = generation;
    const other = this.#objects.get(key);
    if (this.#volumes.isRemoved(dir, key, id) || (other !== undefined && other.id > id)) {
      volume.forget(generation);
      return;
    }
    if (other !== undefined) this.#forget(other);
    this.#objects.set(key, generation);
  }

  /** Nothing that was known of an opening counts any more; who holds some of it keeps what memory has. */
  async #letGo(volumeIndex: number): Promise<void> {
    await inSlices(this.#objects, ([key, generation]) => {
      if (generation.volumeIndex !== volumeIndex) return;
      this.#objects.delete(key);
      this.#memory.hide(generation);
      if (generation.holders === 0) this.#memory.leave(generation);
    });
    this.#places.delete(volumeIndex);
  }

  /** Higher than every number before, of this process and, by the wall clock, of those before it. */
  #nextId(): number {
    const nowMs = this.#options.world.clock.nowMs();
    this.#lastId = Math.max(this.#lastId + 1, Math.floor(nowMs) * GENERATIONS_PER_MS);
    return this.#lastId;
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
    this.#memory.hide(generation);
    if (generation.holders === 0) this.#memory.drop(generation);
  }

  /** What nobody holds and nobody can find any more need not be in memory. */
  #released(generation: Generation): void {
    if (generation.holders > 0) return;
    if (generation.forgotten) this.#memory.drop(generation);
    else if (!this.#isFound(generation)) this.#memory.leave(generation);
  }

  #setPinned(generations: readonly Generation[], pinned: boolean): void {
    for (const [volumeIndex, volume] of this.#volumes.openings()) {
      volume.pin(
        generations.filter((generation) => generation.volumeIndex === volumeIndex),
        pinned,
      );
    }
  }

  /** On a volume that fails: as if it were not there, so that it is filled again to another. */
  #isUnreachable(generation: Generation): boolean {
    return this.#volumeOf(generation)?.isFindable === false;
  }

  #isWhollyInMemory(generation: Generation): boolean {
    const { blockCount } = generation;
    if (blockCount > MOST_BLOCKS_FROM_MEMORY) return false;
    for (let block = 0; block < blockCount; block += 1) if (!this.#memory.has(generation, block)) return false;
    return true;
  }

  #isFound(generation: Generation): boolean {
    return this.#objects.get(generation.key) === generation;
  }

  #volumeOf(generation: Generation): Volume | undefined {
    return this.#volumes.opening(generation.volumeIndex);
  }

  #placeOf(generation: Generation): Place {
    return this.#places.get(generation.volumeIndex) ?? this.#nowhere;
  }

  #placeOn(volume: Volume): Place {
    return {
      volume,
      memory: this.#memory,
      metrics: this.#metrics,
      isFound: (generation) => this.#isFound(generation),
      acquire: (generation) => volume.acquire(generation),
      release: (generation) => {
        volume.release(generation);
        this.#released(generation);
      },
    };
  }

  #placeNowhere(): Place {
    return {
      volume: undefined,
      memory: this.#memory,
      metrics: this.#metrics,
      isFound: (generation) => this.#isFound(generation),
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
