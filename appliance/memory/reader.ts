import { BoundedMap } from '../../src/memory/bounded-map.ts';
import type { PublishedObject, PublishedReader, SharedMemory } from './published.ts';
import { hashOfBlock } from './tables/content-number.ts';
import { HintTable, NO_HINT, NOT_THIS } from './tables/hint-table.ts';
import { BoardReader } from './tables/object-board.ts';
import { SlotTable } from './tables/slot-table.ts';
import type { Turns } from './tables/turns.ts';

/** Parsed descriptions that a thread keeps: some kB each. */
const MAX_KNOWN = 4096;

/**
 * One thread's eyes on what the owner shows. Objects that were found are kept as they were parsed, whether or not they
 * still are shown: their epoch tells. A slot is looked up by a hint, pinned, and only then compared (slot-table.ts).
 *
 * @param number which of the readers this thread is: no other thread may have it at the same time
 */
export function createReader(memory: SharedMemory, number: number): PublishedReader {
  if (!Number.isInteger(number) || number < 0 || number >= memory.readerCount) {
    throw new RangeError(`there is no reader ${number} of ${memory.readerCount}`);
  }
  return new ThreadReader(memory, number);
}

class ThreadReader implements PublishedReader {
  readonly #number: number;
  readonly #board: BoardReader;
  readonly #turns: Turns;
  readonly #slots: SlotTable;
  readonly #blocks: HintTable;
  readonly #known = new BoundedMap<string, PublishedObject>(MAX_KNOWN);

  constructor({ blocks, objects, readerCount, slotCount, slots }: SharedMemory, number: number) {
    this.#number = number;
    this.#board = new BoardReader(objects, readerCount);
    this.#turns = this.#board.turns;
    this.#slots = new SlotTable(slots, slotCount, readerCount);
    this.#blocks = new HintTable(blocks, 0, slotCount);
  }

  find(key: string): PublishedObject | undefined {
    const known = this.#known.get(key);
    if (known !== undefined && this.#board.isCurrent(known.index, known.epoch)) {
      this.#board.noteFound(known.index);
      return known;
    }
    const found = this.#board.read(key);
    if (found !== undefined) this.#known.set(key, found);
    else if (known !== undefined) this.#known.delete(key);
    return found;
  }

  isCurrent({ epoch, index }: PublishedObject): boolean {
    return this.#board.isCurrent(index, epoch);
  }

  enter(): void {
    this.#turns.step(this.#number);
  }

  leave(): void {
    this.#turns.step(this.#number);
  }

  pin({ contentHigh, contentLow }: PublishedObject, block: number): number {
    const hash = hashOfBlock(contentHigh, contentLow, block);
    for (let probe = 0; ; probe += 1) {
      const slot = this.#blocks.at(hash, probe);
      if (slot === NO_HINT) return -1;
      if (slot === NOT_THIS) continue;
      this.#slots.pin(this.#number, slot);
      if (this.#slots.has(slot, contentHigh, contentLow, block)) {
        this.#slots.countReading(slot);
        return slot;
      }
      this.#slots.unpin(this.#number, slot);
    }
  }

  unpin(slot: number): void {
    this.#slots.unpin(this.#number, slot);
  }
}
