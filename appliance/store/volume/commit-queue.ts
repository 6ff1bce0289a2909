import { pageOf } from '../block-map.ts';
import type { Durability } from '../durability.ts';
import type { Generation } from '../generation.ts';
import type { IndexBatch } from './index-messages.ts';

/** Where batches go: the index in its thread. */
export interface BatchWriter {
  commit(batch: IndexBatch): Promise<void>;
}

/**
 * What the index of a volume has still to learn, one transaction at a time.
 *
 * A transaction costs tens of microseconds however little is in it, and the way to its thread as much again, so
 * everything that comes while one is on its way shares the next. Nothing here is a log of operations: the queue
 * remembers *what* changed and writes it as it is when its turn comes, so ten changes of a page are one row, and what
 * a transaction failed to write is written with the next. Only block writes have somebody waiting: they count as held
 * when their transaction is through, and are told when it fails.
 *
 * With durability `power` the data files of its blocks are synced before a transaction, once for all blocks of a file
 * that came meanwhile, and the index after it, so that no row claims bytes that a power cut took.
 *
 * Why `process` is the default: all that a power cut can take is blocks of the last seconds, which are fetched again, and
 * rows whose bytes are not there are found by their checksums. A sync for every group makes every fill wait for the disk
 * to empty its cache, and viewers' reads wait behind that. A sync every second loses less than the kernel's own
 * write-back, but what it loses costs refills as well. With 64 writers a disk of a quiet virtual machine
 * took 990 (none), 1758 (every second) and 1125 MB/s (every group): a disk that does not wait for itself shows no
 * difference, so the choice is the operator's (`bench -- store` says what a disk takes). 64 writers of rows alone made
 * 85,000 blocks in 1300 transactions a second, p50 0.5 ms and p99 13 ms, in that run.
 */
export class CommitQueue {
  readonly #writer: BatchWriter;
  readonly #durability: Durability;
  readonly #changed = new Set<Generation>();
  readonly #changedPages = new Map<Generation, Set<number>>();
  readonly #deleted = new Set<number>();
  readonly #buried = new Set<string>();
  readonly #used = new Set<Generation>();
  #blocks: PendingBlock[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  /** Never rejects. */
  #inFlight: Promise<void> | undefined;

  constructor(writer: BatchWriter, durability: Durability = 'process') {
    this.#writer = writer;
    this.#durability = durability;
  }

  /** The description is new or changed. */
  putObject(generation: Generation): void {
    if (generation.forgotten) return;
    this.#changed.add(generation);
    this.#schedule();
  }

  /** @param file its data file, when that stays for a while: no rebuilt index shall bring it back */
  deleteObject(generation: Generation, file?: string): void {
    this.#changed.delete(generation);
    this.#changedPages.delete(generation);
    this.#used.delete(generation);
    this.#deleted.add(generation.id);
    if (file !== undefined) this.#buried.add(file);
    this.#schedule();
  }

  /** A block left the map. */
  dropBlock(generation: Generation, block: number): void {
    this.#changePage(generation, pageOf(block));
    this.#schedule();
  }

  /** A last use, which can wait for `flush`. */
  noteUse(generation: Generation): void {
    if (!generation.forgotten) this.#used.add(generation);
  }

  /** The bytes are on the disk: holds the block once it is committed. */
  keepBlock(block: PendingBlock): void {
    this.#blocks.push(block);
    this.#schedule();
  }

  /**
   * Resolves when everything that was asked for before is committed. @param maxUses last uses too, at most so many
   * @throws OperationalError VOLUME_FULL, VOLUME_IO
   */
  async flush(maxUses = 0): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight;
    if (maxUses > 0 || this.#hasWork) await this.#commit(maxUses);
  }

