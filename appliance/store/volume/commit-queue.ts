import { pageOf } from '../block-map.ts';
import type { Generation } from '../generation.ts';
import type { ObjectIndex } from '../object-index.ts';

/**
 * What the index of a volume has still to learn, written in one transaction per turn of the event loop.
 *
 * A transaction costs tens of microseconds however little is in it, so blocks that arrive together share one. Nothing
 * here is a log of operations: the queue remembers *what* changed and writes it as it is when its turn comes, so ten
 * changes of a page are one row, and a transaction that failed is simply tried again with the next. Only block writes
 * have somebody waiting: they count as held when their transaction is through, and are told when it fails.
 */
export class CommitQueue {
  readonly #index: ObjectIndex;
  readonly #changed = new Set<Generation>();
  readonly #changedPages = new Map<Generation, Set<number>>();
  readonly #deleted = new Set<number>();
  readonly #used = new Set<Generation>();
  #blocks: PendingBlock[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  constructor(index: ObjectIndex) {
    this.#index = index;
  }

  /** The description is new or changed. */
  putObject(generation: Generation): void {
    if (generation.forgotten) return;
    this.#changed.add(generation);
    this.#schedule();
  }

  deleteObject(generation: Generation): void {
    this.#changed.delete(generation);
    this.#changedPages.delete(generation);
    this.#used.delete(generation);
    this.#deleted.add(generation.id);
    this.#schedule();
  }

  /** A block left the map. */
  dropBlock(generation: Generation, block: number): void {
    this.#changePage(generation, block);
    this.#schedule();
  }

  /** A last use, which can wait for `flush`. */
  noteUse(generation: Generation): void {
    if (!generation.forgotten) this.#used.add(generation);
  }

  /** The bytes are on the disk: holds the block from the next commit on. */
  keepBlock(block: PendingBlock): void {
    this.#blocks.push(block);
    this.#schedule();
  }

  /**
   * Writes everything now. @param withUses last uses too, at most so many.
   * @throws OperationalError VOLUME_FULL, VOLUME_IO; what is not block writes is tried again with the next flush
   */
  flush(withUses = 0): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const blocks = this.#blocks;
    this.#blocks = [];
    for (const { generation, block, checksum } of blocks) {
      generation.blocks.add(block, checksum);
      this.#changePage(generation, block);
    }
    const uses = this.#firstUses(withUses);
    try {
      if (this.#hasWork(uses.length)) this.#index.transaction(() => this.#write(uses));
    } catch (error) {
      for (const { generation, block } of blocks) generation.blocks.delete(block);
      for (const { failed } of blocks) failed(error);
      throw error;
    }
    this.#changed.clear();
    this.#changedPages.clear();
    this.#deleted.clear();
    for (const generation of uses) this.#used.delete(generation);
    for (const { kept } of blocks) kept();
  }

  /** Last uses that wait for a flush. */
  get waitingUses(): number {
    return this.#used.size;
  }

  #firstUses(count: number): Generation[] {
    const uses: Generation[] = [];
    for (const generation of this.#used) {
      if (uses.length >= count) break;
      uses.push(generation);
    }
    return uses;
  }

  #hasWork(uses: number): boolean {
    return this.#changed.size + this.#changedPages.size + this.#deleted.size + uses > 0;
  }

  #write(uses: readonly Generation[]): void {
    for (const id of this.#deleted) this.#index.deleteObject(id);
    for (const { id, description } of this.#changed) this.#index.putObject(id, description);
    for (const [{ id, blocks }, pages] of this.#changedPages) {
      for (const page of pages) this.#index.putPage(id, page, blocks.page(page));
    }
    for (const { id, lastUsedMs } of uses) this.#index.putUse(id, lastUsedMs);
  }

  #changePage(generation: Generation, block: number): void {
    if (generation.forgotten) return;
    const pages = this.#changedPages.get(generation);
    if (pages === undefined) this.#changedPages.set(generation, new Set([pageOf(block)]));
    else pages.add(pageOf(block));
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      try {
        this.flush();
      } catch {
        // Block writes were told, and they are what puts the volume into its state; the rest waits for the next flush.
      }
    });
  }
}

interface PendingBlock {
  readonly generation: Generation;
  readonly block: number;
  readonly checksum: number;
  /** Called inside `flush`, once the block is held. */
  readonly kept: () => void;
  readonly failed: (error: unknown) => void;
}
