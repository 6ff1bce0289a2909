import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import { PAGE_BYTES } from './memory-file.ts';

/** Blocks from here on are worth large pages: at most a quarter of the last one is wasted. */
const LARGE_FROM_BYTES = (3 / 4) * BLOCK_BYTES;

export interface SlotLayout {
  readonly slotCount: number;
  /** The first so many slots are in large pages. */
  readonly largeSlots: number;
  /** 0 where there are none. */
  readonly largePageBytes: number;
}

/** Which slots are free: large blocks lie in large pages, small ones in small pages, or a block of 16 KiB would cost a MiB. */
export class SlotAreas {
  readonly #layout: SlotLayout;
  readonly #large: FreeSlots;
  readonly #small: FreeSlots;

  constructor(layout: SlotLayout) {
    this.#layout = layout;
    this.#large = new FreeSlots(0, layout.largeSlots);
    this.#small = new FreeSlots(layout.largeSlots, layout.slotCount);
  }

  /** What a block takes of the memory. */
  pageBytesOf(sizeBytes: number): number {
    const pageBytes = this.#isLarge(sizeBytes) ? this.#layout.largePageBytes : PAGE_BYTES;
    return Math.ceil(sizeBytes / pageBytes) * pageBytes;
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#areaOf(sizeBytes).hasRoom;
  }

  /** @returns undefined when there is none */
  take(sizeBytes: number): number | undefined {
    return this.#areaOf(sizeBytes).take();
  }

  giveBack(slot: number): void {
    (slot < this.#layout.largeSlots ? this.#large : this.#small).giveBack(slot);
  }

  #isLarge(sizeBytes: number): boolean {
    return this.#layout.largeSlots > 0 && sizeBytes >= LARGE_FROM_BYTES;
  }

  #areaOf(sizeBytes: number): FreeSlots {
    return this.#isLarge(sizeBytes) ? this.#large : this.#small;
  }
}

class FreeSlots {
  readonly #free: number[] = [];
  readonly #end: number;
  /** Slots from here on were never used. */
  #fresh: number;

  constructor(start: number, end: number) {
    this.#fresh = start;
    this.#end = end;
  }

  get hasRoom(): boolean {
    return this.#free.length > 0 || this.#fresh < this.#end;
  }

  take(): number | undefined {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    if (this.#fresh === this.#end) return undefined;
    this.#fresh += 1;
    return this.#fresh - 1;
  }

  giveBack(slot: number): void {
    this.#free.push(slot);
  }
}
