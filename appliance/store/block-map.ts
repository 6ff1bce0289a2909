/**
 * Which blocks of one generation are held, and the CRC32C of each.
 *
 * An appliance of 100 TB has a hundred million blocks, and every request asks about some, so this lives in memory: one
 * bit and four bytes per held block. It is cut into pages of 128 blocks, made when the first block of a page arrives,
 * so that one block of a sparse 50 GB file costs 528 bytes and not 200 kB. A page in memory is byte for byte the row in
 * the index, so that loading is copying; that makes the file format that of little-endian machines, which is what Node
 * runs on.
 *
 * Most objects of a cache are small (segments, playlists, images): one block. Theirs is a number in the map itself, for
 * an array of pages and a typed array with its buffer are 250 bytes and four objects to make, a million times at a start.
 */
export const BLOCKS_PER_PAGE = 128;

const BITS = 32;
const NO_PAGES: (Uint32Array | undefined)[] = [];

export class BlockMap {
  readonly blockCount: number;
  /** None in a map of one block. */
  readonly #pages: (Uint32Array | undefined)[];
  #heldCount = 0;
  /** Of the only block, in a map of one; signed, which is a number that needs no place of its own. */
  #onlyChecksum = 0;

  constructor(blockCount: number) {
    this.blockCount = blockCount;
    this.#pages = blockCount === 1 ? NO_PAGES : [];
  }

  get heldCount(): number {
    return this.#heldCount;
  }

  has(block: number): boolean {
    if (this.blockCount === 1) return block === 0 && this.#heldCount === 1;
    const page = this.#pages[pageOf(block)];
    return page !== undefined && block < this.blockCount && isSet(page, block % BLOCKS_PER_PAGE);
  }

  /** The CRC32C of a held block. @throws RangeError when it is not held */
  checksum(block: number): number {
    if (this.blockCount === 1 && this.has(block)) return this.#onlyChecksum >>> 0;
    const page = this.#pages[pageOf(block)];
    if (page === undefined || !this.has(block)) throw new RangeError(`block ${block} is not held`);
    return page[this.#wordsOf(pageOf(block)) + (block % BLOCKS_PER_PAGE)] ?? 0;
  }

  /** @throws RangeError beyond the last block */
  add(block: number, checksum: number): void {
    if (!Number.isInteger(block) || block < 0 || block >= this.blockCount) throw new RangeError(`no block ${block}`);
    if (this.blockCount === 1) return this.#setOnly(checksum);
    const pageIndex = pageOf(block);
    const page = (this.#pages[pageIndex] ??= new Uint32Array(this.#pageWords(pageIndex)));
    if (!isSet(page, block % BLOCKS_PER_PAGE)) this.#heldCount += 1;
    setBit(page, block % BLOCKS_PER_PAGE);
    page[this.#wordsOf(pageIndex) + (block % BLOCKS_PER_PAGE)] = checksum;
  }

  /** @returns whether it was held */
  delete(block: number): boolean {
    if (this.blockCount === 1) {
      const held = this.has(block);
      if (held) this.#heldCount = 0;
      return held;
    }
    const page = this.#pages[pageOf(block)];
    if (page === undefined || !this.has(block)) return false;
    clearBit(page, block % BLOCKS_PER_PAGE);
    this.#heldCount -= 1;
    if (!this.#anySet(pageOf(block), page)) this.#pages[pageOf(block)] = undefined;
    return true;
  }

  /** The held blocks in order. @param from the first block to look at */
  *held(from = 0): Generator<number> {
    if (this.blockCount === 1 && from <= 0 && this.has(0)) yield 0;
    for (let pageIndex = pageOf(from); pageIndex < this.#pages.length; pageIndex += 1) {
      const page = this.#pages[pageIndex];
      if (page === undefined) continue;
      const first = pageIndex * BLOCKS_PER_PAGE;
      for (let word = 0; word < this.#wordsOf(pageIndex); word += 1) {
        // Takes the lowest bit that is set, until none is left.
        for (let bits = page[word] ?? 0; bits !== 0; bits &= bits - 1) {
          const block = first + word * BITS + (BITS - 1 - Math.clz32(bits & -bits));
          if (block >= from) yield block;
        }
      }
    }
  }

  /** A page as the index keeps it; it may change with the map. Undefined when it holds nothing. */
  page(pageIndex: number): Uint8Array | undefined {
    if (this.blockCount === 1) {
      const holds = pageIndex === 0 && this.#heldCount === 1;
      return holds ? new Uint8Array(Uint32Array.of(1, this.#onlyChecksum).buffer) : undefined;
    }
    const page = this.#pages[pageIndex];
    return page === undefined ? undefined : new Uint8Array(page.buffer, page.byteOffset, page.byteLength);
  }

  /** Takes over a page from the index. @returns false when it is not a page of this map, and is ignored */
  loadPage(pageIndex: number, bytes: Uint8Array): boolean {
    const fits = Number.isInteger(pageIndex) && pageIndex >= 0 && pageIndex * BLOCKS_PER_PAGE < this.blockCount;
    if (!fits || this.#pages[pageIndex] !== undefined) return false;
    if (this.blockCount === 1) return this.#loadOnly(bytes);
    const page = new Uint32Array(this.#pageWords(pageIndex));
    if (bytes.byteLength !== page.byteLength) return false;
    new Uint8Array(page.buffer).set(bytes);
    const words = this.#wordsOf(pageIndex);
    const strayBits = words * BITS - this.#blocksOf(pageIndex);
    if (strayBits > 0 && (page[words - 1] ?? 0) >>> (BITS - strayBits) !== 0) return false;
    let count = 0;
    for (let word = 0; word < words; word += 1) count += bitCount(page[word] ?? 0);
    if (count === 0) return false;
    this.#pages[pageIndex] = page;
    this.#heldCount += count;
    return true;
  }

  #loadOnly(bytes: Uint8Array): boolean {
    if (this.#heldCount === 1 || bytes.byteLength !== 8) return false;
    const [one, two, three, four] = bytes;
    if (one !== 1 || two !== 0 || three !== 0 || four !== 0) return false;
    this.#setOnly((bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8) | ((bytes[6] ?? 0) << 16) | ((bytes[7] ?? 0) << 24));
    return true;
  }

  #setOnly(checksum: number): void {
    this.#heldCount = 1;
    this.#onlyChecksum = checksum | 0;
  }

  #blocksOf(pageIndex: number): number {
    return Math.min(BLOCKS_PER_PAGE, this.blockCount - pageIndex * BLOCKS_PER_PAGE);
  }

  /** Words of the bitmap at the head of a page; the checksums follow. */
  #wordsOf(pageIndex: number): number {
    return Math.ceil(this.#blocksOf(pageIndex) / BITS);
  }

  #pageWords(pageIndex: number): number {
    return this.#wordsOf(pageIndex) + this.#blocksOf(pageIndex);
  }

  #anySet(pageIndex: number, page: Uint32Array): boolean {
    return page.subarray(0, this.#wordsOf(pageIndex)).some((word) => word !== 0);
  }
}

export const pageOf = (block: number): number => Math.floor(block / BLOCKS_PER_PAGE);

const isSet = (page: Uint32Array, bit: number): boolean => (((page[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;

function setBit(page: Uint32Array, bit: number): void {
  page[bit >>> 5] = (page[bit >>> 5] ?? 0) | (1 << (bit & 31));
}

function clearBit(page: Uint32Array, bit: number): void {
  page[bit >>> 5] = (page[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
}

/** How many bits are set: sums of pairs, of fours, of bytes, then of all bytes at once. */
function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
