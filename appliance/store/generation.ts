import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import type { ArenaContent } from '../memory/arena.ts';
import { BlockMap } from './block-map.ts';
import type { ObjectDescription } from './object-description.ts';
import type { ObjectState } from './object-store.ts';
import type { DataFile } from './volume/data-file.ts';
import type { Listed } from './volume/use-list.ts';

/**
 * Many descriptions as the index gave them, one stretch of text. As an object a description costs a kilobyte and two
 * microseconds, which is half of a start with a million objects, of which hardly any will be asked for today.
 */
export interface DescriptionTexts {
  /** JSON of an ObjectDescription. */
  readonly at: (place: number) => string;
}

/** What a start must know of every object, and where the rest is. */
export interface PackedDescription {
  readonly key: string;
  readonly sizeBytes: number;
  readonly texts: DescriptionTexts;
  readonly place: number;
}

/**
 * Space is accounted in the pages in which file systems give it out, or small objects would overrun the disk: an object
 * of a hundred bytes takes two pages, one for its bytes and one for the tail behind them (files/file-tail.ts). A tail
 * counts with the last block, as far as that leaves room in its MiB: what is left out is 0.4 % of an object of whole
 * blocks, and the second page of a tail whose description is longer than 793 bytes.
 */
const DISK_PAGE_BYTES = 4096;
const TAIL_BYTES = DISK_PAGE_BYTES;

/** The volume index of a generation that found no volume: it is served through and not kept. */
export const NOWHERE = -1;

export const NO_SLOT = -1;

/**
 * One generation of an object, as it is known in memory. It is shared by everybody who holds it; the last one to let
 * go of a forgotten generation lets its bytes go too.
 */
export class Generation implements ObjectState, Listed<Generation> {
  /** Counts up over all volumes and restarts: of two generations of one key the higher is the newer. */
  readonly id: number;
  readonly volumeIndex: number;
  readonly blocks: BlockMap;
  readonly key: string;
  readonly sizeBytes: number;
  lastUsedMs: number;
  pinned = false;
  /** How many first blocks the plan wants of it; undefined where that is all, or nothing. */
  headBlocks: number | undefined;
  /** Those who acquired it and have not let go yet. */
  holders = 0;
  /** No longer found by its key: removed, evicted or replaced. */
  forgotten = false;
  /** What the eviction policy knows it by; NO_SLOT while it is pinned or holds no block. */
  slot = NO_SLOT;
  /** Bytes given since it last counted as asked for, and how many it takes to count again. */
  servedBytes = 0;
  countsAtBytes = 0;
  /** The block that was given last. */
  servedBlock = -1;
  lessRecent: Generation | undefined;
  moreRecent: Generation | undefined;
  /** Open while there are holders that needed the disk. */
  file: DataFile | undefined;
  /** What it has in the memory that threads send from; undefined when it has nothing there. */
  shared: ArenaContent | undefined;
  #description: ObjectDescription | undefined;
  /** Where the description still is, until somebody asks for it. */
  #texts: DescriptionTexts | undefined;
  #textPlace = 0;

  /** @throws RangeError for a size that is none */
  constructor(id: number, volumeIndex: number, description: ObjectDescription | PackedDescription, lastUsedMs: number) {
    const { key, sizeBytes } = description;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new RangeError(`no size: ${sizeBytes}`);
    this.id = id;
    this.volumeIndex = volumeIndex;
    this.key = key;
    this.sizeBytes = sizeBytes;
    if ('texts' in description) {
      this.#texts = description.texts;
      this.#textPlace = description.place;
    } else this.#description = description;
    this.lastUsedMs = lastUsedMs;
    this.blocks = new BlockMap(Math.ceil(sizeBytes / BLOCK_BYTES));
  }

  get description(): ObjectDescription {
    if (this.#texts !== undefined) this.description = JSON.parse(this.#texts.at(this.#textPlace)) as ObjectDescription;
    if (this.#description === undefined) throw new Error(`${this.key} has no description`);
    return this.#description;
  }

  set description(description: ObjectDescription) {
    this.#texts = undefined;
    this.#description = description;
  }

  get blockCount(): number {
    return this.blocks.blockCount;
  }

  get heldBlocks(): number {
    return this.blocks.heldCount;
  }

  get heldBytes(): number {
    const last = this.blockCount - 1;
    const lacksBytes = this.blocks.has(last) ? BLOCK_BYTES - this.blockBytes(last) : 0;
    return this.heldBlocks * BLOCK_BYTES - lacksBytes;
  }

  /** What its held blocks take on the disk. */
  get diskBytes(): number {
    const last = this.blockCount - 1;
    const lacksBytes = this.blocks.has(last) ? BLOCK_BYTES - this.blockDiskBytes(last) : 0;
    return this.heldBlocks * BLOCK_BYTES - lacksBytes;
  }

  /** The exact length of a block. */
  blockBytes(block: number): number {
    return Math.min(BLOCK_BYTES, this.sizeBytes - block * BLOCK_BYTES);
  }

  blockDiskBytes(block: number): number {
    const pageBytes = Math.ceil(this.blockBytes(block) / DISK_PAGE_BYTES) * DISK_PAGE_BYTES;
    return Math.min(BLOCK_BYTES, pageBytes + (block === this.blockCount - 1 ? TAIL_BYTES : 0));
  }
}
