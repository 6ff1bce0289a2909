import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { BlockMap, pageOf } from '../block-map.ts';
import type { ObjectIndex } from '../object-index.ts';
import { diskFailure } from '../volume/data-file.ts';
import type { VolumeLayout } from '../volume/volume-layout.ts';
import { type FileAccount, readAccount } from './tail-on-disk.ts';

/**
 * Makes a new index from what the data files say of themselves (file-tail.ts), after the old one was lost or damaged.
 *
 * Walks the folders and reads the tails, not the blocks: four system calls per file, so that a volume's size in bytes
 * does not matter, only its number of files. What a tail claims is believed as a row is: the checksum decides when a
 * block is read. Of several generations of a key all are taken, and the store keeps the newest, as after every start.
 *
 * Who must not come back: a removed object, and an older generation that outlived its newer one. The order of steps, and
 * what a kill between them leaves:
 *
 * | step | killed after it, with the index | killed after it, index lost as well |
 * | --- | --- | --- |
 * | write 1: bytes | no row: a file without rows goes, else space only | no entry: not there |
 * | write 2: entry and header in the tail | as before | there, whole, though never acknowledged |
 * | write 3: row; the writer is told | there | there |
 * | removal 1: footer overwritten (removed, or still read) | the row brings it back, removal was not acknowledged | gone |
 * | removal 2: row deleted; who removes is told | the file is an orphan and goes at the start | gone |
 * | removal 3: file unlinked | gone | gone |
 * | eviction: row and file, in any order | gone, or back if neither was done | back if the file still is |
 * | redescribe: row and slot, in any order | the newer by the row | the newer or the one before, never a mixture |
 *
 * So what was removed stays away; an evicted object may return, whose bytes are as good as they were. One gap is left:
 * a first block whose tail is written in the very moment in which its object is removed, a kill before the file is
 * unlinked, and the index lost before the next start.
 *
 * Limits: files of before there were tails, objects of no bytes (there is no file), and last uses (the time of the last
 * write stands for it) are lost with the index.
 */
export function rebuildIndex(
  index: ObjectIndex,
  layout: VolumeLayout,
  onProgress: (progress: RebuildProgress) => void,
): void {
  const folders = layout.folders();
  const progress = { files: 0, objects: 0, blocks: 0, folders: 0, allFolders: folders.length };
  const reader = new AccountReader(layout);
  for (const folder of folders) {
    const names = readdirSync(folder);
    const accounts = names.map((name) => reader.read(folder, name)).filter((account) => account !== undefined);
    index.transaction(() => {
      for (const account of accounts) progress.blocks += put(index, account);
    });
    progress.files += names.length;
    progress.objects += accounts.length;
    progress.folders += 1;
    onProgress({ ...progress });
  }
}

export interface RebuildProgress {
  readonly files: number;
  readonly objects: number;
  readonly blocks: number;
  readonly folders: number;
  readonly allFolders: number;
}

/** One bad sector costs one file; a disk that fails as a whole is tried again when it works. */
const FAILURES_IN_A_ROW = 3;

class AccountReader {
  readonly #layout: VolumeLayout;
  #failuresInARow = 0;

  constructor(layout: VolumeLayout) {
    this.#layout = layout;
  }

  /** @throws OperationalError VOLUME_IO */
  read(folder: string, name: string): FileAccount | undefined {
    const path = join(folder, name);
    try {
      const account = readAccount(path, BLOCK_BYTES);
      this.#failuresInARow = 0;
      return account !== undefined && this.#isOf(account, path) ? account : undefined;
    } catch (error) {
      this.#failuresInARow += 1;
      if (this.#failuresInARow >= FAILURES_IN_A_ROW) throw diskFailure(error, `read ${path}`);
      return undefined;
    }
  }

  /** A file that was moved or copied to another's name is not what its tail says. */
  #isOf({ header, sizeBytes }: FileAccount, path: string): boolean {
    try {
      const description = JSON.parse(header.description) as { readonly key?: unknown; readonly sizeBytes?: unknown };
      const { key } = description;
      return (
        description.sizeBytes === sizeBytes &&
        typeof key === 'string' &&
        this.#layout.dataPath(key, header.generation) === path
      );
    } catch {
      return false;
    }
  }
}

/** @returns how many blocks it holds */
function put(index: ObjectIndex, { header, sizeBytes, held, writtenAtMs }: FileAccount): number {
  const blocks = new BlockMap(Math.ceil(sizeBytes / BLOCK_BYTES));
  const pages = new Set<number>();
  for (const [block, checksum] of held) {
    blocks.add(block, checksum);
    pages.add(pageOf(block));
  }
  if (blocks.heldCount === 0) return 0;
  index.putObject(header.generation, header.description);
  for (const page of pages) index.putPage(header.generation, page, blocks.page(page));
  index.putUse(header.generation, writtenAtMs);
  return blocks.heldCount;
}
