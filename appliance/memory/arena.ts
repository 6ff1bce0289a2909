/**
 * Verified blocks in memory that all threads share: the owner's side. The one to read first of this folder.
 *
 * Problem: threads that send must never wait for a disk (I2), must send nothing that was not checked since it left one
 * (I1), and what they handed to the kernel must not change until a client has acknowledged it (I3), which the kernel
 * tells nobody. When an object was purged, no thread may begin an answer with it (I4), and threads do not listen while
 * they send.
 *
 * The obvious: send from the page cache, and ask the kernel whether a page is there. It reads ahead what nobody checked,
 * and takes pages away between the question and the send.
 *
 * Idea: slots in a file that is memory (memory-file.ts). A block is read into a slot that nobody knows of, checked there,
 * and then shown: its identity is written to the slot (slot-table.ts), its place to a table (hint-table.ts). A slot that
 * was shown is never written again: when its block has to leave, its identity is taken off, and when nobody has it pinned
 * any more its pages are punched out. Only then it is free, and the next block gets other pages.
 *
 * Who leaves: the block that the owner touched longest ago, unless readers came back to it, of which they leave a count
 * in the slot; then it is passed over, a bounded number of times. One reading is none: the one for which it was loaded.
 * So what is read once from end to end does not drive out what is asked for again and again.
 *
 * An object is shown apart from its blocks (object-board.ts): its description says that heads may be made, its blocks
 * are there for who goes on with a body, also when it is not shown any more, until `end`.
 *
 * Limits: what is pinned cannot leave. When nothing else is left a load is refused, at once: the asker has a connection
 * that may wait, or the reference engine, and the arena has no queue. A read that hangs keeps its slot until the kernel
 * returns, since it may still write there; as many as the lane of a disk lets hang.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { World } from '../../src/world/world.ts';
import type { ArenaMetrics, ArenaUsage } from './arena-metrics.ts';
import { type ByRecency, byRecency } from './by-recency.ts';
import type { MemoryFile } from './memory-file.ts';
import type { PublishedDescription, SharedMemory } from './published.ts';
import { SlotAreas, type SlotLayout } from './slot-areas.ts';
import { type ContentNumber, contentNumber, hashOfBlock } from './tables/content-number.ts';
import { HintTable, hintTableBytes } from './tables/hint-table.ts';
import { BoardWriter, textOf } from './tables/object-board.ts';
import { SlotTable, slotTableBytes } from './tables/slot-table.ts';

/** So many blocks that readers came back to are passed over for one that needs room. */
const MOST_SPARED = 256;
/** So many that are pinned are looked at before there is no room. */
const MOST_PINNED = 1024;
/** A turn is microseconds; a thread that has not ended one in so long is not going to. */
const SETTLE_MS = 5000;

/**
 * Writes a block into a slot, through the view. `checked`: whether the bytes that are there now are right, said as soon as it is known or
 * given up. `ended`: nobody writes to the view any more, which may be long after `checked` where a disk hangs; it never
 * rejects. Neither may wait for ever without a disk that does.
 */
export type SlotFill = (view: Uint8Array) => { readonly checked: Promise<boolean>; readonly ended: Promise<void> };

/** here: readers find it. lost: what was to be loaded is not there, or is wrong. refused: all slots are in use, or the content is no more. */
export type LoadOutcome = 'here' | 'lost' | 'refused';

/** What one generation of an object has in the arena. */
export class ArenaContent {
  readonly number: ContentNumber;
  readonly onIdle: () => void;
  readonly entries = new Map<number, Entry>();
  readonly loading = new Map<number, Promise<LoadOutcome>>();
  isEnded = false;
  /** Its record on the board and what it says; undefined when it is not shown. */
  record: number | undefined;
  text: Buffer | undefined;

  constructor(number: ContentNumber, onIdle: () => void) {
    this.number = number;
    this.onIdle = onIdle;
  }

  /** It has nothing in memory, and nothing on its way. */
  get isIdle(): boolean {
    return this.entries.size === 0 && this.loading.size === 0 && this.record === undefined;
  }
}

export interface ArenaOptions {
  readonly file: MemoryFile;
  readonly size: ArenaSize;
  readonly metrics: ArenaMetrics;
  readonly world: World;
}

export interface ArenaSize extends SlotLayout {
  /** Of pages in use. */
  readonly capacityBytes: number;
  readonly maxObjects: number;
  readonly readerCount: number;
}

export class Arena {
  /** For the threads that read. */
  readonly shared: SharedMemory;
  readonly #options: ArenaOptions;
  readonly #slots: SlotTable;
  readonly #blocks: HintTable;
  readonly #board: BoardWriter<ArenaContent>;
  readonly #recent: ByRecency<number, Entry>;
  /** Taken away while somebody has them pinned. */
  readonly #leaving = new Set<Entry>();
  readonly #areas: SlotAreas;
  #usedBytes = 0;
  #contents = 0;
  #isClosed = false;

