/**
 * What the owner thread shows to the threads that send, and how they read it. Types alone: the table of slots and blocks
 * is in tables/slot-table.ts, the descriptions in tables/object-board.ts.
 *
 * One owner writes, many read, nobody waits for anybody. A reader may see a table in the middle of a change, so nothing
 * that it reads there counts until it was confirmed: a description by its epoch, a slot by its identity *after* it was
 * pinned. The owner gives a slot away only when its identity was taken off and then nobody had it pinned.
 */
import type { ObjectValidators } from '../../src/http/conditional.ts';
import type { HeaderFields } from '../../src/http/stored-headers.ts';

/** Sent to a thread once, when it begins; all of it is shared, nothing copied. */
export interface SharedMemory {
  /** The memory file: slot s has the bytes from `s * BLOCK_BYTES`. Valid in the whole process; closed by the owner alone. */
  readonly memoryFd: number;
  readonly slotCount: number;
  /** How many threads read; each is given a number below it. */
  readonly readerCount: number;
  readonly slots: SharedArrayBuffer;
  readonly blocks: SharedArrayBuffer;
  readonly objects: SharedArrayBuffer;
}

/** What a sending thread must know of an object to answer for it exactly as the reference engine would. */
export interface PublishedDescription {
  /** What it is stored under and asked for by. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
  /** As chooseAnswer wants them. */
  readonly headers: HeaderFields;
  readonly validators: ObjectValidators;
  readonly initialAgeMs: number;
  readonly confirmedAtMs: number;
  readonly freshnessMs: number;
  /** Wall clock: from then on the reference engine decides. Infinity (null in JSON) for what a manifest names. */
  readonly freshUntilMs: number;
}

/** A description as one thread found it. */
export interface PublishedObject {
  readonly index: number;
  /** Never used again for another description, not even of the same key. */
  readonly epoch: number;
  /**
   * Whose blocks its blocks are: a description that was renewed (a 304) has those of the one before. Blocks are found by
   * them, and also those of what is not published any more (purged, replaced, evicted) for as long as the owner holds
   * it: who has begun a body goes on with the old bytes.
   */
  readonly contentHigh: number;
  readonly contentLow: number;
  readonly description: PublishedDescription;
}

/** One reading thread's eyes. Never throws, never blocks. */
export interface PublishedReader {
  /** The object that is published under a key now. */
  find(key: string): PublishedObject | undefined;
  /** Whether it still is. One atomic load. */
  isCurrent(object: PublishedObject): boolean;
  /**
   * Between `enter` and `leave` this thread may begin a head: the order is enter, isCurrent, send the head, leave. Whoever
   * unpublishes waits for all who were inside (I4), so nothing that could block may happen in between.
   */
  enter(): void;
  leave(): void;
  /** The slot with a block of the object, from now on kept for this thread until `unpin`; -1 when there is none. Marks it used. */
  pin(object: PublishedObject, block: number): number;
  unpin(slot: number): void;
}
