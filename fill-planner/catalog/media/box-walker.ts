import { OperationalError } from '../../../src/errors/operational-error.ts';
import { type BoxBytes, brokenBox, printable } from './mp4-boxes.ts';

/**
 * Walks the top-level boxes of an ISO BMFF file as its bytes pass by, so that a file of any size is checked and mapped
 * in the same pass that hashes it, in bounded memory: only the boxes that describe are kept, each until it is complete;
 * media data is counted, not kept. A box that reaches beyond the end of the file is how a truncated file shows.
 */
export interface TopBox {
  readonly type: string;
  readonly startByte: number;
  readonly sizeBytes: number;
}

const KEPT: ReadonlySet<string> = new Set(['moov', 'sidx', 'moof']);
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
const MAX_BOXES = 4_000_000;
/** A top-level type is four printable characters; anything else is not a box header. */
const TYPE = /^[A-Za-z0-9 _.-]{4}$/;
/** What a file may begin with: text has letters where a type would be, too. */
const OPENING: ReadonlySet<string> = new Set('ftyp styp moov moof sidx emsg prft pdin free skip wide uuid'.split(' '));

/** A walk between two bytes, as plain data: what it needs to go on after a restart. */
export interface WalkState {
  readonly current: TopBox | undefined;
  readonly skipBytes: number;
  readonly seenBytes: number;
  readonly boxCount: number;
  readonly reachesEnd: boolean;
}

export class BoxWalker {
  readonly #path: string;
  readonly #onBox: (box: TopBox, bytes: Buffer | undefined) => void;
  /** Bytes of the current header or kept box. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** How many bytes to gather before the next step. */
  #wantedBytes = 8;
  #current: TopBox | undefined;
  #skipBytes = 0;
  #seenBytes = 0;
  #boxCount = 0;
  #reachesEnd = false;

  /**
   * @param onBox told of every complete box, with its bytes when it is one that describes
   * @param state of an earlier walk, to go on where it stood
   */
  constructor(path: string, onBox: (box: TopBox, bytes: Buffer | undefined) => void, state?: WalkState) {
    this.#path = path;
    this.#onBox = onBox;
    if (state === undefined) return;
    this.#current = state.current;
    this.#reachesEnd = state.reachesEnd;
    this.#skipBytes = state.reachesEnd ? Number.POSITIVE_INFINITY : state.skipBytes;
    this.#seenBytes = state.seenBytes;
    this.#boxCount = state.boxCount;
  }

  /** Undefined inside of a header or of a box that is kept: wait for a later byte. */
  state(): WalkState | undefined {
    if (this.#pendingBytes > 0 && this.#skipBytes === 0) return undefined;
    return {
      current: this.#current,
      skipBytes: this.#reachesEnd ? 0 : this.#skipBytes,
      seenBytes: this.#seenBytes,
      boxCount: this.#boxCount,
      reachesEnd: this.#reachesEnd,
    };
  }

  /** @throws OperationalError MEDIA_BROKEN */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, rest.length);
        this.#skipBytes -= skipped;
        this.#seenBytes += skipped;
        rest = rest.subarray(skipped);
        if (this.#skipBytes === 0) this.#complete(undefined);
        continue;
      }
      const taken = Math.min(this.#wantedBytes - this.#pendingBytes, rest.length);
      this.#pending.push(rest.subarray(0, taken));
      this.#pendingBytes += taken;
      this.#seenBytes += taken;
      rest = rest.subarray(taken);
      if (this.#pendingBytes === this.#wantedBytes) this.#gathered();
    }
  }

  /** The file ends here. @throws OperationalError MEDIA_BROKEN when a box does not. */
  end(): void {
    const box = this.#current;
    if (box !== undefined && this.#reachesEnd) {
      this.#onBox({ ...box, sizeBytes: this.#seenBytes - box.startByte }, undefined);
      return;
    }
    if (box !== undefined) {
      throw brokenBox(
        { ...box, path: this.#path },
        `it says ${box.sizeBytes} bytes, but only ${this.#seenBytes - box.startByte} are left of the file: truncated`,
      );
    }
    if (this.#pendingBytes > 0) {
      const startByte = this.#seenBytes - this.#pendingBytes;
      throw this.#broken(`${this.#pendingBytes} bytes at byte ${startByte} are no box: truncated`);
    }
    if (this.#seenBytes === 0) throw this.#broken('is empty');
  }

  #gathered(): void {
    const bytes = Buffer.concat(this.#pending);
    if (this.#current !== undefined) {
      this.#complete(bytes);
      return;
    }
    const startByte = this.#seenBytes - bytes.length;
    const type = bytes.toString('latin1', 4, 8);
    if (!TYPE.test(type)) throw this.#broken(`byte ${startByte} begins no box: its type would be '${printable(type)}'`);
    let sizeBytes = bytes.readUInt32BE(0);
    if (sizeBytes === 1) {
      if (bytes.length < 16) {
        this.#pending = [bytes];
        this.#wantedBytes = 16;
        return;
      }
      sizeBytes = Number(bytes.readBigUInt64BE(8));
    }
    this.#begin({ type, startByte, sizeBytes }, bytes);
  }

  #begin(box: TopBox, header: Buffer): void {
    const described = { ...box, path: this.#path };
    if (this.#boxCount === 0 && !OPENING.has(box.type))
      throw this.#broken(`begins with '${printable(box.type)}', which begins no media file`);
    this.#boxCount += 1;
    if (this.#boxCount > MAX_BOXES) throw this.#broken(`has more than ${MAX_BOXES} boxes`);
    this.#current = box;
    if (box.sizeBytes === 0) {
      // Size 0 is "until the end of the file", and only media data may say so.
      if (box.type !== 'mdat') throw brokenBox(described, 'it has no size');
      this.#reachesEnd = true;
      this.#skipBytes = Number.POSITIVE_INFINITY;
      return;
    }
    if (box.sizeBytes < header.length) throw brokenBox(described, `its size is ${box.sizeBytes}`);
    if (!Number.isSafeInteger(box.sizeBytes)) throw brokenBox(described, 'its size is beyond all files');
    if (KEPT.has(box.type)) {
      if (box.sizeBytes > MAX_KEPT_BYTES) throw brokenBox(described, `its ${box.sizeBytes} bytes are over the limit`);
      this.#pending = [header];
      this.#wantedBytes = box.sizeBytes;
      if (header.length === box.sizeBytes) this.#complete(header);
      return;
    }
    this.#skipBytes = box.sizeBytes - header.length;
    if (this.#skipBytes === 0) this.#complete(undefined);
  }

  #complete(bytes: Buffer | undefined): void {
    const box = this.#current;
    this.#current = undefined;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#wantedBytes = 8;
    if (box !== undefined) this.#onBox(box, bytes);
  }

  #broken(why: string): OperationalError {
    return new OperationalError('MEDIA_BROKEN', `${this.#path}: ${why}`);
  }
}

/** A kept box as the readers of boxes take it. */
export const boxBytes = (path: string, box: TopBox, bytes: Buffer): BoxBytes => ({ ...box, path, bytes });
