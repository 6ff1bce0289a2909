/**
 * The descriptions that threads may answer from, in shared memory.
 *
 * Problem: a description has header fields and a key, of any length; typed arrays have neither. Messages would bring each
 * description to each thread, whether it is asked there or not, and in a queue, so that a thread would go on with one
 * that was taken back long ago.
 *
 * Idea: a record of a few words per object and its text as JSON in a chain of pieces. A reader parses it once and keeps
 * the result; from then on the record's epoch, one atomic load, tells whether that still is the description. Taking one
 * back is one store to that word.
 *
 * A reader copies the text out while the owner may be giving its pieces to another. So he looks at the epoch once more
 * when he has it, and compares a checksum, which was taken over text and epoch: what is half one text and half another is
 * no description. (The epoch alone would do where memory is read in order, as on x86; on other processors a plain read
 * may be later than the atomic one behind it.)
 *
 * Limits: a description of more than MAX_TEXT_BYTES is not shown. When there is no room the one that was shown longest
 * ago leaves, unless somebody found it since it was last passed over: then its turn comes again. Who asks for it then is
 * told by the owner, who may show it again.
 */
import { hashOfKey } from '../../store/eviction/structures/hash-of-key.ts';
import type { PublishedDescription, PublishedObject } from '../published.ts';
import type { ContentNumber } from './content-number.ts';
import { HintTable, hintTableBytes, NO_HINT, NOT_THIS } from './hint-table.ts';
import { Turns, turnsBytes } from './turns.ts';

const PIECE_BYTES = 512;
const PIECES_PER_OBJECT = 2;
const MAX_TEXT_BYTES = 16 * 1024;

const HEADER_WORDS = 16;
const SEED = 0;
const RECORD_COUNT = 1;
const PIECE_COUNT = 2;

const WORDS_PER_RECORD = 8;
const EPOCH = 0;
const FIRST_PIECE = 1;
const TEXT_BYTES = 2;
const CHECKSUM = 3;
const HIGH = 4;
const LOW = 5;
const WAS_FOUND = 6;

const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;

/** The parts of the shared buffer, for the one who writes and for those who read. */
class BoardLayout {
  readonly seed: number;
  readonly recordCount: number;
  readonly pieceCount: number;
  readonly turns: Turns;
  readonly records: Int32Array;
  /** By piece: the next one of the same text. */
  readonly links: Int32Array;
  readonly keys: HintTable;
  readonly text: Uint8Array;

  constructor(buffer: SharedArrayBuffer, readerCount: number) {
    const header = new Int32Array(buffer, 0, HEADER_WORDS);
    this.seed = header[SEED] ?? 0;
    this.recordCount = header[RECORD_COUNT] ?? 0;
    this.pieceCount = header[PIECE_COUNT] ?? 0;
    let at = header.byteLength;
    this.turns = new Turns(buffer, at, readerCount);
    at += turnsBytes(readerCount);
    this.records = new Int32Array(buffer, at, this.recordCount * WORDS_PER_RECORD);
    at += this.records.byteLength;
    this.links = new Int32Array(buffer, at, this.pieceCount);
    at += this.links.byteLength;
    this.keys = new HintTable(buffer, at, this.recordCount);
    at += hintTableBytes(this.recordCount);
    this.text = new Uint8Array(buffer, at, this.pieceCount * PIECE_BYTES);
  }

  hashOf(key: string): number {
    return hashOfKey(key) ^ this.seed;
  }
}

/** What a thread sees of the board. */
export class BoardReader {
  readonly #layout: BoardLayout;
  readonly #text = Buffer.allocUnsafeSlow(MAX_TEXT_BYTES);

  constructor(buffer: SharedArrayBuffer, readerCount: number) {
    this.#layout = new BoardLayout(buffer, readerCount);
  }

  get turns(): Turns {
    return this.#layout.turns;
  }

