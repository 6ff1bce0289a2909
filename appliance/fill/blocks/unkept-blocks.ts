/**
 * Blocks that no volume would take, kept in memory for a while, so that viewers of a file on a full or failing disk
 * share a fill as others do. Bounded in bytes; the oldest go first.
 */
export class UnkeptBlocks<Owner> {
  readonly #limitBytes: number;
  readonly #blocks = new Map<Owner, Map<number, Uint8Array>>();
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  find(owner: Owner, blockIndex: number): Uint8Array | undefined {
    return this.#blocks.get(owner)?.get(blockIndex);
  }

  add(owner: Owner, blockIndex: number, bytes: Uint8Array): void {
    if (bytes.length > this.#limitBytes) return;
    const blocks = this.#blocks.get(owner) ?? new Map<number, Uint8Array>();
    this.#blocks.set(owner, blocks);
    this.#usedBytes += bytes.length - (blocks.get(blockIndex)?.length ?? 0);
    blocks.delete(blockIndex);
    blocks.set(blockIndex, bytes);
    while (this.#usedBytes > this.#limitBytes) this.#dropOldest();
  }

  forget(owner: Owner): void {
    for (const bytes of this.#blocks.get(owner)?.values() ?? []) this.#usedBytes -= bytes.length;
    this.#blocks.delete(owner);
  }

  #dropOldest(): void {
    for (const [owner, blocks] of this.#blocks) {
      for (const [blockIndex, bytes] of blocks) {
        blocks.delete(blockIndex);
        this.#usedBytes -= bytes.length;
        if (blocks.size === 0) this.#blocks.delete(owner);
        return;
      }
    }
  }
}