  #schedule(): void {
    if (this.#inFlight !== undefined) return;
    this.#scheduled ??= setImmediate(() => {
      // Whoever waits for a block is told; the rest waits for the next turn.
      this.#commit(0).catch(() => undefined);
    });
  }

  async #commit(maxUses: number): Promise<void> {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    const taken = this.#take(maxUses);
    const outcome = this.#write(taken);
    this.#inFlight = outcome.then(
      () => {
        this.#inFlight = undefined;
        for (const { generation, block, checksum, kept } of taken.blocks) {
          generation.blocks.add(block, checksum);
          kept();
        }
        if (this.#hasWork) this.#schedule();
      },
      (error: unknown) => {
        this.#inFlight = undefined;
        this.#putBack(taken);
        for (const { failed } of taken.blocks) failed(error);
        // Only for blocks that came meanwhile: what failed now would fail at once again.
        if (this.#blocks.length > 0) this.#schedule();
      },
    );
    await outcome;
    await this.#inFlight;
  }

  async #write({ batch, blocks }: Taken): Promise<void> {
    if (this.#durability === 'power') {
      const files = new Set(blocks.map(({ generation }) => generation.file));
      await Promise.all([...files].map(async (file) => file?.sync()));
    }
    await this.#writer.commit(batch);
  }

  get #hasWork(): boolean {
    return this.#blocks.length + this.#changed.size + this.#changedPages.size + this.#deleted.size > 0;
  }

  #take(maxUses: number): Taken {
    const blocks = this.#blocks;
    this.#blocks = [];
    // The rows show the blocks as held already; the map only once the rows are there.
    for (const { generation, block, checksum } of blocks) {
      generation.blocks.add(block, checksum);
      this.#changePage(generation, pageOf(block));
    }
    const changed = [...this.#changed];
    const pages = [...this.#changedPages].flatMap(([generation, numbers]) =>
      [...numbers].map((page) => ({ generation, page })),
    );
    const deleted = [...this.#deleted];
    const buried = [...this.#buried];
    const used = this.#takeUses(maxUses);
    const batch = {
      deleted,
      buried,
      objects: changed.map(({ id, description }) => [id, JSON.stringify(description)] as const),
      pages: pages.map(({ generation, page }) => [generation.id, page, generation.blocks.page(page)?.slice()] as const),
      uses: used.map(({ id, lastUsedMs }) => [id, lastUsedMs] as const),
    };
    for (const { generation, block } of blocks) generation.blocks.delete(block);
    this.#changed.clear();
    this.#changedPages.clear();
    this.#deleted.clear();
    this.#buried.clear();
    return { batch, blocks, changed, pages, used };
  }

  #takeUses(count: number): Generation[] {
    const taken: Generation[] = [];
    for (const generation of this.#used) {
      if (taken.length >= count) break;
      taken.push(generation);
      this.#used.delete(generation);
    }
    return taken;
  }

  #putBack({ batch, changed, pages, used }: Taken): void {
    for (const generation of changed) if (!generation.forgotten) this.#changed.add(generation);
    for (const { generation, page } of pages) this.#changePage(generation, page);
    for (const id of batch.deleted) this.#deleted.add(id);
    for (const file of batch.buried) this.#buried.add(file);
    for (const generation of used) this.noteUse(generation);
  }

  #changePage(generation: Generation, page: number): void {
    if (generation.forgotten) return;
    const pages = this.#changedPages.get(generation);
    if (pages === undefined) this.#changedPages.set(generation, new Set([page]));
    else pages.add(page);
  }
}

interface PendingBlock {
  readonly generation: Generation;
  readonly block: number;
  readonly checksum: number;
  /** Called in the turn in which the block becomes held. */
  readonly kept: () => void;
  readonly failed: (error: unknown) => void;
}

interface Taken {
  readonly batch: IndexBatch;
  readonly blocks: readonly PendingBlock[];
  readonly changed: readonly Generation[];
  readonly pages: readonly { readonly generation: Generation; readonly page: number }[];
  readonly used: readonly Generation[];
}
