import { OperationalError } from '../../src/errors/operational-error.ts';
import type { LoadOutcome } from '../memory/arena.ts';
import type { PublishedDescription } from '../memory/published.ts';
import type { Generation } from './generation.ts';
import type { ObjectDescription } from './object-description.ts';
import type { StoredObject, Urgency, WriteOutcome } from './object-store.ts';
import type { StoreMemory } from './store-memory.ts';
import type { StoreMetrics } from './store-metrics.ts';
import type { Volume } from './volume.ts';

/**
 * One holder's grip on a generation. Using it after it was released is a bug of the caller and throws; releasing it
 * twice is harmless. A read or write that is under way keeps the generation by itself.
 */
export class AcquiredObject implements StoredObject {
  readonly #generation: Generation;
  readonly #place: Place;
  #released = false;
  #hasServed = false;

  constructor(generation: Generation, place: Place) {
    this.#generation = generation;
    this.#place = place;
    place.acquire(generation);
  }

  get description(): ObjectDescription {
    return this.#generation.description;
  }

  get blockCount(): number {
    return this.#generation.blockCount;
  }

  get heldBlocks(): number {
    return this.#generation.heldBlocks;
  }

  get heldBytes(): number {
    return this.#generation.heldBytes;
  }

  get isLeft(): boolean {
    return this.#place.volume?.isFindable === false;
  }

  holds(blockIndex: number): boolean {
    if (this.#place.volume?.answersReads === false) return this.#place.memory.has(this.#generation, blockIndex);
    return this.#generation.blocks.has(blockIndex);
  }

  async read(blockIndex: number, urgency: Urgency = 'viewer'): Promise<Uint8Array | undefined> {
    this.#check(blockIndex);
    const { memory, metrics, volume } = this.#place;
    const generation = this.#generation;
    if (urgency === 'viewer') this.#noteServed(blockIndex);
    const isInMemory = memory.has(generation, blockIndex);
    if (isInMemory) metrics.reads.inc({ from: 'memory' });
    const bytes = memory.get(generation, blockIndex);
    if (bytes !== undefined) return bytes;
    if (!isInMemory && (volume === undefined || !generation.blocks.has(blockIndex))) return undefined;
    return this.#keeping(() =>
      memory.read(generation, blockIndex, () => {
        if (volume === undefined) return Promise.resolve(undefined);
        metrics.reads.inc({ from: 'disk' });
        return volume.blocks.read(generation, blockIndex, urgency);
      }),
    );
  }

  admits(blockIndex: number): boolean {
    const { volume } = this.#place;
    return volume !== undefined && (this.holds(blockIndex) || volume.space.admits(this.#generation, blockIndex));
  }

  async write(blockIndex: number, bytes: Uint8Array, urgency: Urgency = 'demand'): Promise<WriteOutcome> {
    this.#check(blockIndex);
    const { volume } = this.#place;
    const length = this.#generation.blockBytes(blockIndex);
    if (bytes.length !== length) throw new RangeError(`block ${blockIndex} has ${length} bytes, not ${bytes.length}`);
    if (volume === undefined) throw new OperationalError('VOLUME_FULL', 'no volume could take the object');
    if (urgency === 'demand' && !this.#isWorthKeeping(blockIndex, length)) return 'not-admitted';
    await this.#keeping(() => volume.write(this.#generation, blockIndex, bytes, urgency));
    return 'kept';
  }

  describe(description: ObjectDescription): void {
    if (this.#released) throw new Error('the object was released');
    const { key, sizeBytes, etag } = this.#generation.description;
    if (description.key !== key || description.sizeBytes !== sizeBytes || description.etag !== etag) {
      throw new Error('another key, size or entity tag is another generation: create it');
    }
    this.#generation.description = description;
    this.#place.memory.hide(this.#generation);
    this.#place.volume?.redescribe(this.#generation);
  }

  async bringIn(blockIndex: number, urgency: Urgency = 'viewer'): Promise<LoadOutcome> {
    this.#check(blockIndex);
    const { memory, metrics, volume } = this.#place;
    const generation = this.#generation;
    if (!memory.has(generation, blockIndex) && !generation.blocks.has(blockIndex)) return 'lost';
    return this.#keeping(() =>
      memory.bringIn(generation, blockIndex, (view) => {
        if (volume === undefined) return NOTHING_READ;
        metrics.reads.inc({ from: 'disk' });
        return volume.blocks.readInto(generation, blockIndex, urgency, view);
      }),
    );
  }

  async putIn(blockIndex: number, bytes: Uint8Array): Promise<LoadOutcome> {
    this.#check(blockIndex);
    const length = this.#generation.blockBytes(blockIndex);
    if (bytes.length !== length) throw new RangeError(`block ${blockIndex} has ${length} bytes, not ${bytes.length}`);
    return this.#keeping(() => this.#place.memory.putIn(this.#generation, blockIndex, bytes));
  }

  get isShown(): boolean {
    return this.#generation.shared?.record !== undefined;
  }

  show(description: PublishedDescription): boolean {
    if (this.#released) throw new Error('the object was released');
    return this.#place.isFound(this.#generation) && this.#place.memory.show(this.#generation, description);
  }

  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#released = true;
    this.#place.release(this.#generation);
  }

  async #keeping<T>(task: () => Promise<T>): Promise<T> {
    this.#place.acquire(this.#generation);
    try {
      return await task();
    } finally {
      this.#place.release(this.#generation);
    }
  }

  #isWorthKeeping(blockIndex: number, length: number): boolean {
    // Who fills on demand gives the block to somebody as well.
    this.#noteServed(blockIndex);
    const isWorth = this.admits(blockIndex);
    this.#place.volume?.space.offered(this.#generation, blockIndex);
    if (!isWorth) this.#place.metrics.refusedBytes.inc(length);
    return isWorth;
  }

  /**
   * Ranges within one block of several, one after the other, are one reading of it, whoever asks. An object of one block
   * is a segment, and is read in whole: each who takes it into his hands reads it once.
   */
  #noteServed(blockIndex: number): void {
    const isSameReading = this.#hasServed || this.blockCount > 1;
    if (isSameReading && this.#generation.servedBlock === blockIndex) return;
    this.#hasServed = true;
    this.#generation.servedBlock = blockIndex;
    this.#place.volume?.space.served(this.#generation, this.#generation.blockBytes(blockIndex));
  }

  #check(blockIndex: number): void {
    if (this.#released) throw new Error('the object was released');
    if (!Number.isInteger(blockIndex) || blockIndex < 0 || blockIndex >= this.#generation.blockCount) {
      throw new RangeError(`${this.#generation.key} has no block ${blockIndex}`);
    }
  }
}

const NOTHING_READ = { checked: Promise.resolve(false), ended: Promise.resolve() };

/** Where the bytes of a generation are, and whom to tell who holds it. */
export interface Place {
  /** Undefined when no volume could take it. */
  readonly volume: Volume | undefined;
  readonly memory: StoreMemory;
  readonly metrics: StoreMetrics;
  /** Whether it is the one under its key: not when it was forgotten, or its volume is gone. */
  readonly isFound: (generation: Generation) => boolean;
  readonly acquire: (generation: Generation) => void;
  readonly release: (generation: Generation) => void;
}
