import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { MemoryFile } from '../../memory/memory-file.ts';
import type { PublishedObject, PublishedReader } from '../../memory/published.ts';

/** The memory file, as this thread has mapped it. */
export type MappedMemory = Pick<MemoryFile, 'view'>;

/** Blocks that one body may have pinned before its head: a range of 2 MiB has parts of three. */
const MAX_PINNED_AHEAD = 4;

/**
 * The bytes of one body, straight out of verified memory, piece by piece. What a piece points into is pinned until the
 * piece was taken, so it does not change under whoever encrypts it.
 */
export class PinnedBody {
  readonly #reader: PublishedReader;
  readonly #memory: MappedMemory;
  readonly #object: PublishedObject;
  /** The next byte to send. */
  #at: number;
  readonly #last: number;
  /** Slots of the blocks from `#block` on. */
  readonly #pinned: number[] = [];
  #block: number;

  /** @param first,last bytes of the object, inclusive */
  constructor(reader: PublishedReader, memory: MappedMemory, object: PublishedObject, first: number, last: number) {
    this.#reader = reader;
    this.#memory = memory;
    this.#object = object;
    this.#at = first;
    this.#last = last;
    this.#block = Math.floor(first / BLOCK_BYTES);
  }

  get object(): PublishedObject {
    return this.#object;
  }

  get firstBlock(): number {
    return this.#block;
  }

  get lastBlock(): number {
    return Math.floor(this.#last / BLOCK_BYTES);
  }

  get isDone(): boolean {
    return this.#at > this.#last;
  }

  /** Pins every block of a short body. @returns false when it is long or not all in memory; then nothing is pinned */
  pinAll(): boolean {
    const { firstBlock, lastBlock } = this;
    if (lastBlock - firstBlock >= MAX_PINNED_AHEAD) return false;
    for (let block = firstBlock; block <= lastBlock; block += 1) {
      if (this.#pin(block)) continue;
      this.release();
      return false;
    }
    return true;
  }

  /** Pins the block that is next. @returns false when it is not in memory */
  pinNext(): boolean {
    return this.#pinned.length > 0 || this.#pin(this.#block);
  }

  /** The next bytes, at most so many, out of the block that is pinned. */
  piece(maxBytes: number): Uint8Array {
    const [slot] = this.#pinned;
    if (slot === undefined) throw new Error('the next block is not pinned');
    const inBlock = this.#at - this.#block * BLOCK_BYTES;
    const length = Math.min(maxBytes, BLOCK_BYTES - inBlock, this.#last + 1 - this.#at);
    return this.#memory.view(slot, inBlock + length).subarray(inBlock);
  }

  /** So many of the bytes of the last piece were taken: its block is let go when all of it was. */
  taken(bytes: number): void {
    this.#at += bytes;
    const isBlockOut = this.isDone || this.#at >= (this.#block + 1) * BLOCK_BYTES;
    if (!isBlockOut) return;
    const slot = this.#pinned.shift();
    if (slot !== undefined) this.#reader.unpin(slot);
    this.#block += 1;
  }

  /** Lets go of what is pinned still. */
  release(): void {
    for (const slot of this.#pinned) this.#reader.unpin(slot);
    this.#pinned.length = 0;
  }

  #pin(block: number): boolean {
    const slot = this.#reader.pin(this.#object, block);
    if (slot < 0) return false;
    this.#pinned.push(slot);
    return true;
  }
}
