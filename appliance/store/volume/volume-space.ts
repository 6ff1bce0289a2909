import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { chooseVictims } from '../eviction/choose-victims.ts';
import type { EvictionPolicy, PolicyInsight } from '../eviction/eviction-policy.ts';
import { hashOfBlock, hashOfKey } from '../eviction/structures/hash-of-key.ts';
import { type Generation, NO_SLOT } from '../generation.ts';
import { UseList } from './use-list.ts';

/**
 * The room of one volume: who is on it, who would leave first, and what is taken.
 *
 * A generation is in one of three places. Pinned ones are in the order of use, and leave when nothing else is enough.
 * Those without a block are in the order of use too: there is nothing to gain from them but their place among the
 * objects. The others are the eviction policy's, each under its slot.
 *
 * Bytes are in one of four states: *used* by generations that can be found, *reserved* by writes on their way, *lingering*
 * in forgotten generations that somebody still reads, and *leaving* while the file system removes them. All four are on
 * the disk, so all four count; only used bytes can be evicted, and leaving ones are worth waiting for.
 */
export class VolumeSpace {
  /** May change: others fill the disk, or leave it. */
  capacityBytes: number;
  readonly #lowShare: number;
  #usedBytes = 0;
  #pinnedBytes = 0;
  #reservedBytes = 0;
  #lingeringBytes = 0;
  #leavingBytes = 0;
  readonly #policy: EvictionPolicy;
  readonly #bySlot: (Generation | undefined)[] = [];
  #inPolicy = 0;
  readonly #empty = new UseList<Generation>();
  readonly #pinned = new UseList<Generation>();

  /** @param lowShare what goes beyond the capacity evicts down to this share of it, so that not every write evicts */
  constructor(capacityBytes: number, policy: EvictionPolicy, lowShare = 0.98) {
    this.capacityBytes = capacityBytes;
    this.#lowShare = lowShare;
    this.#policy = policy;
  }

  get policy(): PolicyInsight {
    return this.#policy.insight;
  }

  get occupiedBytes(): number {
    return this.#usedBytes + this.#lingeringBytes + this.#leavingBytes;
  }

  get pinnedBytes(): number {
    return this.#pinnedBytes;
  }

  get objectCount(): number {
    return this.#inPolicy + this.#empty.size + this.#pinned.size;
  }

  add(generation: Generation): void {
    this.#enter(generation);
    this.#usedBytes += generation.diskBytes;
    if (generation.pinned) this.#pinnedBytes += generation.diskBytes;
  }

  /** It can no longer be found; its bytes linger. */
  forget(generation: Generation): void {
    this.#exit(generation);
    this.#usedBytes -= generation.diskBytes;
    if (generation.pinned) this.#pinnedBytes -= generation.diskBytes;
    this.#lingeringBytes += generation.diskBytes;
  }

  /** Somebody took it into his hands. That he asked for its bytes is another matter: `served`. */
  use(generation: Generation): void {
    if (generation.slot === NO_SLOT) this.#listOf(generation).use(generation);
    else this.#policy.use(generation.slot, false);
  }

  /**
   * So many bytes of it were given to somebody, from wherever. It was asked for once when that makes up what it holds:
   * a film that is watched in a thousand ranges counts once, also while its blocks come in as they are watched.
   */
  served(generation: Generation, bytes: number): void {
    if (generation.pinned || generation.forgotten) return;
    generation.servedBytes += bytes;
    const { countsAtBytes, diskBytes, slot } = generation;
    const isFirst = countsAtBytes === 0;
    if (!isFirst && generation.servedBytes < Math.max(countsAtBytes, diskBytes)) return;
    generation.servedBytes = 0;
    generation.countsAtBytes = Math.max(diskBytes, Math.min(BLOCK_BYTES, generation.sizeBytes));
    if (slot === NO_SLOT) this.#policy.miss(hashOfKey(generation.key), generation.countsAtBytes);
    else this.#policy.use(slot, true);
  }

  /**
   * Whether a block that viewers asked for is worth a write. While there is room every one is; then it may have to have
   * been offered before.
   */
  admits(generation: Generation, block: number): boolean {
    return !this.#isTightFor(generation, block) || this.#policy.admits(hashOfBlock(hashOfKey(generation.key), block));
  }

