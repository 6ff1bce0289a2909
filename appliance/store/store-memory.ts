/**
 * What memory has of the blocks at rest: copies for who sends from buffers, and, where threads send by themselves, the
 * blocks that they send from.
 *
 * A copy is a buffer that nobody writes to again, and may be kept by a slow client for as long as it takes. What is in
 * shared memory may be given to another block as soon as no thread has it pinned, and the owner's buffers pin nothing: so
 * who sends from buffers gets a copy of that, too. Both are found by the generation, whose bytes never change.
 *
 * Where no thread reads, all of the memory is for copies; else most of it is shared, since that is where hits are.
 */
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import type { World } from '../../src/world/world.ts';
import type { Libc } from '../kernel/libc.ts';
import type { Arena, ArenaContent, LoadOutcome, SlotFill } from '../memory/arena.ts';
import { divideMemory, openArena } from '../memory/open-arena.ts';
import type { PublishedDescription } from '../memory/published.ts';
import type { Generation } from './generation.ts';
import { MemoryTier } from './memory-tier.ts';
import type { ObjectDescription } from './object-description.ts';

export interface StoreMemoryOptions {
  /** Of both together; 0 keeps no copies. */
  readonly memoryBytes: number;
  /** How many threads send from memory, where some do: it is shared with them then. */
  readonly readers?: { readonly libc: Libc; readonly count: number } | undefined;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly world: World;
}

export class StoreMemory {
  readonly #copies: MemoryTier;
  /** Those that may have nothing in shared memory any more: of a million objects that were there once, most have not. */
  readonly #idle = new Set<Generation>();
  /** Those that are shown, and some that have left the board by themselves. */
  readonly #shown = new Set<Generation>();
  /** Undefined where no thread reads. */
  readonly arena: Arena | undefined;

  constructor(options: StoreMemoryOptions) {
    const { readers, memoryBytes, logger, ...parts } = options;
    const share = readers === undefined ? undefined : divideMemory(memoryBytes);
    if (readers !== undefined && share !== undefined) {
      const { count: readerCount, libc } = readers;
      this.arena = openArena({ ...parts, libc, readerCount, memoryBytes: share.sharedBytes });
    }
    if (readers !== undefined && this.arena === undefined) {
      const why = share === undefined ? 'memoryBytes is too small to be shared' : 'the system gives no shared memory';
      logger.warn({ memoryBytes }, `${why}: no thread can send from memory`);
    }
    this.#copies = new MemoryTier(this.arena === undefined ? memoryBytes : (share?.copiesBytes ?? 0));
  }

  get usedBytes(): number {
    return this.#copies.usedBytes + (this.arena?.usage().usedBytes ?? 0);
  }

  has(generation: Generation, block: number): boolean {
    return this.#copies.has(generation.id, block) || this.#isShared(generation, block);
  }

  /** A copy that is there already. */
  get(generation: Generation, block: number): Uint8Array | undefined {
    return this.#copies.get(generation.id, block);
  }

  /** The block from shared memory, else from `load`, which must check it and answer undefined when there is none. */
  read(
    generation: Generation,
    block: number,
    load: () => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    return this.#copies.read(generation.id, block, () => {
      const { shared } = generation;
      const copied = shared === undefined ? undefined : this.arena?.copy(shared, block);
      return copied === undefined ? load() : Promise.resolve(copied);
    });
  }

  /** A block into the memory that threads send from. @throws what `checked` of `fill` rejects with */
  bringIn(generation: Generation, block: number, fill: SlotFill): Promise<LoadOutcome> {
    if (this.arena === undefined) return Promise.resolve('refused');
    const bytes = this.#isShared(generation, block) ? undefined : this.#copies.get(generation.id, block);
    if (bytes !== undefined) return this.putIn(generation, block, bytes);
    return this.arena.load(this.#contentOf(generation, this.arena), block, generation.blockBytes(block), fill);
  }

  putIn(generation: Generation, block: number, bytes: Uint8Array): Promise<LoadOutcome> {
    if (this.arena === undefined) return Promise.resolve('refused');
    return this.arena.put(this.#contentOf(generation, this.arena), block, bytes);
  }

  /** From now on threads may answer for it. */
  show(generation: Generation, description: PublishedDescription): boolean {
    const isShown = this.arena?.show(this.#contentOf(generation, this.arena), description) ?? false;
    if (isShown) this.#shown.add(generation);
    return isShown;
  }

  /** Threads begin no head for it any more. */
  hide(generation: Generation): void {
    this.#shown.delete(generation);
    if (generation.shared !== undefined) this.arena?.hide(generation.shared);
  }

  /** The same for all that are meant. */
  hideWhere(covers: (description: ObjectDescription) => boolean): void {
    for (const generation of this.#shown) if (covers(generation.description)) this.hide(generation);
  }

  /** The block was found bad where it came from. */
  lost({ shared }: Generation, block: number): void {
    if (shared !== undefined) this.arena?.drop(shared, block);
  }

  /** Nobody can find it any more and nobody holds it. */
  drop(generation: Generation): void {
    this.#copies.drop(generation.id, generation.blocks.held());
    this.leave(generation);
  }

  /** As `drop`, and copies stay until others take their place: there may be a million of such generations at a time. */
  leave(generation: Generation): void {
    if (generation.shared === undefined) return;
    this.#shown.delete(generation);
    this.arena?.end(generation.shared);
    generation.shared = undefined;
  }

  /** @throws OperationalError OVERLOADED when a thread does not say */
  settled(): Promise<void> {
    return this.arena?.settled() ?? Promise.resolve();
  }

  close(): void {
    this.#copies.clear();
    this.arena?.close();
  }

  #isShared({ shared }: Generation, block: number): boolean {
    return shared !== undefined && this.arena?.has(shared, block) === true;
  }

  #contentOf(generation: Generation, arena: Arena): ArenaContent {
    if (generation.shared === undefined) {
      this.#endIdle(arena);
      generation.shared = arena.begin(() => this.#idle.add(generation));
    }
    return generation.shared;
  }

  /** Who holds one knows its blocks by its number, and may want another of them: it keeps it. */
  #endIdle(arena: Arena): void {
    for (const generation of this.#idle) {
      const { holders, shared } = generation;
      const isIdle = shared?.isIdle === true;
      if (isIdle && holders > 0) continue;
      this.#idle.delete(generation);
      if (!isIdle) continue;
      this.#shown.delete(generation);
      arena.end(shared);
      generation.shared = undefined;
    }
  }
}
