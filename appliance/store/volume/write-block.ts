import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import { crc32cOf } from '../checksum.ts';
import type { Generation } from '../generation.ts';
import type { Urgency } from '../object-store.ts';
import type { StoreMetrics } from '../store-metrics.ts';
import type { CommitQueue } from './commit-queue.ts';
import { diskFailure } from './data-file.ts';
import type { VolumeHealth } from './volume-health.ts';
import type { ReservedRoom, VolumeRoom } from './volume-room.ts';
import type { VolumeSpace } from './volume-space.ts';

/** The way of a block to a volume: room for it, its bytes to the disk, its row to the index. A block is written once. */
export class BlockWriter {
  readonly #options: BlockWriterOptions;
  readonly #writing = new Map<string, Promise<void>>();
  #isEnding = false;

  constructor(options: BlockWriterOptions) {
    this.#options = options;
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  write(write: BlockWrite): Promise<void> {
    const { block, generation } = write;
    if (generation.blocks.has(block)) return Promise.resolve();
    const key = `${generation.id}:${block}`;
    const writing = this.#writing.get(key);
    if (writing !== undefined) return writing;
    const written = this.#write(write).finally(() => this.#writing.delete(key));
    this.#writing.set(key, written);
    return written;
  }

  /** Takes no more, and resolves when nothing is being written. */
  async end(): Promise<void> {
    this.#isEnding = true;
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing.values());
  }

  async #write(write: BlockWrite): Promise<void> {
    const { dir, health, metrics, queue, room } = this.#options;
    if (this.#isEnding || queue() === undefined || health.writes === 'refused') {
      throw new OperationalError('VOLUME_IO', `${dir} takes no writes: it is closed or ${health.state}`);
    }
    const refusal = health.writeRefusal;
    if (refusal !== undefined) throw new OperationalError(refusal.code, refusal.detail, { cause: refusal });
    const reserved = room.reserve(write.generation.blockDiskBytes(write.block));
    try {
      await room.make();
      await this.#keep(write, reserved);
      metrics.writtenBytes.inc(write.bytes.length);
    } catch (error) {
      metrics.failedWrites.inc();
      throw error;
    } finally {
      reserved.giveBack();
    }
  }

  async #keep(write: BlockWrite, reserved: ReservedRoom): Promise<void> {
    const { dir, health, room } = this.#options;
    try {
      try {
        await this.#put(write, reserved);
      } catch (error) {
        if (!isOperational(error, 'VOLUME_FULL')) throw error;
        await room.makeOnDisk(reserved.bytes, error);
        await this.#put(write, reserved);
      }
      health.foundRoom();
    } catch (error) {
      const failure = diskFailure(error, `write in ${dir}`);
      health.writeFailed(failure);
      if (failure.code === 'OVERLOADED') throw new OperationalError('VOLUME_IO', failure.detail, { cause: failure });
      throw failure;
    }
  }

  /** Bytes to the disk, then the row. */
  async #put(write: BlockWrite, reserved: ReservedRoom): Promise<void> {
    const { dir, health, put, space, wait } = this.#options;
    const { block, bytes, generation } = write;
    const checksum = crc32cOf(bytes);
    await put(write, checksum);
    const queue = this.#options.queue();
    if (queue === undefined) throw new OperationalError('VOLUME_IO', `${dir} is closed`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const kept = (): void => {
      reserved.giveBack();
      space.resize(generation, reserved.bytes);
      resolve();
    };
    queue.keepBlock({ generation, block, checksum, kept, failed: reject });
    await wait(health.observe('index', () => promise));
  }
}

export interface BlockWrite {
  readonly generation: Generation;
  readonly block: number;
  readonly bytes: Uint8Array;
  readonly urgency: Urgency;
}

export interface BlockWriterOptions {
  readonly dir: string;
  readonly room: VolumeRoom;
  readonly space: VolumeSpace;
  readonly health: VolumeHealth;
  readonly metrics: StoreMetrics;
  /** Undefined: the volume is closed. */
  readonly queue: () => CommitQueue | undefined;
  /** Bytes to the disk, when it is their turn. */
  readonly put: (write: BlockWrite, checksum: number) => Promise<void>;
  /** What the work gives, unless the disk is given up before. */
  readonly wait: <T>(work: Promise<T>) => Promise<T>;
}
