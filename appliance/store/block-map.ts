/**
 * Which blocks of one generation are held, and the CRC32C of each.
 *
 * An appliance of 100 TB has a hundred million blocks, and every request asks about some, so this lives in memory: one
 * bit and four bytes per held block. It is cut into pages of 128 blocks, made when the first block of a page arrives,
 * so that one block of a sparse 50 GB file costs 528 bytes and not 200 kB. A page in memory is byte for byte the row in
 * the index, so that loading is copying; that makes the file format that of little-endian machines, which is what Node
 * runs on.
 */
export const BLOCKS_PER_PAGE = 128;

const BITS = 32;

export class BlockMap {
  readonly blockCount: number;
  readonly #pages: (Uint32Array | undefined)[] = [];
  #heldCount = 0;

  constructor(blockCount: number) {
    this.blockCount = blockCount;
  }

  get heldCount(): number {
    return this.#heldCount;
  }

  has(block: number): boolean {
    const page = this.#pages[pageOf(block)];
    return page !== undefined && block < this.blockCount && isSet(page, block % BLOCKS_PER_PAGE);
  }

  /** The CRC32C of a held block. @throws RangeError when it is not held */
  checksum(block: number): number {
    const page = this.#pages[pageOf(block)];
    if (page === undefined || !this.has(block)) throw new RangeError(`block ${block} is not held`);
    return page[this.#wordsOf(pageOf(block)) + (block % BLOCKS_PER_PAGE)] ?? 0;
  }

  /** @throws RangeError beyond the last block */
  add(block: number, checksum: number): void {
    if (!Number.isInteger(block) || block < 0 || block >= this.blockCount) throw new RangeError(`no block ${block}`);
    const pageIndex = pageOf(block);
    const page = (this.#pages[pageIndex] ??= new Uint32Array(this.#pageWords(pageIndex)));
    if (!isSet(page, block % BLOCKS_PER_PAGE)) this.#heldCount += 1;
    setBit(page, block % BLOCKS_PER_PAGE);
    page[this.#wordsOf(pageIndex) + (block % BLOCKS_PER_PAGE)] = checksum;
  }

  /** @returns whether it was held */
  delete(block: number): boolean {
    const page = this.#pages[pageOf(block)];
    if (page === undefined || !this.has(block)) return false;
    clearBit(page, block % BLOCKS_PER_PAGE);
    this.#heldCount -= 1;
    if (!this.#anySet(pageOf(block), page)) this.#pages[pageOf(block)] = undefined;
    return true;
  }

  /** The held blocks in order. @param from the first block to look at */
  *held(from = 0): Generator<number> {
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

  /** A page as the index keeps it: a view, not a copy. Undefined when it holds nothing. */
  page(pageIndex: number): Uint8Array | undefined {
    const page = this.#pages[pageIndex];
    return page === undefined ? undefined : new Uint8Array(page.buffer, page.byteOffset, page.byteLength);
  }

  /** Takes over a page from the index. @returns false when it is not a page of this map, and is ignored */
  loadPage(pageIndex: number, bytes: Uint8Array): boolean {
    const fits = Number.isInteger(pageIndex) && pageIndex >= 0 && pageIndex * BLOCKS_PER_PAGE < this.blockCount;
    if (!fits || this.#pages[pageIndex] !== undefined) return false;
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
