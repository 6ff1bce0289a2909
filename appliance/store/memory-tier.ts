import { type ByRecency, byRecency } from '../memory/by-recency.ts';

/** What an entry costs besides its bytes: the key, the buffer's own object and the list. Measured, rounded up. */
const ENTRY_OVERHEAD_BYTES = 512;

/**
 * Verified blocks in memory, bounded in bytes, the least recently read leaving first. However many ask for a block that
 * is not here, it is loaded once. Every buffer in here is an allocation of its own that nobody writes to again, so it
 * may be handed out for as long as a slow client takes, also after it left the tier.
 */
export class MemoryTier {
  readonly #blocks: ByRecency<string, Uint8Array> | undefined;
  readonly #loading = new Map<string, Promise<Uint8Array | undefined>>();

  /** @param maxBytes 0 switches the tier off; loads are still shared. */
  constructor(maxBytes: number) {
    if (maxBytes <= 0) return;
    this.#blocks = byRecency<string, Uint8Array>({
      maxBytes,
      bytesOf: (bytes) => bytes.byteLength + ENTRY_OVERHEAD_BYTES,
    });
  }

  get usedBytes(): number {
    return this.#blocks?.calculatedSize ?? 0;
  }

  has(generation: number, block: number): boolean {
    return this.#blocks?.has(keyOf(generation, block)) ?? false;
  }

  get(generation: number, block: number): Uint8Array | undefined {
    return this.#blocks?.get(keyOf(generation, block));
  }

  /** The block from memory, else from `load`, which must check it and answer undefined when there is none. */
  read(
    generation: number,
    block: number,
    load: () => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    const key = keyOf(generation, block);
    const loading = this.#loading.get(key);
    if (loading !== undefined) return loading;
    const loaded = this.#load(key, load).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loaded);
    return loaded;
  }

  /** Lets go of blocks whose generation is no more. */
  drop(generation: number, blocks: Iterable<number>): void {
    if (this.#blocks === undefined) return;
    for (const block of blocks) this.#blocks.delete(keyOf(generation, block));
  }

  clear(): void {
    this.#blocks?.clear();
  }

  async #load(key: string, load: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    const bytes = await load();
    if (bytes !== undefined) this.#blocks?.set(key, bytes);
    return bytes;
  }
}

const keyOf = (generation: number, block: number): string => `${generation}:${block}`;
