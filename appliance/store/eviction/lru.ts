import { type EvictionPolicy, insightOf } from './eviction-policy.ts';
import { EntryList, EntryTable, NONE } from './structures/entry-table.ts';

/**
 * Least recently used first. What every other rule is measured against, and not easy to beat where viewers come back
 * within minutes. Its weakness: a newcomer that is never asked for again pushes out what is asked for every hour.
 */
export class Lru implements EvictionPolicy {
  readonly insight = insightOf('lru');
  readonly #table = new EntryTable();
  readonly #list = new EntryList(this.#table);

  miss(): void {}

  add(hash: number, bytes: number, leavesNext = false): number {
    const slot = this.#table.take(hash, bytes);
    if (leavesNext) this.#list.addOldest(slot);
    else this.#list.add(slot);
    return slot;
  }

  use(slot: number): void {
    this.#list.renew(slot);
  }

  resize(slot: number, bytes: number): void {
    this.#list.resize(slot, bytes);
  }

  remove(slot: number): void {
    this.#list.remove(slot);
    this.#table.free(slot);
  }

  admits(): boolean {
    return true;
  }

  offered(): void {}

  *victims(): Generator<number> {
    for (let slot = this.#list.oldest; slot !== NONE; slot = this.#table.newer[slot] ?? NONE) yield slot;
  }
}
