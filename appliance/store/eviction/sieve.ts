import { type EvictionPolicy, insightOf } from './eviction-policy.ts';
import { EntryList, EntryTable, NONE } from './structures/entry-table.ts';

/**
 * SIEVE (Zhang et al., NSDI 2024): a queue in the order of arrival, a mark on what was used since the hand last passed,
 * and a hand that walks from the oldest to the newest: marked entries lose the mark and stay where they are, the first
 * without one leaves. Newcomers that nobody asks for again go before what has proved itself, and a hit moves nothing.
 *
 * Limits: knows neither sizes nor how often; one mark is all the memory it has.
 */
export class Sieve implements EvictionPolicy {
  readonly insight = insightOf('sieve');
  readonly #table = new EntryTable();
  readonly #list = new EntryList(this.#table);
  /** Where the hand goes on; NONE: at the oldest. */
  #hand = NONE;

  miss(): void {}

  add(hash: number, bytes: number, leavesNext = false): number {
    const slot = this.#table.take(hash, bytes);
    if (leavesNext) this.#list.addOldest(slot);
    else this.#list.add(slot);
    return slot;
  }

  use(slot: number, isCounted: boolean): void {
    if (isCounted) this.#table.note[slot] = 1;
  }

  resize(slot: number, bytes: number): void {
    this.#list.resize(slot, bytes);
  }

  remove(slot: number): void {
    if (slot === this.#hand) this.#hand = this.#table.newer[slot] ?? NONE;
    this.#list.remove(slot);
    this.#table.free(slot);
  }

  admits(): boolean {
    return true;
  }

  offered(): void {}

  *victims(): Generator<number> {
    const { newer, note } = this.#table;
    const proposed = new Set<number>();
    // Ends: a round either proposes somebody new or clears marks, and marks are not set meanwhile.
    for (let slot = this.#hand, passed = false; ; slot = newer[slot] ?? NONE) {
      if (slot === NONE) {
        if (passed && this.#isExhausted(proposed)) return;
        passed = true;
        slot = this.#list.oldest;
        if (slot === NONE) return;
      }
      this.#hand = newer[slot] ?? NONE;
      if (note[slot] === 1) note[slot] = 0;
      else if (!proposed.has(slot)) {
        proposed.add(slot);
        yield slot;
      }
    }
  }

  #isExhausted(proposed: ReadonlySet<number>): boolean {
    for (let slot = this.#list.oldest; slot !== NONE; slot = this.#table.newer[slot] ?? NONE) {
      if (!proposed.has(slot)) return false;
    }
    return true;
  }
}