  isCurrent(index: number, epoch: number): boolean {
    return Atomics.load(this.#layout.records, index * WORDS_PER_RECORD) === epoch;
  }

  /** So that it is not the next to leave. */
  noteFound(index: number): void {
    const at = index * WORDS_PER_RECORD + WAS_FOUND;
    if (this.#layout.records[at] === 0) this.#layout.records[at] = 1;
  }

  /** The object under a key, from its text. */
  read(key: string): PublishedObject | undefined {
    const hash = this.#layout.hashOf(key);
    for (let probe = 0; ; probe += 1) {
      const index = this.#layout.keys.at(hash, probe);
      if (index === NO_HINT) return undefined;
      if (index === NOT_THIS) continue;
      const object = this.#readRecord(index);
      if (object?.description.key === key) return object;
    }
  }

  #readRecord(index: number): PublishedObject | undefined {
    const { records } = this.#layout;
    const at = index * WORDS_PER_RECORD;
    const epoch = Atomics.load(records, at + EPOCH);
    if (epoch === 0) return undefined;
    const length = records[at + TEXT_BYTES] ?? 0;
    const checksum = records[at + CHECKSUM];
    const contentHigh = records[at + HIGH] ?? 0;
    const contentLow = records[at + LOW] ?? 0;
    if (!this.#copyText(records[at + FIRST_PIECE] ?? -1, length)) return undefined;
    if (checksumOf(this.#text, length, epoch, contentHigh, contentLow) !== checksum) return undefined;
    // A write that changes nothing: what was read before it was read before it.
    if (Atomics.add(records, at + EPOCH, 0) !== epoch) return undefined;
    this.noteFound(index);
    const description = parseDescription(this.#text.toString('utf8', 0, length));
    return { index, epoch, contentHigh, contentLow, description };
  }

  /** @returns false when the chain leads nowhere: it is being written */
  #copyText(firstPiece: number, length: number): boolean {
    const { links, pieceCount, text } = this.#layout;
    if (length <= 0 || length > MAX_TEXT_BYTES) return false;
    let piece = firstPiece;
    for (let done = 0; done < length; done += PIECE_BYTES) {
      if (piece < 0 || piece >= pieceCount) return false;
      const from = piece * PIECE_BYTES;
      this.#text.set(text.subarray(from, from + Math.min(PIECE_BYTES, length - done)), done);
      piece = links[piece] ?? -1;
    }
    return true;
  }
}

/** The owner's side. */
export class BoardWriter<Owner> {
  readonly buffer: SharedArrayBuffer;
  readonly #layout: BoardLayout;
  readonly #onLeft: (owner: Owner) => void;
  /** By record, the one that was shown longest ago first. */
  readonly #shown = new Map<number, Shown<Owner>>();
  readonly #freeRecords: number[] = [];
  readonly #freePieces: number[] = [];
  #lastEpoch = 0;

  /**
   * @param seed chance, so that nobody who chooses keys knows which of them meet
   * @param onLeft the description of this owner has made room for another
   */
  constructor(size: BoardSize, seed: number, onLeft: (owner: Owner) => void) {
    this.buffer = new SharedArrayBuffer(boardBytes(size));
    const header = new Int32Array(this.buffer, 0, HEADER_WORDS);
    header[SEED] = seed;
    header[RECORD_COUNT] = size.maxObjects;
    header[PIECE_COUNT] = size.maxObjects * PIECES_PER_OBJECT;
    this.#layout = new BoardLayout(this.buffer, size.readerCount);
    this.#onLeft = onLeft;
    for (let index = size.maxObjects - 1; index >= 0; index -= 1) this.#freeRecords.push(index);
    for (let piece = this.#layout.pieceCount - 1; piece >= 0; piece -= 1) this.#freePieces.push(piece);
  }

  get turns(): Turns {
    return this.#layout.turns;
  }

  get shownCount(): number {
    return this.#shown.size;
  }

  /** @returns the record, for `withdraw`; undefined when the description is too long to be shown */
  show(owner: Owner, { high, low }: ContentNumber, { key, text }: ShownText): number | undefined {
    const pieceCount = Math.ceil(text.length / PIECE_BYTES);
    if (text.length > MAX_TEXT_BYTES || pieceCount > this.#layout.pieceCount) return undefined;
    while (this.#freeRecords.length === 0 || this.#freePieces.length < pieceCount) this.#makeRoom();
    const index = this.#freeRecords.pop();
    if (index === undefined) return undefined;
    const { keys, records } = this.#layout;
    const at = index * WORDS_PER_RECORD;
    const epoch = this.#nextEpoch();
    const pieces = this.#write(text);
    records[at + FIRST_PIECE] = pieces[0] ?? -1;
    records[at + TEXT_BYTES] = text.length;
    records[at + CHECKSUM] = checksumOf(text, text.length, epoch, high, low);
    records[at + HIGH] = high;
    records[at + LOW] = low;
    records[at + WAS_FOUND] = 0;
    const hash = this.#layout.hashOf(key);
    this.#shown.set(index, { owner, hash, pieces });
    Atomics.store(records, at + EPOCH, epoch);
    keys.add(hash, index);
    return index;
  }

  /** At once nobody finds it, and who found it before learns that it is no more. */
  withdraw(index: number): void {
    const shown = this.#shown.get(index);
    if (shown === undefined) throw new Error(`record ${index} shows nothing`);
    Atomics.store(this.#layout.records, index * WORDS_PER_RECORD + EPOCH, 0);
    this.#shown.delete(index);
    this.#layout.keys.remove(shown.hash, index);
    this.#freePieces.push(...shown.pieces);
    this.#freeRecords.push(index);
  }

  #makeRoom(): void {
    for (const [index, shown] of this.#shown) {
      const at = index * WORDS_PER_RECORD + WAS_FOUND;
      if (this.#layout.records[at] === 1) {
        this.#layout.records[at] = 0;
        this.#shown.delete(index);
        this.#shown.set(index, shown);
        continue;
      }
      this.withdraw(index);
      this.#onLeft(shown.owner);
      return;
    }
  }

  #write(text: Uint8Array): number[] {
    const pieces: number[] = [];
    for (let done = 0; done < text.length; done += PIECE_BYTES) {
      const piece = this.#freePieces.pop();
      if (piece === undefined) throw new Error('no piece is free');
      this.#layout.text.set(text.subarray(done, done + PIECE_BYTES), piece * PIECE_BYTES);
      const before = pieces.at(-1);
      if (before !== undefined) this.#layout.links[before] = piece;
      pieces.push(piece);
    }
    return pieces;
  }

  /** Never 0, which is nobody's. The same record has the same epoch again after four thousand million others. */
  #nextEpoch(): number {
    this.#lastEpoch = (this.#lastEpoch + 1) | 0 || 1;
    return this.#lastEpoch;
  }
}

export interface BoardSize {
  readonly readerCount: number;
  /** Fewer where descriptions are long: there is a KiB for each. */
  readonly maxObjects: number;
}

/** A description as it is shown. */
export interface ShownText {
  readonly key: string;
  readonly text: Buffer;
}

export const textOf = (description: PublishedDescription): ShownText => ({
  key: description.key,
  text: Buffer.from(JSON.stringify(description)),
});

interface Shown<Owner> {
  readonly owner: Owner;
  readonly hash: number;
  readonly pieces: readonly number[];
}

export function boardBytes({ maxObjects, readerCount }: BoardSize): number {
  const maxPieces = maxObjects * PIECES_PER_OBJECT;
  const words = HEADER_WORDS + maxObjects * WORDS_PER_RECORD + maxPieces;
  return words * WORD_BYTES + turnsBytes(readerCount) + hintTableBytes(maxObjects) + maxPieces * PIECE_BYTES;
}

/** FNV-1a. */
function checksumOf(text: Uint8Array, length: number, epoch: number, high: number, low: number): number {
  let hash = Math.imul(Math.imul(Math.imul(0x811c9dc5 ^ epoch, 0x01000193) ^ high, 0x01000193) ^ low, 0x01000193);
  for (let at = 0; at < length; at += 1) hash = Math.imul(hash ^ (text[at] ?? 0), 0x01000193);
  return hash;
}

/** JSON has no infinity: it is written as null. */
function parseDescription(text: string): PublishedDescription {
  const parsed = JSON.parse(text) as PublishedDescription & { freshUntilMs: number | null; freshnessMs: number | null };
  return {
    ...parsed,
    freshnessMs: parsed.freshnessMs ?? Number.POSITIVE_INFINITY,
    freshUntilMs: parsed.freshUntilMs ?? Number.POSITIVE_INFINITY,
  };
}
