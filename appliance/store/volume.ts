import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Timer, World } from '../../src/world/world.ts';
import { crc32cOf } from './checksum.ts';
import type { EvictionPolicy } from './eviction/eviction-policy.ts';
import type { Generation } from './generation.ts';
import type { Urgency, VolumeState } from './object-store.ts';
import { type BlockCheck, VolumeScrub } from './scrub/volume-scrub.ts';
import type { StoreMetrics } from './store-metrics.ts';
import { CommitQueue } from './volume/commit-queue.ts';
import { DataFile, diskFailure } from './volume/data-file.ts';
import { DiskLane, volumeLaneLimits } from './volume/disk-lane.ts';
import type { IndexClient } from './volume/index-client.ts';
import type { Durability } from './volume/index-messages.ts';
import { loadVolume } from './volume/load-volume.ts';
import { type Loss, LossLog } from './volume/loss-log.ts';
import { BlockReader } from './volume/read-block.ts';
import { VolumeHealth } from './volume/volume-health.ts';
import { VolumeLayout } from './volume/volume-layout.ts';
import { type ReservedRoom, VolumeRoom } from './volume/volume-room.ts';
import { VolumeSpace } from './volume/volume-space.ts';

/**
 * One disk.
 *
 * Problem: a block that was acknowledged must be there after `kill -9`, a block that was torn must never be served, and
 * neither a full, nor a read-only, nor a dying disk may take the appliance with it.
 *
 * The obvious: write a temporary file per block and rename it. That is two directory operations and an inode for every
 * MiB, and the directory becomes the index that must be walked to know anything.
 *
 * Idea: one sparse file per generation, blocks at their own offsets, and one row that says which blocks count and what
 * their checksums are. Bytes first, row second: until the row is committed the bytes are nothing but space. A killed
 * process leaves the kernel with everything that was written; after a power cut a row may outlive its bytes, and then
 * the checksum tells. A generation's file is never reused for other content, so nobody reads half old, half new.
 *
 * The index has a thread of its own (index-thread.ts), so that neither a checkpoint nor a disk that hangs stops who
 * serves; what is held is known here, in memory.
 *
 * Limits: reads and writes of blocks go through libuv's pool, which all volumes share: as many operations that hang as
 * it has threads stop every disk. UV_THREADPOOL_SIZE above 12 per volume keeps them apart, because a volume has at
 * most that many in hand.
 */
export class Volume {
  readonly dir: string;
  readonly #options: VolumeOptions;
  readonly #layout: VolumeLayout;
  readonly #space: VolumeSpace;
  readonly #health: VolumeHealth;
  readonly #logger: Logger;
  readonly #lane: DiskLane;
  readonly #room: VolumeRoom;
  readonly #losses: LossLog;
  readonly #reader: BlockReader;
  readonly #scrub: VolumeScrub | undefined;
  readonly #writing = new Map<string, Promise<void>>();
  /** What goes on behind everybody's back: files closing, timed work. */
  readonly #background = new Set<Promise<void>>();
  #opened: { readonly index: IndexClient; readonly queue: CommitQueue } | undefined;
  #timers: Timer[] = [];
  #closed = false;

