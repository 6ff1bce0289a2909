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

  /**
   * From now on these, which nobody changes any more. Yields how many keys it has looked at: a plan may have a million.
   * What comes or goes meanwhile is covered by the new ones already.
   * @returns the objects that lose their pin by it, and those that gain one
   */
  *replace(
    keys: ReadonlySet<string>,
    heads: ReadonlyMap<string, number>,
    objects: ReadonlyMap<string, Generation>,
  ): Generator<number, Readonly<Record<'lost' | 'won', Generation[]>>> {
    const before = this.#keys;
    this.#keys = keys;
    this.#heads = heads;
    const changed: Generation[] = [];
    for (const concerned of [before, keys]) {
      for (const key of concerned) {
        const generation = concerned === before && keys.has(key) ? undefined : objects.get(key);
        if (generation !== undefined && this.cover(generation) !== generation.pinned) changed.push(generation);
        yield 1;
      }
    }
    const there = changed.filter((generation) => !generation.forgotten && this.cover(generation) !== generation.pinned);
    const isWanted = Map.groupBy(there, (generation) => this.cover(generation));
    return { lost: isWanted.get(false) ?? [], won: isWanted.get(true) ?? [] };
  }

  /** Whether an object is to be pinned as it is now. Tells it how much of it is wanted. */
  cover(generation: Generation): boolean {
    generation.headBlocks = this.#heads.get(generation.key);
    return this.#keys.has(generation.key) && generation.heldBlocks <= (generation.headBlocks ?? generation.blockCount);
  }
}