  constructor(options: ArenaOptions) {
    const { maxObjects, readerCount, slotCount } = options.size;
    this.#options = options;
    const slots = new SharedArrayBuffer(slotTableBytes(slotCount, readerCount));
    const blocks = new SharedArrayBuffer(hintTableBytes(slotCount));
    this.#slots = new SlotTable(slots, slotCount, readerCount);
    this.#areas = new SlotAreas(options.size);
    this.#blocks = new HintTable(blocks, 0, slotCount);
    this.#recent = byRecency<number, Entry>({ maxEntries: slotCount });
    this.#board = new BoardWriter<ArenaContent>(
      { maxObjects, readerCount },
      Math.floor(options.world.random.next() * 2 ** 31),
      (content) => {
        content.record = undefined;
        this.#tellIdle(content);
      },
    );
    const { fd: memoryFd } = options.file;
    this.shared = { memoryFd, slotCount, readerCount, slots, blocks, objects: this.#board.buffer };
  }

  /**
   * Something new may be in memory from now on, until `end`. @param onIdle it may have become idle: look, but in a later
   * call, since this may be in the middle of another
   */
  begin(onIdle: () => void = () => undefined): ArenaContent {
    this.#contents += 1;
    return new ArenaContent(contentNumber(this.#contents), onIdle);
  }

  has(content: ArenaContent, block: number): boolean {
    return content.entries.has(block);
  }

  /** A block into memory, unless it is there. Loads of one block at one time are one. @throws what `checked` rejects with */
  load(content: ArenaContent, block: number, sizeBytes: number, fill: SlotFill): Promise<LoadOutcome> {
    if (content.isEnded || this.#isClosed) return Promise.resolve('refused');
    const entry = content.entries.get(block);
    if (entry !== undefined) {
      this.#recent.get(entry.slot);
      return Promise.resolve('here');
    }
    const loading = content.loading.get(block);
    if (loading !== undefined) return loading;
    const slot = this.#take(sizeBytes);
    if (slot === undefined) {
      this.#options.metrics.loads.inc({ outcome: 'refused' });
      return Promise.resolve('refused');
    }
    const loaded = this.#load({ slot, content, block, sizeBytes }, fill).finally(() => {
      content.loading.delete(block);
      this.#tellIdle(content);
    });
    content.loading.set(block, loaded);
    return loaded;
  }

  /** Bytes that were checked, copied. As `load`. */
  put(content: ArenaContent, block: number, bytes: Uint8Array): Promise<LoadOutcome> {
    return this.load(content, block, bytes.length, (view) => {
      view.set(bytes);
      return { checked: Promise.resolve(true), ended: Promise.resolve() };
    });
  }

  /** The bytes of a block that is there, copied: what is in a slot is nobody's beyond a turn of the owner. */
  copy(content: ArenaContent, block: number): Uint8Array | undefined {
    const entry = content.entries.get(block);
    if (entry === undefined) return undefined;
    this.#recent.get(entry.slot);
    const bytes = Buffer.allocUnsafeSlow(entry.sizeBytes);
    bytes.set(this.#options.file.view(entry.slot, entry.sizeBytes));
    return bytes;
  }

  /** From now on heads may be made from it; replaces the description before. @returns false: it has ended, or is too long */
  show(content: ArenaContent, description: PublishedDescription): boolean {
    if (content.isEnded || this.#isClosed) return false;
    const shown = textOf(description);
    if (content.record !== undefined && content.text !== undefined && shown.text.equals(content.text)) return true;
    this.hide(content);
    content.record = this.#board.show(content, content.number, shown);
    content.text = shown.text;
    return content.record !== undefined;
  }

  /** No new head from now on; who is about to begin one is waited for by `settled`. */
  hide(content: ArenaContent): void {
    if (content.record === undefined) return;
    this.#board.withdraw(content.record);
    content.record = undefined;
    content.text = undefined;
    this.#tellIdle(content);
  }

  /** Nobody gets hold of the block any more; who has it keeps it. */
  drop(content: ArenaContent, block: number): void {
    const entry = content.entries.get(block);
    if (entry === undefined) return;
    this.#recent.delete(entry.slot);
    this.#withdraw(entry);
  }

  /** It is neither shown nor loaded any more, and its blocks leave. */
  end(content: ArenaContent): void {
    content.isEnded = true;
    this.hide(content);
    for (const block of content.entries.keys()) this.drop(content, block);
  }

  /**
   * Every reader that was between enter and leave when this was called has left: whoever begins a head now looked after
   * it. Mostly at once. @throws OperationalError OVERLOADED when one stays inside for seconds
   */
  async settled(): Promise<void> {
    const { clock } = this.#options.world;
    const { turns } = this.#board;
    const inside = turns.inside();
    if (inside.size === 0) return;
    await nextTurn();
    const endMs = clock.monotonicMs() + SETTLE_MS;
    for (;;) {
      for (const [reader, turn] of inside) if (!turns.isIn(reader, turn)) inside.delete(reader);
      if (inside.size === 0) return;
      if (clock.monotonicMs() >= endMs) {
        throw new OperationalError('OVERLOADED', `thread ${[...inside.keys()].join(', ')} does not end its turn`);
      }
      await clock.delay(1);
    }
  }

  /** A thread ended and will not unpin: what it had is free again. Its connections must be closed. */
  readerGone(reader: number): void {
    this.#slots.unpinAll(reader);
    this.#board.turns.end(reader);
  }

  usage(): ArenaUsage {
    this.#reap();
    return {
      capacityBytes: this.#options.size.capacityBytes,
      usedBytes: this.#usedBytes,
      blocks: this.#recent.size,
      largePageBytes: this.#options.size.largePageBytes,
      pins: this.#slots.countPins(),
      leavingBlocks: this.#leaving.size,
      objects: this.#board.shownCount,
    };
  }

  /** Gives the memory back; no thread may read any more. Loads that are under way are refused. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#recent.clear();
    this.#options.file.close();
  }

  async #load(entry: Entry, fill: SlotFill): Promise<LoadOutcome> {
    const { file, metrics } = this.#options;
    const { checked, ended } = fill(file.view(entry.slot, entry.sizeBytes));
    let outcome: LoadOutcome = 'lost';
    try {
      if (await checked) {
        await ended;
        outcome = entry.content.isEnded || this.#isClosed ? 'refused' : 'here';
      }
    } finally {
      metrics.loads.inc({ outcome });
      if (outcome === 'here') this.#publish(entry);
      else void ended.then(() => this.#release(entry));
    }
    return outcome;
  }

  #publish(entry: Entry): void {
    const { block, content, slot } = entry;
    const { high, low } = content.number;
    content.entries.set(block, entry);
    this.#recent.set(slot, entry);
    this.#slots.publish(slot, high, low, block);
    this.#blocks.add(hashOfBlock(high, low, block), slot);
  }

  /** A slot with room for so much; undefined when there is none. */
  #take(sizeBytes: number): number | undefined {
    const { capacityBytes } = this.#options.size;
    const pageBytes = this.#areas.pageBytesOf(sizeBytes);
    if (this.#leaving.size > 0) this.#reap();
    while (this.#usedBytes + pageBytes > capacityBytes || !this.#areas.hasRoom(sizeBytes)) {
      if (!this.#evict()) return undefined;
    }
    this.#usedBytes += pageBytes;
    return this.#areas.take(sizeBytes);
  }

  /** @returns whether a block has left */
  #evict(): boolean {
    let spared = 0;
    let pinned = 0;
    for (let left = this.#recent.size; left > 0 && pinned < MOST_PINNED; ) {
      const entry = this.#recent.pop();
      if (entry === undefined) return false;
      const isRead = spared < MOST_SPARED && this.#slots.takeReadings(entry.slot) > 1;
      if (!isRead && this.#withdrawUnpinned(entry)) {
        this.#options.metrics.evictions.inc();
        return true;
      }
      this.#recent.set(entry.slot, entry);
      // One that was read gets one more look when all others have had theirs.
      if (isRead) spared += 1;
      else {
        pinned += 1;
        left -= 1;
      }
    }
    return false;
  }

  #withdrawUnpinned(entry: Entry): boolean {
    const { slot, content } = entry;
    if (this.#slots.isPinned(slot)) return false;
    if (!this.#slots.withdraw(slot)) {
      this.#slots.restore(slot, content.number.high);
      return false;
    }
    this.#withdraw(entry);
    return true;
  }

  #withdraw(entry: Entry): void {
    const { block, content, slot } = entry;
    const { high, low } = content.number;
    content.entries.delete(block);
    this.#blocks.remove(hashOfBlock(high, low, block), slot);
    if (this.#slots.withdraw(slot)) this.#release(entry);
    else this.#leaving.add(entry);
    this.#tellIdle(content);
  }

  #tellIdle(content: ArenaContent): void {
    if (!content.isEnded && content.isIdle) content.onIdle();
  }

  #reap(): void {
    for (const entry of this.#leaving) {
      if (this.#slots.isPinned(entry.slot)) continue;
      this.#leaving.delete(entry);
      this.#release(entry);
    }
  }

  /** Nobody knows of the slot, and nobody writes to it. */
  #release({ sizeBytes, slot }: Entry): void {
    if (this.#isClosed) return;
    this.#options.file.release(slot, sizeBytes);
    this.#usedBytes -= this.#areas.pageBytesOf(sizeBytes);
    this.#areas.giveBack(slot);
  }
}

/** A block in a slot. */
interface Entry {
  readonly slot: number;
  readonly content: ArenaContent;
  readonly block: number;
  readonly sizeBytes: number;
}
