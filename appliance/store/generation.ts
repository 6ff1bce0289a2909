import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import { BlockMap } from './block-map.ts';
import type { ObjectDescription } from './object-description.ts';
import type { ObjectState } from './object-store.ts';
import type { DataFile } from './volume/data-file.ts';
import type { Listed } from './volume/use-list.ts';

/** Space is accounted in the pages in which file systems give it out, or small objects would overrun the disk. */
const DISK_PAGE_BYTES = 4096;

/** The volume index of a generation that found no volume: it is served through and not kept. */
export const NOWHERE = -1;

/**
 * One generation of an object, as it is known in memory. It is shared by everybody who holds it; the last one to let
 * go of a forgotten generation lets its bytes go too.
 */
export class Generation implements ObjectState, Listed<Generation> {
  /** Counts up over all volumes and restarts: of two generations of one key the higher is the newer. */
  readonly id: number;
  readonly volumeIndex: number;
  readonly blocks: BlockMap;
  description: ObjectDescription;
  readonly sizeBytes: number;
  lastUsedMs: number;
  pinned = false;
  /** Those who acquired it and have not let go yet. */
  holders = 0;
  /** No longer found by its key: removed, evicted or replaced. */
  forgotten = false;
  lessRecent: Generation | undefined;
  moreRecent: Generation | undefined;
  /** Open while there are holders that needed the disk. */
  file: DataFile | undefined;

  /** @throws RangeError for a size that is none */
  constructor(id: number, volumeIndex: number, description: ObjectDescription, lastUsedMs: number) {
    const { sizeBytes } = description;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new RangeError(`no size: ${sizeBytes}`);
    this.id = id;
    this.volumeIndex = volumeIndex;
    this.description = description;
    this.sizeBytes = sizeBytes;
    this.lastUsedMs = lastUsedMs;
    this.blocks = new BlockMap(Math.ceil(sizeBytes / BLOCK_BYTES));
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
    return Math.ceil(this.blockBytes(block) / DISK_PAGE_BYTES) * DISK_PAGE_BYTES;
  }
}
