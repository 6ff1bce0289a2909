import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Timer } from '../../src/world/world.ts';
import type { Generation } from './generation.ts';
import type { Urgency } from './object-store.ts';
import { type BlockCheck, VolumeScrub } from './scrub/volume-scrub.ts';
import { CommitQueue } from './volume/commit-queue.ts';
import { diskFailure } from './volume/data-file.ts';
import { DiskLane, type LaneWork, volumeLaneLimits } from './volume/disk-lane.ts';
import type { IndexClient } from './volume/index-client.ts';
import { enterSpace, loadVolume } from './volume/load-volume.ts';
import { type Loss, LossLog } from './volume/loss-log.ts';
import { OpenFiles } from './volume/open-files.ts';
import { BlockReader } from './volume/read-block.ts';
import type { OperationKind, VolumeHealth } from './volume/volume-health.ts';
import { VolumeLayout } from './volume/volume-layout.ts';
import type { ScrubOptions, VolumeOptions } from './volume/volume-options.ts';
import { VolumeRoom } from './volume/volume-room.ts';
import { VolumeSpace } from './volume/volume-space.ts';
import { BlockWriter } from './volume/write-block.ts';
import { Waiting, within } from './volumes/within.ts';

/**
 * One disk, from the time it is opened until it is closed; volume-keeper.ts has its life.
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
 * it has threads stop every disk. A volume has at most MAX_THREADS in hand, and UV_THREADPOOL_SIZE above that per volume
 * keeps them apart.
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
  readonly #writer: BlockWriter;
  readonly #scrub: VolumeScrub | undefined;
  readonly #background = new Set<Promise<void>>();
  readonly #waiting = new Waiting();
  #opened: { readonly index: IndexClient; readonly queue: CommitQueue } | undefined;
  readonly #files = new OpenFiles((generation) => this.#pathOf(generation));
  #useFlush: Timer | undefined;
  #closed = false;
  /** Generations that somebody holds. */
  #heldCount = 0;

  constructor(options: VolumeOptions) {
    const { clock } = options.world;
    this.dir = options.dir;
    this.#options = options;
    this.#logger = options.logger.child({ volume: options.dir });
    this.#layout = new VolumeLayout(options.dir);
    this.#space = new VolumeSpace(options.capacityBytes, options.policy, options.lowShare);
    this.#health = options.health;
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
      isReadable: () => this.answersReads,
      run: (urgency, bytes, operation) =>
        this.#onDisk(urgency === 'scrub' ? 'scrub' : 'read', { urgency, bytes }, operation),
      fileOf: (generation) => this.#files.of(generation),
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
    this.#writer = new BlockWriter({
      dir: options.dir,
      room: this.#room,
      space: this.#space,
      health: this.#health,
      metrics: options.metrics,
      queue: () => this.#opened?.queue,
      put: ({ generation, block, bytes, urgency }, checksum) =>
        this.#onDisk('write', { urgency, bytes: bytes.length }, () =>
          this.#files.of(generation).writeBlock(block, bytes, checksum),
        ),
      wait: (work) => this.#waiting.for(work),
    });
  }

  /** Whether its objects can be found. */
  get isFindable(): boolean {
    return this.#opened !== undefined && this.#health.isFindable;
  }

  /** Whether who holds an object of it may ask it. */
  get answersReads(): boolean {
    return this.#opened !== undefined && this.#health.answersReads;
  }

  get isHeld(): boolean {
    return this.#heldCount > 0;
  }

  get space(): Readonly<VolumeSpace> {
    return this.#space;
  }

  /** Undefined when it is not scrubbed. */
  get scrub(): Pick<VolumeScrub, 'progress' | 'hurry'> | undefined {
    return this.#scrub;
  }

  /** How long a viewer has been waiting by now who waits for the longest; 0 when nobody does. */
  get viewerWaitMs(): number {
    return this.#lane.longestWaitMs('viewer');
  }

  /** It evicts down to less at once, as far as nobody holds it, or grows to more. */
  setCapacity(capacityBytes: number): void {
    this.#space.capacityBytes = Math.max(0, capacityBytes);
    if (this.#opened !== undefined) this.#inBackground(this.#room.make().catch(() => undefined));
  }

  /**
   * Loads the volume and keeps it to this process. @returns what it holds, by rising id
   * @throws OperationalError STATE_IN_USE, STATE_CORRUPT: somebody has to act before it may be touched; VOLUME_FULL, VOLUME_IO
   */
  async open(): Promise<readonly Generation[]> {
    const loaded = await loadVolume(this.#options, this.#logger);
    const { index, generations } = loaded;
    await enterSpace(this.#space, loaded, this.#options.isPinned);
    if (this.#closed) {
      await index.close();
      throw new OperationalError('VOLUME_IO', `${this.dir} was closed while it was opened`);
    }
    this.#opened = { index, queue: new CommitQueue(index, this.#options.durability) };
    this.#scrub?.opened(generations);
    this.#scrub?.start();
    this.#flushUsesAgain();
    return generations;
  }

  /** Nobody waits any more for what the disk has in hand; it may still come back. */
  cutOff(why: string): void {
    this.#waiting.cutOff(new OperationalError('VOLUME_IO', `${this.dir}: ${why}`));
  }

  /** Everything that was asked of its index before is durable. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  async flush(): Promise<void> {
    const queue = this.#opened?.queue;
    if (queue === undefined) throw new OperationalError('VOLUME_IO', `${this.dir} is not open`);
    await this.#health.observe('index', () => queue.flush());
  }

  /** Whether it can be written: as an operation like any other. @throws OperationalError VOLUME_FULL, VOLUME_IO, OVERLOADED */
  async probe(): Promise<void> {
    await this.#onDisk('probe', { urgency: 'demand', bytes: PROBE_BYTES }, () => this.#layout.probe(PROBE_BYTES));
    await this.flush();
  }

  /** Finishes what is in hand, by the deadline, and gives the volume free. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    this.#useFlush?.cancel();
    const { clock } = this.#options.world;
    try {
      const ended = this.#scrub?.stop().then(() => this.#finish()) ?? this.#finish();
      await within(clock, deadlineMs, `close ${this.dir}`, ended);
    } catch (error) {
      this.#logger.warn({ error }, 'volume is cut off');
      void this.#opened?.index.kill(); // Not waited for: a thread that hangs in a dead disk may never end.
    }
    this.#opened = undefined;
    this.cutOff('it is closed');
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
    if (generation.heldBlocks > 0 && this.isFindable) this.#inBackground(this.#describe(generation));
  }

  pin(generations: readonly Generation[], pinned: boolean): void {
    this.#space.pin(generations, pinned);
  }

  acquire(generation: Generation): void {
    generation.holders += 1;
    if (generation.holders > 1) return;
    this.#heldCount += 1;
    this.#noteUse(generation);
  }

  /** @param isUse whether somebody wanted it, which counts when room is needed */
  release(generation: Generation, isUse = true): void {
    generation.holders -= 1;
    if (generation.holders > 0) return;
    this.#heldCount -= 1;
    this.#inBackground(this.#files.rest(generation));
    // Once it was closed, the file may be that of a volume that was opened again.
    if (generation.forgotten && this.#opened !== undefined) this.#room.discard(generation, this.#pathOf(generation));
    if (isUse) this.#noteUse(generation);
    this.#health.foundRoom();
  }

  /** Blocks from the disk, checked. */
  get blocks(): Pick<BlockReader, 'read' | 'readInto'> {
    return this.#reader;
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  write(generation: Generation, block: number, bytes: Uint8Array, urgency: Urgency): Promise<void> {
    return this.#writer.write({ generation, block, bytes, urgency });
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
    if (generation.holders > 0) return;
    this.#inBackground(this.#files.forget(generation));
    if (this.#opened !== undefined) this.#room.discard(generation, this.#pathOf(generation));
  }

  /** As `forget`, and durable when it resolves. @throws OperationalError VOLUME_FULL, VOLUME_IO: it may come back after a restart */
  async forgetDurably(generation: Generation): Promise<void> {
    this.forget(generation, true);
    try {
      if (!this.#health.isFindable) throw new OperationalError('VOLUME_IO', `${this.dir} does not work`);
      await within(this.#options.world.clock, REMOVE_DEADLINE_MS, `remove in ${this.dir}`, this.flush());
    } catch (error) {
      // A row without its file is dropped at start, so on a full disk removing the file is as good.
      const full = isOperational(error, 'VOLUME_FULL');
      if (full && generation.heldBlocks > 0 && (await this.#room.discarded(this.#pathOf(generation)))) return;
      const failure = diskFailure(error, `remove in ${this.dir}`);
      this.#health.writeFailed(failure);
      throw failure;
    }
  }

  #createScrub({ periodMs, bulkShare, onFound }: ScrubOptions): VolumeScrub {
    return new VolumeScrub({
      volume: {
        isReadable: () => this.isFindable,
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
    if (generation.holders === 1) this.#heldCount += 1;
    try {
      return await this.#reader.check(generation, block);
    } finally {
      this.release(generation, false);
    }
  }

  #drop(generation: Generation, block: number, why: Loss, error?: unknown): void {
    if (!generation.blocks.delete(block)) return;
    this.#space.resize(generation, -generation.blockDiskBytes(block));
    // A disk that fails as a whole keeps its rows: it may come back, and then they are read anew.
    if (!this.isFindable) return;
    this.#opened?.queue.dropBlock(generation, block);
    const failure = this.#losses.note(generation, block, why, error);
    if (failure !== undefined) this.#health.distrust(failure.detail);
    this.#scrub?.found(generation, block);
    this.#options.onLost(generation, block);
  }

  /** The row has it already: what fails here costs a later rebuild of the index the newest description. */
  async #describe(generation: Generation): Promise<void> {
    this.acquire(generation);
    try {
      await this.#onDisk('write', { urgency: 'demand', bytes: 0 }, () => this.#files.of(generation).describe());
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

  /** An operation when it is its turn, measured, unless the disk is given up before. */
  #onDisk<T>(kind: OperationKind, work: Omit<LaneWork, 'what'>, operation: () => Promise<T>): Promise<T> {
    const what = `${kind} in ${this.dir}`;
    return this.#waiting.for(this.#lane.run({ ...work, what }, () => this.#health.observe(kind, operation)));
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
    await this.#writer.end();
    this.#inBackground(this.#files.close());
    while (this.#background.size > 0) await Promise.allSettled(this.#background);
    await this.#room.settle();
  }

  /** The next turn begins when the one before has ended. */
  #flushUsesAgain(): void {
    this.#useFlush = this.#options.world.clock.setTimer(this.#options.useFlushIntervalMs, () => {
      this.#inBackground(this.#flushUses());
    });
  }

  async #flushUses(): Promise<void> {
    try {
      await this.#health.observe('index', async () => this.#opened?.queue.flush(USES_PER_FLUSH));
    } catch (error) {
      this.#health.writeFailed(diskFailure(error, `write the index of ${this.dir}`));
    }
    if (!this.#closed) this.#flushUsesAgain();
  }
}

/** Last uses per transaction: some milliseconds. What is over waits for the next interval. */
const USES_PER_FLUSH = 2000;
/** How long who removes an object may wait for a disk. */
const REMOVE_DEADLINE_MS = 5000;
/** A disk that takes less than two blocks is still full. */
const PROBE_BYTES = 2 * BLOCK_BYTES;
