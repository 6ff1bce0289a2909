import type { EvictionPolicy, PolicyInsight } from './eviction-policy.ts';
import { EntryList, EntryTable, NONE } from './structures/entry-table.ts';
import { FrequencySketch } from './structures/frequency-sketch.ts';
import { SecondHitFilter } from './structures/second-hit-filter.ts';

/**
 * Window TinyLFU by bytes (Einziger, Eytan, Friedman and Manes, "Lightweight Robust Size Aware Cache Management", ToS
 * 2022): newcomers enter a window in which the least recently used goes first. Who falls out of the window meets those
 * who would have to leave the main part for it, enough of them to make up its bytes, and stays only when its bytes were
 * asked for more often than theirs. The main part is a segmented LRU: what was asked for in it is protected.
 *
 * What differs from the paper, each measured (bench/replay-eviction):
 * - Frequencies count by the bytes they stand for, because bytes are what an uplink pays for; the sum of plain
 *   frequencies favours small entries.
 * - The request that brought an entry speaks for it hardly at all (FIRST_REQUEST_DISCOUNT): three of four are never
 *   asked for again. Without it a large entry seen once beats a small one seen twice.
 * - A use soon after the last one says little of tomorrow (a player that starts over, a second tab): within the
 *   correlated period (O'Neil et al., LRU-K, SIGMOD 1993) it renews an entry but is not counted.
 *
 * The share of the window decides between recency and frequency. At a share of 1 everything is window: the oldest use
 * of all leaves, which is LRU.
 *
 * Limits: the share is fixed, and none is right everywhere: the rate of reuse (reuse-rate.ts) is the default instead.
 */
const PROTECTED_SHARE = 0.8;
const FIRST_REQUEST_DISCOUNT = 0.8;
/** Of as many uses as there are entries. */
const CORRELATED_SHARE = 0.5;
const FIRST_SKETCH_WIDTH = 4096;
const COUNTERS_PER_ENTRY = 4;
/** As blocks: what was refused within the last 128 to 256 GiB. */
const SECOND_HIT_FILL = 2 ** 17;

const WINDOW = 0;
const PROBATION = 1;
const PROTECTED = 2;

export interface WTinyLfuSetting {
  /** Of the bytes, above 0 and at most 1. */
  readonly windowShare: number;
  /** Newcomers are admitted the second time only. */
  readonly needsSecondHit: boolean;
}

export class WTinyLfu implements EvictionPolicy {
  readonly setting: WTinyLfuSetting;
  readonly #table = new EntryTable();
  readonly #window = new EntryList(this.#table);
  readonly #probation = new EntryList(this.#table);
  readonly #protected = new EntryList(this.#table);
  readonly #lists = [this.#window, this.#probation, this.#protected] as const;
  readonly #sketch = new FrequencySketch(FIRST_SKETCH_WIDTH);
  readonly #seen: SecondHitFilter;
  #count = 0;
  /** Counts uses; wraps around. */
  #now = 0;

  constructor(setting: WTinyLfuSetting, secondHitFill = SECOND_HIT_FILL) {
    this.setting = setting;
    this.#seen = new SecondHitFilter(secondHitFill);
  }

