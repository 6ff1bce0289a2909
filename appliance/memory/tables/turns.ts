/**
 * Who of the reading threads is inside a turn: between enter and leave it may begin a head.
 *
 * A word per thread, odd while it is inside. Who takes an object back and then finds a word even, or another one than
 * before, knows that every head that this thread begins from now on is begun by somebody who looked after that. Words
 * have a cache line each: a thread's own turns are nobody else's business on the way.
 */
const WORDS_PER_READER = 16;

export class Turns {
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer, byteOffset: number, readerCount: number) {
    this.#words = new Int32Array(buffer, byteOffset, readerCount * WORDS_PER_READER);
  }

  /** The thread's next step: in, or out. */
  step(reader: number): void {
    Atomics.add(this.#words, reader * WORDS_PER_READER, 1);
  }

  /** The turns that threads are in now, by reader; empty, as nearly always, when nobody is inside. */
  inside(): Map<number, number> {
    const inside = new Map<number, number>();
    for (let reader = 0; reader * WORDS_PER_READER < this.#words.length; reader += 1) {
      const turn = Atomics.load(this.#words, reader * WORDS_PER_READER);
      if (turn % 2 !== 0) inside.set(reader, turn);
    }
    return inside;
  }

  isIn(reader: number, turn: number): boolean {
    return Atomics.load(this.#words, reader * WORDS_PER_READER) === turn;
  }

  /** The thread is gone: it is in no turn. */
  end(reader: number): void {
    if (Atomics.load(this.#words, reader * WORDS_PER_READER) % 2 !== 0) this.step(reader);
  }
}

export const turnsBytes = (readerCount: number): number =>
  readerCount * WORDS_PER_READER * Int32Array.BYTES_PER_ELEMENT;
