import { chooseVictims } from '../eviction.ts';
import type { Generation } from '../generation.ts';
import { UseList } from './use-list.ts';

/**
 * The room of one volume: who is on it in the order of use, and what is taken.
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
  readonly #unpinned = new UseList<Generation>();
  readonly #pinned = new UseList<Generation>();

  /** @param lowShare what goes beyond the capacity evicts down to this share of it, so that not every write evicts */
  constructor(capacityBytes: number, lowShare = 0.98) {
    this.capacityBytes = capacityBytes;
    this.#lowShare = lowShare;
  }

  get occupiedBytes(): number {
    return this.#usedBytes + this.#lingeringBytes + this.#leavingBytes;
  }

  get pinnedBytes(): number {
    return this.#pinnedBytes;
  }

  get objectCount(): number {
    return this.#unpinned.size + this.#pinned.size;
  }

  add(generation: Generation): void {
    this.#listOf(generation).add(generation);
    this.#usedBytes += generation.diskBytes;
    if (generation.pinned) this.#pinnedBytes += generation.diskBytes;
  }

  /** It can no longer be found; its bytes linger. */
  forget(generation: Generation): void {
    this.#listOf(generation).remove(generation);
    this.#usedBytes -= generation.diskBytes;
    if (generation.pinned) this.#pinnedBytes -= generation.diskBytes;
    this.#lingeringBytes += generation.diskBytes;
  }

  use(generation: Generation): void {
    this.#listOf(generation).use(generation);
  }

  /** They keep their place in the order of use. */
  pin(generations: readonly Generation[], pinned: boolean): void {
    const changed = generations.filter((generation) => generation.pinned !== pinned);
    for (const generation of changed) {
      this.#listOf(generation).remove(generation);
      this.#pinnedBytes += pinned ? generation.diskBytes : -generation.diskBytes;
      generation.pinned = pinned;
    }
    (pinned ? this.#pinned : this.#unpinned).merge(changed, ({ lastUsedMs }) => lastUsedMs);
  }

  /** Its held blocks changed by so many bytes of disk. */
  resize(generation: Generation, bytes: number): void {
    if (generation.forgotten) this.#lingeringBytes += bytes;
    else {
      this.#usedBytes += bytes;
      if (generation.pinned) this.#pinnedBytes += bytes;
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
    return chooseVictims(idle(this.#unpinned), idle(this.#pinned), { neededBytes, wantedBytes }).map(
      ({ generation }) => generation,
    );
  }

  /** The least recently used generation that nobody holds, with or without bytes. */
  oldestIdle(): Generation | undefined {
    return (idle(this.#unpinned).next().value ?? idle(this.#pinned).next().value)?.generation;
  }

  #listOf(generation: Generation): UseList<Generation> {
    return generation.pinned ? this.#pinned : this.#unpinned;
  }
}

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
