/**
 * Which block each slot of the memory file has, and who is reading it.
 *
 * Problem: many threads send from slots while one owner gives them away, and nobody may wait for anybody. A lock per slot
 * would be waited for; a count of readers alone does not tell a reader whether the slot that he counted himself into is
 * still the one he looked up.
 *
 * Idea: pin first, look then. A reader adds one to his pins of the slot and only now compares the slot's identity with
 * what he wants; when it is another's he takes the pin back. The owner takes the identity off first and only then looks
 * for pins. Both do a write and then a read of what the other writes, all four sequentially consistent, so at least one
 * of the two sees the other: either the reader finds no identity, or the owner finds a pin and leaves the slot alone.
 *
 * An identity has three words. The first is written last and taken off first, and while a reader has the slot pinned and
 * its first word found set, the owner cannot get as far as writing the other two.
 *
 * Every reader has a row of pins of his own: nobody else writes there, so threads on many cores do not fight for one
 * count, and the pins of a thread that died can be told from those of the living.
 *
 * Limits: finding a slot unpinned reads one word per reader. A thread that forgets to unpin keeps the slot for ever.
 */
const WORDS_PER_SLOT = 4;
const HIGH = 0;
const LOW = 1;
const BLOCK = 2;
const READINGS = 3;
/** Each in a cache line of its own. */
const WORDS_PER_COUNT = 16;

/** More readings than this tell nothing more. */
const MOST_READINGS = 3;

export class SlotTable {
  readonly #slots: Int32Array;
  readonly #pins: Int32Array;
  /** By reader, its pins: for the operator, so nothing waits for it. */
  readonly #counts: Int32Array;
  readonly #slotCount: number;

  /** @param buffer of `slotTableBytes`, all zero when it is new */
  constructor(buffer: SharedArrayBuffer, slotCount: number, readerCount: number) {
    this.#slots = new Int32Array(buffer, 0, slotCount * WORDS_PER_SLOT);
    this.#pins = new Int32Array(buffer, this.#slots.byteLength, slotCount * readerCount);
    this.#counts = new Int32Array(buffer, this.#pins.byteOffset + this.#pins.byteLength, readerCount * WORDS_PER_COUNT);
    this.#slotCount = slotCount;
  }

  /** Reader: keeps the slot as it is until `unpin`. Says nothing about what is in it: `has` does, afterwards. */
  pin(reader: number, slot: number): void {
    Atomics.add(this.#pins, reader * this.#slotCount + slot, 1);
    this.#counts[reader * WORDS_PER_COUNT] = (this.#counts[reader * WORDS_PER_COUNT] ?? 0) + 1;
  }

  unpin(reader: number, slot: number): void {
    Atomics.sub(this.#pins, reader * this.#slotCount + slot, 1);
    this.#counts[reader * WORDS_PER_COUNT] = (this.#counts[reader * WORDS_PER_COUNT] ?? 0) - 1;
  }

  /** Whether a slot that the caller has pinned is published with this block of this content. */
  has(slot: number, high: number, low: number, block: number): boolean {
    const at = slot * WORDS_PER_SLOT;
    if (Atomics.load(this.#slots, at + HIGH) !== high) return false;
    return this.#slots[at + LOW] === low && this.#slots[at + BLOCK] === block;
  }

  /** Somebody reads it: two threads that count at the same time may count one. */
  countReading(slot: number): void {
    const at = slot * WORDS_PER_SLOT + READINGS;
    const readings = this.#slots[at] ?? 0;
    if (readings < MOST_READINGS) this.#slots[at] = readings + 1;
  }

  /** Owner: how often it was read since it was asked last, up to three. */
  takeReadings(slot: number): number {
    const at = slot * WORDS_PER_SLOT + READINGS;
    const readings = this.#slots[at] ?? 0;
    this.#slots[at] = 0;
    return readings;
  }

  /** Owner: the bytes are there. @param high never 0 */
  publish(slot: number, high: number, low: number, block: number): void {
    const at = slot * WORDS_PER_SLOT;
    this.#slots[at + LOW] = low;
    this.#slots[at + BLOCK] = block;
    this.#slots[at + READINGS] = 0;
    Atomics.store(this.#slots, at + HIGH, high);
  }

  /** Owner: from now on nobody finds it. Who has it pinned may go on reading. @returns whether nobody has */
  withdraw(slot: number): boolean {
    Atomics.store(this.#slots, slot * WORDS_PER_SLOT + HIGH, 0);
    return !this.isPinned(slot);
  }

  /** Owner: takes a withdrawal back; the bytes are the same. */
  restore(slot: number, high: number): void {
    Atomics.store(this.#slots, slot * WORDS_PER_SLOT + HIGH, high);
  }

  isPinned(slot: number): boolean {
    for (let at = slot; at < this.#pins.length; at += this.#slotCount)
      if (Atomics.load(this.#pins, at) !== 0) return true;
    return false;
  }

  /** Owner: the thread is gone. */
  unpinAll(reader: number): void {
    this.#pins.fill(0, reader * this.#slotCount, (reader + 1) * this.#slotCount);
    this.#counts[reader * WORDS_PER_COUNT] = 0;
  }

  /** Pins of all readers, of whatever slots. */
  countPins(): number {
    let pins = 0;
    for (const count of this.#counts) pins += count;
    return pins;
  }
}

export const slotTableBytes = (slotCount: number, readerCount: number): number =>
  (slotCount * (WORDS_PER_SLOT + readerCount) + readerCount * WORDS_PER_COUNT) * Int32Array.BYTES_PER_ELEMENT;
