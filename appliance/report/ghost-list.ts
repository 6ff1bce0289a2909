/** A cache without content, by path and in the order of use: what would be held if there were so much space. */
export class GhostList {
  /** Held bytes, the least recently used path first. */
  readonly #entries = new Map<string, number>();
  #heldBytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** undefined when nothing of it is held. */
  heldOf(path: string): number | undefined {
    return this.#entries.get(path);
  }

  /** Uses a path, of which so much is held from now on, and lets go of others until all fit. */
  hold(path: string, bytes: number, capacityBytes: number): void {
    this.#forget(path);
    this.#entries.set(path, bytes);
    this.#heldBytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#heldBytes <= capacityBytes) return;
      this.#forget(oldest);
    }
  }

  keepOnly(isKept: (path: string) => boolean): void {
    for (const path of this.#entries.keys()) if (!isKept(path)) this.#forget(path);
  }

  #forget(path: string): void {
    this.#heldBytes -= this.#entries.get(path) ?? 0;
    this.#entries.delete(path);
  }
}