  get insight(): PolicyInsight {
    const { needsSecondHit } = this.setting;
    return { activeRule: this.#isLru ? 'lru' : 'w-tinylfu', needsSecondHit, shadow: undefined };
  }

  get bytes(): number {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes;
  }

  hashOf(slot: number): number {
    return this.#table.hash[slot] ?? 0;
  }

  bytesOf(slot: number): number {
    return this.#table.bytes[slot] ?? 0;
  }

  miss(hash: number): void {
    this.#sketch.add(hash);
  }

  add(hash: number, bytes: number, leavesNext = false): number {
    const slot = this.#table.take(hash, bytes);
    this.#table.note[slot] = WINDOW;
    this.#count += 1;
    while (this.#sketch.width < this.#count * COUNTERS_PER_ENTRY) this.#sketch.grow();
    if (leavesNext) {
      this.#window.addOldest(slot);
      this.#table.usedAt[slot] = (this.#now - 2 ** 31) >>> 0;
    } else {
      this.#window.add(slot);
      this.#stamp(slot);
      this.#table.countedAt[slot] = this.#now;
    }
    return slot;
  }

  use(slot: number, isCounted: boolean): void {
    const { countedAt, note } = this.#table;
    this.#stamp(slot);
    if (isCounted && this.#since(countedAt[slot]) > this.#count * CORRELATED_SHARE) {
      countedAt[slot] = this.#now;
      this.#sketch.add(this.hashOf(slot));
    }
    if (this.#isLru) this.#move(slot, WINDOW);
    else if (isCounted && note[slot] === PROBATION) this.#protect(slot);
    else this.#listOf(slot).renew(slot);
  }

  resize(slot: number, bytes: number): void {
    this.#listOf(slot).resize(slot, bytes);
  }

  remove(slot: number): void {
    this.#listOf(slot).remove(slot);
    this.#table.free(slot);
    this.#count -= 1;
  }

  admits(hash: number): boolean {
    return !this.setting.needsSecondHit || this.#seen.has(hash);
  }

  /** Noted under every setting: a filter that knows nobody would refuse everybody once. */
  offered(hash: number): void {
    this.#seen.add(hash);
  }

  victims(): Iterable<number> {
    return this.#isLru ? this.#oldestFirst() : this.#contested();
  }

  get #isLru(): boolean {
    return this.setting.windowShare === 1;
  }

  /** Each list is in the order of use but for those that lost their protection, who come a little early. */
  *#oldestFirst(): Generator<number> {
    const next = this.#lists.map(({ oldest }) => oldest);
    for (;;) {
      let list = NONE;
      for (const [index, slot] of next.entries()) {
        if (slot === NONE) continue;
        if (list === NONE || this.#ageOf(slot) > this.#ageOf(next[list] ?? NONE)) list = index;
      }
      const slot = next[list];
      if (slot === undefined) return;
      next[list] = this.#table.newer[slot] ?? NONE;
      yield slot;
    }
  }

  /** Winners of the contest move to the main part while this is read; the lists lose nobody, so totals are kept here. */
  *#contested(): Generator<number> {
    const { newer } = this.#table;
    let windowBytes = this.#window.bytes;
    let totalBytes = this.bytes;
    let candidate = this.#window.oldest;
    const main = new MainVictims(this.#probation, this.#protected, this.#table);
    for (;;) {
      const slot = candidate;
      if (slot !== NONE && windowBytes > totalBytes * this.setting.windowShare) {
        candidate = newer[slot] ?? NONE;
        windowBytes -= this.bytesOf(slot);
        const losers = this.#losersTo(slot, main);
        if (losers[0] !== slot) {
          this.#move(slot, PROBATION);
          main.join(slot);
        }
        for (const loser of losers) totalBytes -= this.bytesOf(loser);
        yield* losers;
        continue;
      }
      const leaving = main.take();
      if (leaving === NONE) break;
      totalBytes -= this.bytesOf(leaving);
      yield leaving;
    }
    for (; candidate !== NONE; candidate = newer[candidate] ?? NONE) yield candidate;
  }

  /** Who leaves for the candidate to stay, or the candidate itself when they are worth more. */
  #losersTo(candidate: number, main: MainVictims): number[] {
    let lacking = this.bytesOf(candidate);
    let gain = this.#worthOf(candidate);
    const losers: number[] = [];
    const before = main.place;
    while (lacking > 0) {
      const loser = main.take(false);
      if (loser === NONE) break;
      losers.push(loser);
      lacking -= this.bytesOf(loser);
      gain -= this.#worthOf(loser);
      if (gain <= 0) {
        main.place = before;
        return [candidate];
      }
    }
    return losers;
  }

  /** Bytes that are about to be asked for again, in no unit but comparable. */
  #worthOf(slot: number): number {
    const requests = this.#sketch.estimate(this.hashOf(slot));
    return Math.max(0, requests - FIRST_REQUEST_DISCOUNT) * this.bytesOf(slot);
  }

  #protect(slot: number): void {
    this.#move(slot, PROTECTED);
    const limit = (this.#protected.bytes + this.#probation.bytes) * PROTECTED_SHARE;
    while (this.#protected.bytes > limit && this.#protected.oldest !== slot) {
      this.#move(this.#protected.oldest, PROBATION);
    }
  }

  #move(slot: number, list: 0 | 1 | 2): void {
    this.#listOf(slot).remove(slot);
    this.#table.note[slot] = list;
    this.#lists[list].add(slot);
  }

  #stamp(slot: number): void {
    this.#now = (this.#now + 1) >>> 0;
    this.#table.usedAt[slot] = this.#now;
  }

  /** In uses of all. */
  #ageOf(slot: number): number {
    return this.#since(this.#table.usedAt[slot]);
  }

  #since(time = 0): number {
    return (this.#now - time) >>> 0;
  }

  #listOf(slot: number): EntryList {
    return this.#lists[(this.#table.note[slot] ?? WINDOW) as 0 | 1 | 2];
  }
}

/**
 * The main part in the order in which it gives: on probation first, then protected, last those who joined meanwhile
 * (unless the walk through the probation met them), so that everybody is proposed once.
 */
class MainVictims {
  place: { readonly next: number; readonly firstProtected: number };
  readonly #table: EntryTable;
  readonly #joined = new Set<number>();

  constructor(probation: EntryList, guarded: EntryList, table: EntryTable) {
    this.#table = table;
    this.place =
      probation.oldest === NONE
        ? { next: guarded.oldest, firstProtected: NONE }
        : { next: probation.oldest, firstProtected: guarded.oldest };
  }

  /** @returns NONE when there is nobody left */
  take(alsoJoined = true): number {
    const { next: slot, firstProtected } = this.place;
    if (slot === NONE || this.#joined.has(slot)) return alsoJoined ? this.#takeJoined() : NONE;
    const after = this.#table.newer[slot] ?? NONE;
    this.place =
      after === NONE || this.#joined.has(after)
        ? { next: firstProtected, firstProtected: NONE }
        : { next: after, firstProtected };
    return slot;
  }

  join(slot: number): void {
    this.#joined.add(slot);
  }

  #takeJoined(): number {
    for (const slot of this.#joined) {
      this.#joined.delete(slot);
      return slot;
    }
    return NONE;
  }
}
