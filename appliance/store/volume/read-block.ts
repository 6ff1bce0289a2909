import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock } from '../../../src/world/world.ts';
import { crc32cOf } from '../checksum.ts';
import type { Generation } from '../generation.ts';
import type { Urgency } from '../object-store.ts';
import { DirectReader } from '../scrub/direct-read.ts';
import type { BlockCheck } from '../scrub/volume-scrub.ts';
import { type DataFile, diskFailure, errnoOf } from './data-file.ts';
import type { Loss } from './loss-log.ts';

/**
 * Blocks from a disk, each compared with the checksum that was taken when it came.
 *
 * A block that does not match is read once more before it is called lost. It may have been lost already and written
 * anew at the same place while the read was under way: then what was read is half old and half new, and dropping the
 * block would lose a good one. Only a block that is held is read, and it is held only after all of it is written, so
 * the second read meets one block and not two.
 *
 * What is read into shared memory goes past the page cache (O_DIRECT). A MiB that also has to be given pages of the cache
 * costs twice the processor (410 against 222 microseconds, with its checksum), and what the cache would keep is better
 * kept in the memory that is sent from: `memoryBytes` is a share of the machine's memory for that reason.
 *
 * Why there are no threads of our own that read and compare: tried, twelve to a disk, each with the shared memory mapped.
 * They take a MiB off the owner's loop (54 microseconds of it in place of 232) and cost 297 of processor in place of 222,
 * 370 where jobs are messages. A loop that gives a quarter of a core to a GB per second is not what limits an appliance
 * that has to send it; the blocking call itself is on a thread of libuv either way.
 */
export class BlockReader {
  readonly #options: BlockReaderOptions;
  readonly #direct: DirectReader;

  constructor(options: BlockReaderOptions) {
    this.#options = options;
    this.#direct = new DirectReader(BLOCK_BYTES);
  }

  /** Whether `check` reads past the page cache, as far as is known. */
  get readsDisk(): boolean {
    return this.#direct.isDirect;
  }

  /**
   * The block. Undefined when it is not held, or not any more: rotten and unreadable blocks are dropped.
   * @throws OperationalError OVERLOADED when the disk has too much in hand
   */
  async read(generation: Generation, block: number, urgency: Urgency): Promise<Uint8Array | undefined> {
    const { fileOf } = this.#options;
    const length = generation.blockBytes(block);
    const outcome = await this.#look(generation, block, urgency, async () => {
      // An allocation of its own: memory tier and clients keep it, so it must not share a pool.
      const buffer = Buffer.allocUnsafeSlow(length);
      const count = await fileOf(generation).read(buffer, block * BLOCK_BYTES);
      return buffer.subarray(0, count);
    });
    return outcome.kind === 'good' ? outcome.bytes : undefined;
  }

  /**
   * The block into memory of somebody else. `checked`: whether it is there, right; rejects as `read` does. `ended`: the
   * disk writes no more to the view. An operation that was given up on may end long after, and one that still waits for
   * its turn must not begin then.
   */
  readInto(generation: Generation, block: number, urgency: Urgency, view: Uint8Array): ReadInto {
    const { fileOf } = this.#options;
    let isGivenUp = false;
    let last: Promise<unknown> = Promise.resolve();
    const looked = this.#look(generation, block, urgency, () => {
      if (isGivenUp) return Promise.reject(new OperationalError('VOLUME_IO', 'nobody waits for the block any more'));
      const reading = fileOf(generation).readPastCache(view, block * BLOCK_BYTES);
      last = reading;
      return reading.then((count) => view.subarray(0, count));
    });
    const checked = looked.then(({ kind }) => kind === 'good');
    const over = (): Promise<unknown> => {
      isGivenUp = true;
      return last;
    };
    const ended = checked.then(over, over).then(noMore, noMore);
    return { checked, ended };
  }

  /** Whether the block is right on the disk itself. @throws OperationalError OVERLOADED when there is no time for it */
  async check(generation: Generation, block: number): Promise<BlockCheck> {
    const { clock, pathOf } = this.#options;
    const path = pathOf(generation);
    let tookMs = 0;
    const outcome = await this.#look(generation, block, 'scrub', async () => {
      const beganAtMs = clock.monotonicMs();
      try {
        const bytes = await this.#direct.read(path, block * BLOCK_BYTES, generation.blockBytes(block));
        tookMs = clock.monotonicMs() - beganAtMs;
        return bytes;
      } catch (error) {
        throw diskFailure(error, `read ${path}`);
      }
    });
    return outcome.kind === 'good' ? { kind: 'good', tookMs } : outcome;
  }

  async #look(
    generation: Generation,
    block: number,
    urgency: Urgency,
    operation: () => Promise<Uint8Array>,
  ): Promise<Look> {
    const { dir, drop, isReadable, run } = this.#options;
    const bytes = generation.blockBytes(block);
    for (let isSecond = false; ; isSecond = true) {
      if (!isReadable() || !generation.blocks.has(block)) return { kind: 'gone' };
      const checksum = generation.blocks.checksum(block);
      try {
        const found = await run(urgency, bytes, operation);
        if (found.length === bytes && crc32cOf(found) === checksum) return { kind: 'good', bytes: found };
        if (!isSecond) continue;
        drop(generation, block, found.length === bytes ? 'rotten' : 'missing', undefined);
      } catch (error) {
        const failure = diskFailure(error, `read in ${dir}`);
        if (failure.code === 'OVERLOADED') throw failure;
        const missing = errnoOf(failure) === 'ENOENT';
        drop(generation, block, missing ? 'missing' : 'unreadable', failure);
      }
      return { kind: 'lost' };
    }
  }
}

export interface BlockReaderOptions {
  readonly dir: string;
  readonly clock: Clock;
  /** Whether the volume answers. */
  readonly isReadable: () => boolean;
  /** Runs an operation of the disk when it is its turn. @throws OperationalError when there is none, or the disk is given up */
  readonly run: (urgency: Urgency, bytes: number, operation: () => Promise<Uint8Array>) => Promise<Uint8Array>;
  readonly fileOf: (generation: Generation) => DataFile;
  readonly pathOf: (generation: Generation) => string;
  /** The block is not held any more. */
  readonly drop: (generation: Generation, block: number, why: Loss, error: OperationalError | undefined) => void;
}

interface ReadInto {
  readonly checked: Promise<boolean>;
  readonly ended: Promise<void>;
}

const noMore = (): void => undefined;

type Look =
  | { readonly kind: 'good'; readonly bytes: Uint8Array }
  | { readonly kind: 'lost' }
  | { readonly kind: 'gone' };
