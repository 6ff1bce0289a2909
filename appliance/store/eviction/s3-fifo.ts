import { type EvictionPolicy, insightOf } from './eviction-policy.ts';
import { EntryList, EntryTable, NONE } from './structures/entry-table.ts';
import { GhostSet } from './structures/ghost-set.ts';

/**
 * S3-FIFO (Yang et al., SOSP 2023): newcomers wait in a small queue of a tenth of the bytes. Who is asked for again
 * there moves to the main queue, who is not leaves and is remembered by its hash alone; who comes back while it is
 * remembered goes to the main queue at once. The main queue gives everybody as many rounds as it was used, three at
 * most. By bytes here: the small queue gives when it has more than its share of them.
 *
 * Limits: the share is fixed; what is used in bursts counts as if it were popular.
 */
const SMALL_SHARE = 0.1;
const MAX_USES = 3;
const IN_MAIN = 4;
const FIRST_GHOSTS = 256;

export class S3Fifo implements EvictionPolicy {
  readonly insight = insightOf('s3-fifo');
  readonly #table = new EntryTable();
  readonly #small = new EntryList(this.#table);
  readonly #main = new EntryList(this.#table);
  readonly #ghosts = new GhostSet(FIRST_GHOSTS);
  #count = 0;

  miss(): void {}

  add(hash: number, bytes: number, leavesNext = false): number {
    const slot = this.#table.take(hash, bytes);
    const cameBack = !leavesNext && this.#ghosts.has(hash, this.#count);
    this.#table.note[slot] = cameBack ? IN_MAIN : 0;
    if (leavesNext) this.#small.addOldest(slot);
    else this.#listOf(slot).add(slot);
    this.#count += 1;
    while (this.#ghosts.places < 2 * this.#count) this.#ghosts.grow();
    return slot;
  }

  use(slot: number, isCounted: boolean): void {
    const note = this.#table.note[slot] ?? 0;
    if (isCounted && note % IN_MAIN < MAX_USES) this.#table.note[slot] = note + 1;
  }

  resize(slot: number, bytes: number): void {
    this.#listOf(slot).resize(slot, bytes);
  }

  remove(slot: number): void {
    this.#listOf(slot).remove(slot);
    this.#table.free(slot);
    this.#count -= 1;
  }

  admits(): boolean {
    return true;
  }

  offered(): void {}

  *victims(): Generator<number> {
    const { bytes, hash, newer, note } = this.#table;
    let smallBytes = this.#small.bytes;
    let totalBytes = smallBytes + this.#main.bytes;
    let small = this.#small.oldest;
    let main = this.#main.oldest;
    while (small !== NONE || main !== NONE) {
      const fromSmall = main === NONE || (small !== NONE && smallBytes > totalBytes * SMALL_SHARE);
      const slot = fromSmall ? small : main;
      const after = newer[slot] ?? NONE;
      const size = bytes[slot] ?? 0;
      const uses = (note[slot] ?? 0) % IN_MAIN;
      if (fromSmall) {
        small = after;
        smallBytes -= size;
        if (uses > 0) {
          this.#small.remove(slot);
          note[slot] = IN_MAIN;
          this.#main.add(slot);
          if (main === NONE) main = slot;
          continue;
        }
        this.#ghosts.add(hash[slot] ?? 0);
      } else {
        main = after;
        if (uses > 0) {
          note[slot] = IN_MAIN + uses - 1;
          this.#main.renew(slot);
          if (main === NONE) main = slot;
          continue;
        }
      }
      totalBytes -= size;
      yield slot;
    }
  }

  #listOf(slot: number): EntryList {
    return (this.#table.note[slot] ?? 0) >= IN_MAIN ? this.#main : this.#small;
  }
}
