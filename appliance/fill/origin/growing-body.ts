/**
 * A body whose length only its end will tell, shared by all who ask for it while it comes: a playlist that is written
 * as it is sent, a live segment that is still being made.
 *
 * Collecting it first costs every viewer the time that it takes to make. Handing it through costs the origin one
 * request per viewer. So what has arrived is kept and everybody reads it from the start, at his own pace: the first
 * byte goes to all who wait the moment it is here, and who comes later gets what is there and then the rest. At the
 * end, and only if there is one, the bytes are an object like any other. A body that breaks off ends all its answers
 * by breaking off.
 *
 * Memory: one body may take `maxBytes`, all together what the shared `GrowthRoom` has. A body that outgrows either can
 * no longer be joined nor stored, and goes on for those who read it: what all of them have is let go, and the source is
 * read no further than WINDOW_BYTES before the reader who is furthest. Not the slowest: one bad line would hold up
 * everybody's picture. A reader who falls behind what is kept is cut off.
 *
 * Readers who leave do not end it while it may still become an object, for some time; nobody left to read what outgrew
 * its limits ends it at once.
 */
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock } from '../../../src/world/world.ts';

/** How many bytes all growing bodies may keep together. */
export class GrowthRoom {
  readonly #capacityBytes: number;
  #usedBytes = 0;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether there was room; without it nothing is taken. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#capacityBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

/** Somebody who reads a growing body, a piece at a time. */
interface Reader {
  /** The number of the next piece, and where it begins. */
  piece: number;
  offset: number;
  wake: () => void;
}

export interface GrowingLimits {
  readonly maxBytes: number;
  readonly room: GrowthRoom;
  /** How long it goes on when nobody reads it. */
  readonly unreadMs: number;
  readonly clock: Clock;
}

const WINDOW_BYTES = 2 ** 20;
/** What a piece costs at least: a body of single bytes must not take a thousand times its length. */
const PIECE_BYTES = 256;

export class GrowingBody {
  readonly #limits: GrowingLimits;
  readonly #what: string;
  readonly #pieces: Buffer[] = [];
  /** How many pieces were let go of, and where the first that is kept begins. */
  #firstPiece = 0;
  #keptFrom = 0;
  #end = 0;
  #roomBytes = 0;
  #lastReadMs: number;
  #isWhole = true;
  #state: 'growing' | 'ended' | 'failed' = 'growing';
  #error: unknown;
  readonly #readers = new Set<Reader>();
  #wakePump: () => void = () => undefined;

  /** @param what names it in errors */
  constructor(what: string, limits: GrowingLimits) {
    this.#what = what;
    this.#limits = limits;
    this.#lastReadMs = limits.clock.monotonicMs();
  }

  /** Whether somebody who comes now can read it from its start. */
  get isJoinable(): boolean {
    return this.#isWhole && this.#state !== 'failed';
  }

  /**
   * Takes the body to its end. Resolves with all of it, or undefined when it outgrew its limits or broke off. Readers
   * learn the same by themselves. Never rejects.
   */
  async grow(body: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
    try {
      for await (const piece of body) {
        if (piece.length === 0) continue;
        this.#append(piece);
        if (this.#isWhole ? this.#isAbandoned() : !(await this.#isReadOn())) {
          this.#settle('failed', new OperationalError('SOURCE_TRUNCATED', `nobody reads the rest of ${this.#what}`));
          return undefined;
        }
      }
      this.#settle('ended');
      return this.#isWhole ? Buffer.concat(this.#pieces, this.#end) : undefined;
    } catch (error) {
      this.#settle('failed', error);
      return undefined;
    } finally {
      this.#limits.room.give(this.#roomBytes);
      this.#roomBytes = 0;
    }
  }

  /** From the first byte on, as it comes. Joins at once, not at the first read. Only while `isJoinable`. */
  read(): AsyncIterable<Buffer> & { leave(): void } {
    if (!this.isJoinable) throw new Error(`${this.#what} cannot be joined any more`);
    const reader: Reader = { piece: 0, offset: 0, wake: () => undefined };
    this.#readers.add(reader);
    const leave = (): void => {
      this.#readers.delete(reader);
      this.#lastReadMs = this.#limits.clock.monotonicMs();
      reader.wake();
      this.#wakePump();
    };
    const next = async (): Promise<IteratorResult<Buffer>> => {
      const value = await this.#next(reader);
      return value === undefined ? { done: true, value } : { done: false, value };
    };
    const end = (): Promise<IteratorResult<Buffer>> => {
      leave();
      return Promise.resolve({ done: true, value: undefined });
    };
    return { leave, [Symbol.asyncIterator]: () => ({ next, return: end }) };
  }

  async #next(reader: Reader): Promise<Buffer | undefined> {
    while (reader.offset === this.#end) {
      if (!this.#readers.has(reader) || this.#state === 'ended') return undefined;
      if (this.#state === 'failed') throw this.#error;
      await new Promise<void>((resolve) => {
        reader.wake = resolve;
      });
    }
    if (!this.#readers.has(reader)) return undefined;
    if (reader.offset < this.#keptFrom) {
      throw new OperationalError('OVERLOADED', `a reader of ${this.#what} was left behind by the others`);
    }
    const piece = this.#pieces[reader.piece - this.#firstPiece];
    if (piece === undefined) throw new Error(`no piece ${reader.piece} of ${this.#what}`);
    reader.piece += 1;
    reader.offset += piece.length;
    this.#wakePump();
    return piece;
  }

  #append(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#end += piece.length;
    if (this.#isWhole) {
      const cost = Math.max(piece.length, PIECE_BYTES);
      const fits = this.#roomBytes + cost <= this.#limits.maxBytes;
      if (fits && this.#limits.room.take(cost)) this.#roomBytes += cost;
      else this.#isWhole = false;
    }
    for (const { wake } of this.#readers) wake();
  }

  #isAbandoned(): boolean {
    const { clock, unreadMs } = this.#limits;
    return this.#readers.size === 0 && clock.monotonicMs() - this.#lastReadMs > unreadMs;
  }

  /** Waits until somebody is about to need more; false when nobody reads any more. Lets go of what is not needed. */
  async #isReadOn(): Promise<boolean> {
    for (;;) {
      if (this.#readers.size === 0) return false;
      this.#letGo();
      const furthest = Math.max(...[...this.#readers].map(({ offset }) => offset));
      if (this.#end - furthest < WINDOW_BYTES) return true;
      await new Promise<void>((resolve) => {
        this.#wakePump = resolve;
      });
    }
  }

  /** Keeps what the slowest has still to read, and no more than there was room for. */
  #letGo(): void {
    const slowest = Math.min(...[...this.#readers].map(({ offset }) => offset));
    const keepFrom = Math.max(slowest, this.#end - Math.max(this.#roomBytes, 2 * WINDOW_BYTES));
    let count = 0;
    for (const piece of this.#pieces) {
      if (this.#keptFrom + piece.length > keepFrom) break;
      this.#keptFrom += piece.length;
      count += 1;
    }
    this.#pieces.splice(0, count);
    this.#firstPiece += count;
  }

  #settle(state: 'ended' | 'failed', error?: unknown): void {
    this.#state = state;
    this.#error = error;
    for (const { wake } of this.#readers) wake();
  }
}