  constructor(options: VolumeOptions) {
    const { clock } = options.world;
    this.dir = options.dir;
    this.#options = options;
    this.#logger = options.logger.child({ volume: options.dir });
    this.#layout = new VolumeLayout(options.dir);
    this.#space = new VolumeSpace(options.capacityBytes, options.policy);
    this.#health = new VolumeHealth(this.#logger);
    this.#lane = new DiskLane(clock, {
      ...volumeLaneLimits,
      onDone: ({ urgency, waitedMs, tookMs }) => {
        if (urgency === 'viewer') options.onViewerRead(waitedMs + tookMs);
      },
    });
    this.#losses = new LossLog(this.#logger, clock, options.metrics);
    this.#reader = new BlockReader({
      dir: options.dir,
      clock,
      lane: this.#lane,
      health: this.#health,
      fileOf: (generation) => this.#fileOf(generation),
      pathOf: (generation) => this.#pathOf(generation),
      drop: (generation, block, why, error) => this.#drop(generation, block, why, error),
    });
    this.#scrub = options.scrub && this.#createScrub(options.scrub);
    this.#room = new VolumeRoom({
      dir: options.dir,
      clock,
      space: this.#space,
      health: this.#health,
      metrics: options.metrics,
      logger: this.#logger,
      forget: (generation) => this.forget(generation),
    });
  }

  /** A sister volume has found a bad block. */
  hurryScrub(): void {
    this.#scrub?.hurry();
  }

  get state(): VolumeState['state'] {
    return this.#health.state;
  }

  get space(): Readonly<VolumeSpace> {
    return this.#space;
  }

  describe(): VolumeState {
    return {
      dir: this.dir,
      state: this.#health.state,
      capacityBytes: this.#space.capacityBytes,
      usedBytes: this.#space.occupiedBytes,
      scrub: this.#scrub?.progress(),
      viewerWaitMs: this.#lane.longestWaitMs('viewer'),
    };
  }

  /**
   * Loads the volume and keeps it to this process. A disk that does not work leaves the volume failing, to be tried
   * again, and is no error: the appliance serves without it.
   * @throws OperationalError STATE_IN_USE, STATE_CORRUPT: somebody has to act before this volume may be touched
   */
  async open(): Promise<void> {
    try {
      await this.#load();
    } catch (error) {
      const failure = diskFailure(error, `open ${this.dir}`);
      if (isOperational(failure, 'STATE_IN_USE') || isOperational(failure, 'STATE_CORRUPT')) throw failure;
      this.#health.broke(failure);
    }
    this.#every(this.#options.useFlushIntervalMs, () => this.#flushUses());
    this.#every(this.#options.probeIntervalMs, () => this.#probe());
    this.#scrub?.start();
  }

  /** Finishes what is in hand, by the deadline, and gives the volume free. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    const deadline = Promise.withResolvers<'late'>();
    const timer = this.#options.world.clock.setTimer(deadlineMs, () => deadline.resolve('late'));
    const outcome = await Promise.race([
      this.#scrub?.stop().then(() => this.#finish()) ?? this.#finish(),
      deadline.promise,
    ]);
    timer.cancel();
    if (outcome === 'late') {
      this.#logger.warn({ deadlineMs }, 'volume is cut off: it did not finish in time');
      // Not waited for: a thread that hangs in a dead disk may never end.
      void this.#opened?.index.kill();
    }
    this.#opened = undefined;
  }

  /** A new generation that is to live here. */
  adopt(generation: Generation): void {
    this.#space.add(generation);
    this.#scrub?.adopted(generation);
    this.#opened?.queue.putObject(generation);
  }

  /** Its description was replaced. */
  redescribe(generation: Generation): void {
    this.#opened?.queue.putObject(generation);
    if (generation.heldBlocks > 0 && this.#health.state === 'online') this.#inBackground(this.#describe(generation));
  }

  pin(generations: readonly Generation[], pinned: boolean): void {
    this.#space.pin(generations, pinned);
  }

  acquire(generation: Generation): void {
    generation.holders += 1;
    if (generation.holders === 1) this.#noteUse(generation);
  }

  /** @param isUse whether somebody wanted it, which counts when room is needed */
  release(generation: Generation, isUse = true): void {
    generation.holders -= 1;
    if (generation.holders > 0) return;
    const { file } = generation;
    generation.file = undefined;
    if (file !== undefined) this.#inBackground(file.close());
    if (generation.forgotten) this.#room.discard(generation, this.#pathOf(generation));
    if (isUse) this.#noteUse(generation);
    this.#health.foundRoom();
  }

  /**
   * The block from the disk, checked. Undefined when it is not held, or not any more: rotten and unreadable blocks are
   * dropped. @throws OperationalError OVERLOADED when the disk has too much in hand
   */
  read(generation: Generation, block: number, urgency: Urgency): Promise<Uint8Array | undefined> {
    return this.#reader.read(generation, block, urgency);
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  write(generation: Generation, block: number, bytes: Uint8Array, urgency: Urgency): Promise<void> {
    if (generation.blocks.has(block)) return Promise.resolve();
    const key = `${generation.id}:${block}`;
    const writing = this.#writing.get(key);
    if (writing !== undefined) return writing;
    const written = this.#write({ generation, block, bytes, urgency }).finally(() => this.#writing.delete(key));
    this.#writing.set(key, written);
    return written;
  }

  /** No longer found; its bytes go when the last holder lets go. Durable soon. */
  forget(generation: Generation, durably = false): void {
    if (generation.forgotten) return;
    this.#space.forget(generation);
    generation.forgotten = true;
    this.#scrub?.forgotten();
    const stays = durably || generation.holders > 0;
    this.#opened?.queue.deleteObject(generation, stays ? this.#pathOf(generation) : undefined);
    this.#options.onForgotten(generation);
    if (generation.holders === 0) this.#room.discard(generation, this.#pathOf(generation));
  }

  /** As `forget`, and durable when it resolves. @throws OperationalError VOLUME_FULL, VOLUME_IO: it may come back after a restart */
  async forgetDurably(generation: Generation): Promise<void> {
    this.forget(generation, true);
    try {
      const queue = this.#opened?.queue;
      if (this.#health.state === 'failing' || queue === undefined) {
        throw new OperationalError('VOLUME_IO', `${this.dir} does not work`);
      }
      await this.#bounded(queue.flush());
    } catch (error) {
      // A row without its file is dropped at start, so on a full disk removing the file is as good.
      const full = isOperational(error, 'VOLUME_FULL');
      if (full && generation.heldBlocks > 0 && (await this.#room.discarded(this.#pathOf(generation)))) return;
      const failure = diskFailure(error, `remove in ${this.dir}`);
      this.#health.failed(failure);
      throw failure;
    }
  }

  async #bounded(work: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#options.world.clock.setTimer(REMOVE_DEADLINE_MS, () => {
      late.reject(new OperationalError('VOLUME_IO', `${this.dir}: no answer within ${REMOVE_DEADLINE_MS} ms`));
    });
    try {
      await Promise.race([work, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  async #load(): Promise<void> {
    const { volumeIndex, durability, world } = this.#options;
    const { index, generations } = await loadVolume(this.dir, volumeIndex, durability, world.clock, this.#logger);
    if (this.#closed) return index.close();
    this.#opened = { index, queue: new CommitQueue(index, durability) };
    for (const generation of generations) this.#space.add(generation);
    this.#scrub?.opened(generations);
    this.#options.onOpened(generations);
  }

  async #write(write: BlockWrite): Promise<void> {
    const refusal = this.#closed
      ? new OperationalError('VOLUME_IO', `${this.dir} is closed`)
      : this.#health.writeRefusal;
    if (refusal !== undefined) throw new OperationalError(refusal.code, refusal.detail, { cause: refusal });
    const room = this.#room.reserve(write.generation.blockDiskBytes(write.block));
    try {
      await this.#room.make();
      await this.#keep(write, room);
      this.#options.metrics.writtenBytes.inc(write.bytes.length);
    } catch (error) {
      this.#options.metrics.failedWrites.inc();
      throw error;
    } finally {
      room.giveBack();
    }
  }

  async #keep(write: BlockWrite, room: ReservedRoom): Promise<void> {
    try {
      try {
        await this.#put(write, room);
      } catch (error) {
        if (!isOperational(error, 'VOLUME_FULL')) throw error;
        await this.#room.makeOnDisk(room.bytes, error);
        await this.#put(write, room);
      }
      this.#health.succeeded();
      this.#health.foundRoom();
    } catch (error) {
      const failure = diskFailure(error, `write in ${this.dir}`);
      this.#health.failed(failure);
      if (failure.code === 'OVERLOADED') throw new OperationalError('VOLUME_IO', failure.detail, { cause: failure });
      throw failure;
    }
  }

  /** Bytes to the disk, then the row. */
  async #put({ generation, block, bytes, urgency }: BlockWrite, room: ReservedRoom): Promise<void> {
    const checksum = crc32cOf(bytes);
    const work = { urgency, what: `write in ${this.dir}`, bytes: bytes.length };
    await this.#lane.run(work, () => this.#fileOf(generation).writeBlock(block, bytes, checksum));
    const queue = this.#opened?.queue;
    if (queue === undefined) throw new OperationalError('VOLUME_IO', `${this.dir} is closed`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const kept = (): void => {
      room.giveBack();
      this.#space.resize(generation, room.bytes);
      resolve();
    };
    queue.keepBlock({ generation, block, checksum, kept, failed: reject });
    await promise;
  }

  #createScrub({ periodMs, bulkShare, onFound }: ScrubOptions): VolumeScrub {
    return new VolumeScrub({
      volume: {
        isReadable: () => this.#opened !== undefined && this.#health.state !== 'failing',
        heldBytes: () => this.#space.occupiedBytes,
        readsDisk: () => this.#reader.readsDisk,
        check: (generation, block) => this.#check(generation, block),
      },
      stateFile: this.#layout.scrubPath,
      world: this.#options.world,
      logger: this.#logger,
      metrics: this.#options.metrics,
      periodMs,
      bulkShare,
      onFound,
    });
  }

  async #check(generation: Generation, block: number): Promise<BlockCheck> {
    generation.holders += 1;
    try {
      return await this.#reader.check(generation, block);
    } finally {
      this.release(generation, false);
    }
  }

  #drop(generation: Generation, block: number, why: Loss, error?: unknown): void {
    // A disk that fails as a whole keeps its rows: it may come back.
    if (this.#health.state === 'failing' || !generation.blocks.delete(block)) return;
    this.#space.resize(generation, -generation.blockDiskBytes(block));
    this.#opened?.queue.dropBlock(generation, block);
    this.#losses.note(generation, block, why, error);
    this.#scrub?.found(generation, block);
    this.#options.onLost?.(generation, block);
  }

  /** The row has it already: what fails here costs a later rebuild of the index the newest description. */
  async #describe(generation: Generation): Promise<void> {
    this.acquire(generation);
    try {
      const work = { urgency: 'demand', what: `describe in ${this.dir}`, bytes: 0 } as const;
      await this.#lane.run(work, () => this.#fileOf(generation).describe());
    } catch (error) {
      this.#logger.debug({ error }, 'a data file keeps its older description');
    } finally {
      this.release(generation);
    }
  }

  #noteUse(generation: Generation): void {
    if (generation.forgotten) return;
    generation.lastUsedMs = this.#options.world.clock.nowMs();
    this.#space.use(generation);
    this.#opened?.queue.noteUse(generation);
  }

  #fileOf(generation: Generation): DataFile {
    generation.file ??= new DataFile(this.#pathOf(generation), generation);
    return generation.file;
  }

  #pathOf(generation: Generation): string {
    return this.#layout.dataPath(generation.key, generation.id);
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work.finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }

  async #finish(): Promise<void> {
    await this.#settle();
    try {
      await this.#opened?.queue.flush(Number.POSITIVE_INFINITY);
    } catch (error) {
      this.#logger.warn({ error }, 'volume closed without its last rows');
    }
    await this.#opened?.index.close();
  }

  async #settle(): Promise<void> {
    while (this.#writing.size + this.#background.size > 0) {
      await Promise.allSettled([...this.#writing.values(), ...this.#background]);
    }
    await this.#room.settle();
  }

  async #flushUses(): Promise<void> {
    try {
      await this.#opened?.queue.flush(USES_PER_FLUSH);
    } catch (error) {
      this.#health.failed(diskFailure(error, `write the index of ${this.dir}`));
    }
  }

  async #probe(): Promise<void> {
    if (!this.#health.needsProbe) return;
    try {
      if (this.#opened === undefined) await this.#load();
      else {
        const work = { urgency: 'demand', what: `probe ${this.dir}`, bytes: PROBE_BYTES } as const;
        await this.#lane.run(work, () => this.#layout.probe(PROBE_BYTES));
      }
      await this.#opened?.queue.flush();
      if (!this.#closed) this.#health.recovered();
    } catch (error) {
      this.#logger.debug({ error }, 'volume is still in trouble');
    }
  }

  /** The next turn begins when the one before has ended. */
  #every(intervalMs: number, task: () => void | Promise<void>): void {
    let timer: Timer;
    const turn = async (): Promise<void> => {
      await task();
      if (!this.#closed) arm();
    };
    const arm = (): void => {
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer = this.#options.world.clock.setTimer(intervalMs, () => this.#inBackground(turn()));
      this.#timers.push(timer);
    };
    arm();
  }
}

/** Last uses per transaction: some milliseconds. What is over waits for the next interval. */
const USES_PER_FLUSH = 2000;
/** How long who removes an object may wait for a disk. */
const REMOVE_DEADLINE_MS = 5000;
/** A disk that takes less than two blocks is still full. */
const PROBE_BYTES = 2 * BLOCK_BYTES;

interface BlockWrite {
  readonly generation: Generation;
  readonly block: number;
  readonly bytes: Uint8Array;
  readonly urgency: Urgency;
}

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
  /** Its own: it knows this volume's entries. */
  readonly policy: EvictionPolicy;
  /** Its place among the store's volumes. */
  readonly volumeIndex: number;
  readonly durability: Durability;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: StoreMetrics;
  /** How often last uses are written, and how often a volume in trouble is tried. */
  readonly useFlushIntervalMs: number;
  readonly probeIntervalMs: number;
  /** Without it nothing is scrubbed. */
  readonly scrub?: ScrubOptions;
  /** A block was found lost, and is not held any more. */
  readonly onLost?: (generation: Generation, block: number) => void;
  /** A viewer's read has ended, so long after it was asked. */
  readonly onViewerRead: (latencyMs: number) => void;
  /** What it held when it was opened, the least recently used first. */
  readonly onOpened: (generations: readonly Generation[]) => void;
  /** The generation can no longer be found, whoever decided that. */
  readonly onForgotten: (generation: Generation) => void;
}