  /** The block came, admitted or not. */
  offered(generation: Generation, block: number): void {
    if (this.#isTightFor(generation, block)) this.#policy.offered(hashOfBlock(hashOfKey(generation.key), block));
  }

  /**
   * Pinned ones keep their place in the order of use. Who loses his pin and was used after the one who leaves next
   * begins as a newcomer does; the others leave next, the least recently used first.
   */
  pin(generations: readonly Generation[], pinned: boolean): void {
    const changed = generations.filter((generation) => generation.pinned !== pinned);
    for (const generation of changed) {
      this.#exit(generation);
      this.#pinnedBytes += pinned ? generation.diskBytes : -generation.diskBytes;
      generation.pinned = pinned;
    }
    if (pinned) this.#pinned.merge(changed, ({ lastUsedMs }) => lastUsedMs);
    else this.#enterUnpinned(changed);
  }

  /** Its held blocks changed by so many bytes of disk; they have changed already. */
  resize(generation: Generation, bytes: number): void {
    if (generation.forgotten) {
      this.#lingeringBytes += bytes;
      return;
    }
    this.#usedBytes += bytes;
    if (generation.pinned) {
      this.#pinnedBytes += bytes;
      if (generation.heldBlocks > (generation.headBlocks ?? generation.blockCount)) this.pin([generation], false);
    } else if (generation.slot !== NO_SLOT && generation.diskBytes > 0) {
      this.#policy.resize(generation.slot, generation.diskBytes);
    } else {
      this.#exit(generation);
      this.#enter(generation);
    }
  }

  reserve(bytes: number): void {
    this.#reservedBytes += bytes;
  }

  unreserve(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  /** Lingering bytes begin to leave. */
  leave(bytes: number): void {
    this.#lingeringBytes -= bytes;
    this.#leavingBytes += bytes;
  }

  left(bytes: number): void {
    this.#leavingBytes -= bytes;
  }

  /** They did not leave: the file system refused. They stay until the volume is opened again. */
  stuck(bytes: number): void {
    this.#leavingBytes -= bytes;
    this.#lingeringBytes += bytes;
  }

  /** How far reservations go beyond the capacity once everything that is leaving has left. */
  get overBytes(): number {
    return this.#usedBytes + this.#lingeringBytes + this.#reservedBytes - this.capacityBytes;
  }

  /** Whether leaving bytes are in the way of what is reserved. */
  get mustWait(): boolean {
    return this.#leavingBytes > 0 && this.overBytes + this.#leavingBytes > 0;
  }

  /** Who must go for what is reserved; undefined when that is not enough. */
  victimsForReserved(): Generation[] | undefined {
    const over = this.overBytes;
    if (over <= 0) return [];
    const victims = this.victimsFor(over, over + this.capacityBytes * (1 - this.#lowShare));
    return sumOf(victims) < over ? undefined : victims;
  }

  /** Who must go when the disk itself says that it is full. */
  victimsFor(neededBytes: number, wantedBytes: number): Generation[] {
    return chooseVictims(idle(this.#unpinned()), idle(this.#pinned), { neededBytes, wantedBytes }).map(
      ({ generation }) => generation,
    );
  }

  /** The generation to forget first of those that nobody holds, with or without bytes. */
  oldestIdle(): Generation | undefined {
    for (const list of [this.#empty, this.#unpinned(), this.#pinned]) {
      const first = idle(list).next().value;
      if (first !== undefined) return first.generation;
    }
    return undefined;
  }

  *#unpinned(): Generator<Generation> {
    for (const slot of this.#policy.victims()) {
      const generation = this.#bySlot[slot];
      if (generation !== undefined) yield generation;
    }
  }

  #enter(generation: Generation, leavesNext = false): void {
    if (generation.pinned || generation.diskBytes === 0) return this.#listOf(generation).add(generation);
    generation.slot = this.#policy.add(hashOfKey(generation.key), generation.diskBytes, leavesNext);
    this.#bySlot[generation.slot] = generation;
    this.#inPolicy += 1;
  }

  #exit(generation: Generation): void {
    const { slot } = generation;
    if (slot === NO_SLOT) return this.#listOf(generation).remove(generation);
    this.#policy.remove(slot);
    this.#bySlot[slot] = undefined;
    this.#inPolicy -= 1;
    generation.slot = NO_SLOT;
  }

  #enterUnpinned(generations: readonly Generation[]): void {
    const [next] = this.#unpinned();
    const nextUsedMs = next?.lastUsedMs ?? 0;
    const byUse = generations.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
    for (const generation of byUse) if (generation.lastUsedMs >= nextUsedMs) this.#enter(generation);
    for (const generation of byUse.reverse()) if (generation.lastUsedMs < nextUsedMs) this.#enter(generation, true);
  }

  /** Of a generation that is not the policy's. */
  #listOf(generation: Generation): UseList<Generation> {
    return generation.pinned ? this.#pinned : this.#empty;
  }

  /** Whether writing the block would make somebody leave. What the plan wants need not ask. */
  #isTightFor(generation: Generation, block: number): boolean {
    const takenBytes = this.occupiedBytes + this.#reservedBytes + generation.blockDiskBytes(block);
    return !isWanted(generation, block) && takenBytes > this.capacityBytes;
  }
}

const isWanted = ({ pinned, headBlocks }: Generation, block: number): boolean =>
  pinned && block < (headBlocks ?? Number.POSITIVE_INFINITY);

interface Candidate {
  readonly generation: Generation;
  readonly sizeBytes: number;
}

function* idle(list: Iterable<Generation>): Generator<Candidate, undefined> {
  for (const generation of list) {
    if (generation.holders === 0) yield { generation, sizeBytes: generation.diskBytes };
  }
}

const sumOf = (generations: readonly Generation[]): number =>
  generations.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
