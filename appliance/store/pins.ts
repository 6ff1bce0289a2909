import type { Generation } from './generation.ts';

/**
 * What the plan wants kept. Of some objects it wants the first blocks only, so that they start at once; such an object
 * is pinned as long as it holds no more than these. When viewers have fetched more of it, it stands among what viewers
 * asked for, or every tail of every head would be kept for ever. If it has to leave then, it leaves as a whole, and the
 * plan fills its head again in the next window.
 */
export class Pins {
  #keys: ReadonlySet<string> = new Set();
  #heads: ReadonlyMap<string, number> = new Map();

  /** @returns the keys whose objects may have gained or lost their pin */
  replace(keys: ReadonlySet<string>, heads: ReadonlyMap<string, number>): Set<string> {
    const before = this.#keys;
    // Copies: the caller may go on building its own.
    this.#keys = new Set(keys);
    this.#heads = new Map(heads);
    return new Set([...before, ...keys]);
  }

  /** Whether an object is to be pinned as it is now. Tells it how much of it is wanted. */
  cover(generation: Generation): boolean {
    generation.headBlocks = this.#heads.get(generation.key);
    return this.#keys.has(generation.key) && generation.heldBlocks <= (generation.headBlocks ?? generation.blockCount);
  }
}
