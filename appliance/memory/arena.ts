import type { PublishedDescription, SharedMemory } from './published.ts';

/** What one generation of an object has in the arena. Made by `begin`; means nothing after `forget`. */
export interface ArenaContent {
  readonly high: number;
  readonly low: number;
}

/**
 * Writes a block into a slot. `checked`: whether the bytes that are there now are right, said as soon as it is known or
 * given up. `ended`: nobody writes to the view any more, which may be long after `checked` where a disk hangs. Neither
 * may wait for ever without a disk that does.
 */
export type SlotFill = (view: Uint8Array) => { readonly checked: Promise<boolean>; readonly ended: Promise<void> };

/** here: published. lost: `fill` gave nothing that is right. refused: all slots are in use, or the content is forgotten. */
export type LoadOutcome = 'here' | 'lost' | 'refused';

/** The owner's side: which blocks are in shared memory, and which objects may be answered for from there. */
export interface Arena {
  /** For the threads that read. */
  readonly shared: SharedMemory;
  begin(): ArenaContent;
  has(content: ArenaContent, block: number): boolean;
  /** A block into memory, unless it is there. Loads of one block at one time are one. @throws what `fill` rejects with */
  load(content: ArenaContent, block: number, sizeBytes: number, fill: SlotFill): Promise<LoadOutcome>;
  /** The bytes of a block that is there, copied: what is in a slot is nobody's for longer than a turn. */
  copy(content: ArenaContent, block: number): Uint8Array | undefined;
  /** From now on heads may be made from it; replaces the description before. @returns false: it is too long to be shown */
  publishObject(content: ArenaContent, description: PublishedDescription): boolean;
  /** No new head from now on. Whoever began one before is waited for by `settled`. */
  unpublishObject(content: ArenaContent): void;
  /** The block leaves memory: nobody gets hold of it any more, and who has it keeps it. */
  drop(content: ArenaContent, block: number): void;
  /** As `unpublishObject`; its blocks are for bodies that run, and are the first to leave. */
  forget(content: ArenaContent): void;
  /** Every reader that was between enter and leave when this was called has left. @throws OperationalError when one never does */
  settled(): Promise<void>;
  /** A thread ended and will not unpin: what it had is free again. Its descriptors must be closed before. */
  readerGone(number: number): void;
  usage(): ArenaUsage;
  /** Gives the memory back; no thread may read any more. */
  close(): void;
}

export interface ArenaUsage {
  readonly capacityBytes: number;
  /** Pages in use, also by slots that are being filled or are left by their last readers. */
  readonly usedBytes: number;
  readonly slots: number;
  readonly pinnedSlots: number;
  readonly objects: number;
}
