import type { ScrubItem, ScrubRoster } from './scrub-order.ts';

/** So many that are no more are carried along at most, and never more than a quarter of all. */
const MAX_GONE = 1000;

/** What a volume holds in the order of ids, which is the order in which it was made. */
export class IdRoster<Item extends ScrubItem> implements ScrubRoster<Item> {
  #items: Item[] = [];
  #goneCount = 0;

  get length(): number {
    return this.#items.length;
  }

  at(index: number): Item | undefined {
    return index < 0 ? undefined : this.#items[index];
  }

  indexOf(id: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.id ?? id) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What an index held, in any order. */
  addAll(items: readonly Item[]): void {
    this.#items = [...this.#items, ...items].filter(({ forgotten }) => !forgotten).sort((a, b) => a.id - b.id);
    this.#goneCount = 0;
  }

  /** A new one: its id is above all others. */
  add(item: Item): void {
    const last = this.#items.at(-1);
    if (last !== undefined && last.id > item.id) this.addAll([item]);
    else this.#items.push(item);
  }

  /** One of them was forgotten. */
  noteGone(): void {
    this.#goneCount += 1;
    if (this.#goneCount > Math.max(MAX_GONE, this.#items.length / 4)) this.addAll([]);
  }

  clear(): void {
    this.#items = [];
    this.#goneCount = 0;
  }
}
