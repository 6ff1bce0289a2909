import type { FileHandle } from 'node:fs/promises';
import type { BlockMap } from '../block-map.ts';
import type { ObjectDescription } from '../object-description.ts';
import {
  decodeFooter,
  decodeSlots,
  encodeEntry,
  encodeSlot,
  encodeTable,
  encodeTail,
  entryOffset,
  FOOTER_BYTES,
  fitsSlot,
  placeTail,
  slotOffset,
  type TailPlace,
  tailEndOf,
} from './file-tail.ts';
import { readAll, writeAll } from './whole-io.ts';

/** The generation that a file is of, as its tail needs to know it. */
export interface FileOwner {
  readonly id: number;
  readonly sizeBytes: number;
  readonly description: ObjectDescription;
  readonly blocks: BlockMap;
  readonly forgotten: boolean;
}

/** What is shorter goes to a new file together with its tail, in one write: a copy costs less than a second way to the disk. */
const ONE_WRITE_BYTES = 64 * 1024;

/**
 * Writes the tail of one open data file (file-tail.ts).
 *
 * A block's entry is written after the block's bytes and before anybody hears that the block is written: after `kill -9`
 * every entry has its bytes. A file of before there were tails gets one with its next block. A generation that was
 * forgotten meanwhile gets none: its file shall not come back. Errors are those of the file system; what failed is tried
 * again with the next block.
 */
export class TailWriter {
  readonly #owner: FileOwner;
  /** Undefined until it was looked for or made. Resolves to undefined for a description that is too long. */
  #tail: Promise<Tail | undefined> | undefined;
  #describing: Promise<void> = Promise.resolve();

  constructor(owner: FileOwner) {
    this.#owner = owner;
  }

  /** The bytes of a block are in the file: the tail says so. */
  async keep(file: FileHandle, block: number, checksum: number): Promise<void> {
    if (this.#owner.forgotten) return;
    const tail = await this.#findOrMake(file);
    if (tail === undefined) return;
    await writeAll(file, encodeEntry(this.#owner.id, block, checksum), entryOffset(this.#owner.sizeBytes, block));
  }

  /** A small object of one block and its tail at once, into a new file. @returns false when that is not possible */
  async makeWhole(file: FileHandle, bytes: Uint8Array, checksum: number): Promise<boolean> {
    const { id, sizeBytes, forgotten } = this.#owner;
    if (forgotten || sizeBytes > ONE_WRITE_BYTES || this.#tail !== undefined) return false;
    if ((await file.stat()).size > 0) return false;
    const made = this.#newTail();
    if (made === undefined) return false;
    const whole = Buffer.alloc(tailEndOf(made.tail.place));
    whole.set(bytes);
    encodeEntry(id, 0, checksum).copy(whole, entryOffset(sizeBytes, 0));
    made.bytes.copy(whole, made.tail.place.slotsOffset);
    await writeAll(file, whole, 0);
    this.#tail = Promise.resolve(made.tail);
    return true;
  }

  /** The owner's description changed. */
  describe(file: FileHandle): Promise<void> {
    const described = this.#describing.then(() => this.#describe(file));
    this.#describing = described.catch(() => undefined);
    return described;
  }

  async #describe(file: FileHandle): Promise<void> {
    const { id, sizeBytes, blocks, description, forgotten } = this.#owner;
    const tail = forgotten ? undefined : await this.#findOrMake(file);
    const json = JSON.stringify(description);
    if (tail === undefined || tail.description === json) return;
    const length = Buffer.byteLength(json);
    const header = { generation: id, sequence: tail.sequence + 1, description: json };
    if (fitsSlot(tail.place, length)) {
      await writeAll(file, encodeSlot(header), slotOffset(tail.place, header.sequence));
    } else {
      const place = placeTail(sizeBytes, blocks.blockCount, length, tailEndOf(tail.place));
      if (place === undefined) return;
      await writeAll(file, encodeTail(place, header), place.slotsOffset);
      tail.place = place;
    }
    tail.sequence = header.sequence;
    tail.description = json;
  }

  async #findOrMake(file: FileHandle): Promise<Tail | undefined> {
    const found = (this.#tail ??= this.#find(file));
    try {
      return await found;
    } catch (error) {
      if (this.#tail === found) this.#tail = undefined;
      throw error;
    }
  }

  async #find(file: FileHandle): Promise<Tail | undefined> {
    const { id, sizeBytes } = this.#owner;
    const { size } = await file.stat();
    const footer = await readAll(file, Math.max(0, size - FOOTER_BYTES), Math.min(size, FOOTER_BYTES));
    const place = decodeFooter(footer, size);
    if (place?.sizeBytes === sizeBytes) {
      const header = decodeSlots(await readAll(file, place.slotsOffset, 2 * place.slotBytes), place);
      if (header?.generation === id) return { place, sequence: header.sequence, description: header.description };
    }
    return this.#make(file, size);
  }

  async #make(file: FileHandle, fileBytes: number): Promise<Tail | undefined> {
    const { id, sizeBytes, blocks } = this.#owner;
    const made = this.#newTail();
    if (made === undefined) return undefined;
    const { place } = made.tail;
    if (fileBytes > tailEndOf(place)) await file.truncate(tailEndOf(place));
    // Blocks of before there were tails, and nothing of a tail that is torn.
    const held = [...blocks.held()].map((block) => [block, blocks.checksum(block)] as const);
    if (held.length > 0) await writeAll(file, encodeTable(id, blocks.blockCount, held), entryOffset(sizeBytes, 0));
    await writeAll(file, made.bytes, place.slotsOffset);
    return made.tail;
  }

  #newTail(): { readonly tail: Tail; readonly bytes: Buffer } | undefined {
    const { id, sizeBytes, blocks } = this.#owner;
    const description = JSON.stringify(this.#owner.description);
    const place = placeTail(sizeBytes, blocks.blockCount, Buffer.byteLength(description));
    if (place === undefined) return undefined;
    const bytes = encodeTail(place, { generation: id, sequence: 0, description });
    return { tail: { place, sequence: 0, description }, bytes };
  }
}

interface Tail {
  place: TailPlace;
  /** Of the newest description, which is this. */
  sequence: number;
  description: string;
}
