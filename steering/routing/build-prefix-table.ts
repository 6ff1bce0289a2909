import { createHash } from 'node:crypto';
import type { PrefixRows, SortedPrefixes } from './prefix-rows.ts';

/**
 * Flattens nested prefixes into intervals that do not overlap: the address space is cut wherever the longest match
 * changes, so that a lookup is one binary search (prefix-table.ts). Prefixes nest or are disjoint, so those around the
 * address in hand form a stack, the longest on top; one pass over the sorted prefixes opens and closes them. Everything
 * is columns of numbers: a million prefixes make no object.
 */
export interface PrefixTableData<V> {
  readonly size: number;
  /** Names the content: equal for equal tables, in every replica and after a restart. */
  readonly version: string;
  readonly values: readonly V[];
  readonly ipv4: Intervals;
  readonly ipv6: Intervals;
}

/** First addresses of the intervals, ascending, and the best match of each. Plain arrays: they travel between threads. */
export interface Intervals {
  readonly wordsPerAddress: number;
  readonly count: number;
  readonly starts: Uint32Array;
  /** Index into `values`; NO_VALUE where nothing matches. */
  readonly values: Uint16Array;
  readonly lengths: Uint8Array;
  /** For each value of an address's first 16 bits how many intervals start before it; the last counts all. */
  readonly before: Uint32Array;
}

export const NO_VALUE = 0xffff;

/** One prefix that two rows give to different sites. */
export interface PrefixConflict {
  readonly words: readonly number[];
  readonly length: number;
}

export interface BuiltTable<V> {
  readonly data: PrefixTableData<V>;
  /** Of these the table has the site with the lower number. */
  readonly conflicts: readonly PrefixConflict[];
}

export function buildPrefixTable(rows: PrefixRows): BuiltTable<string> {
  return buildSorted(rows.sortedIpv4(), rows.sortedIpv6(), rows.sites);
}

/** A table of prefixes that are sorted already; their `sites` count in `values`. */
export function buildSorted<V>(
  ipv4Rows: SortedPrefixes,
  ipv6Rows: SortedPrefixes,
  values: readonly V[],
): BuiltTable<V> {
  const conflicts: PrefixConflict[] = [];
  const ipv4 = cutIntoIntervals(ipv4Rows, conflicts);
  const ipv6 = cutIntoIntervals(ipv6Rows, conflicts);
  const size = ipv4.unique + ipv6.unique;
  const version = versionOf(values, [ipv4.intervals, ipv6.intervals]);
  return { data: { size, version, values, ipv4: ipv4.intervals, ipv6: ipv6.intervals }, conflicts };
}

/** The buffers of a table's columns, to be moved to another thread. */
export function columnsOf(table: PrefixTableData<unknown>): ArrayBuffer[] {
  return [table.ipv4, table.ipv6]
    .flatMap(({ starts, values, lengths, before }) => [starts, values, lengths, before])
    .map(({ buffer }) => buffer as ArrayBuffer);
}

/** The same table on memory of its own, which may be moved away. */
export function withOwnColumns<V>(table: PrefixTableData<V>): PrefixTableData<V> {
  const copy = (family: Intervals): Intervals => ({
    ...family,
    starts: family.starts.slice(),
    values: family.values.slice(),
    lengths: family.lengths.slice(),
    before: family.before.slice(),
  });
  return { ...table, ipv4: copy(table.ipv4), ipv6: copy(table.ipv6) };
}

const VERSION_CHARS = 12;

function versionOf(values: readonly unknown[], families: readonly Intervals[]): string {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const { starts, values: indexes, lengths } of families) hash.update(starts).update(indexes).update(lengths);
  return hash.digest('hex').slice(0, VERSION_CHARS);
}

function cutIntoIntervals(
  prefixes: SortedPrefixes,
  conflicts: PrefixConflict[],
): { readonly intervals: Intervals; readonly unique: number } {
  const { wordsPerAddress, starts, lengths, sites } = prefixes;
  const cuts = new Cuts(wordsPerAddress, prefixes.count * 2);
  const open = new OpenPrefixes(wordsPerAddress);
  let unique = 0;
  for (let index = 0; index < prefixes.count; index += 1) {
    const at = index * wordsPerAddress;
    const length = lengths[index] ?? 0;
    const site = sites[index] ?? NO_VALUE;
    if (
      index > 0 &&
      length === lengths[index - 1] &&
      compareWords(starts, at, starts, at - wordsPerAddress, wordsPerAddress) === 0
    ) {
      if (site !== sites[index - 1]) conflicts.push({ words: prefixes.startOf(index), length });
      continue;
    }
    unique += 1;
    while (open.depth > 0 && open.endsBy(starts, at)) closeTop(open, cuts);
    open.push(starts, at, length, site);
    cuts.add(starts, at, site, length);
  }
  while (open.depth > 0) closeTop(open, cuts);
  return { intervals: cuts.toIntervals(), unique };
}

/** Behind the longest prefix begins what lies around it. */
function closeTop(open: OpenPrefixes, cuts: Cuts): void {
  const end = open.pop();
  if (end !== undefined) cuts.add(open.ends, end, open.topSite, open.topLength);
}

const MOST_NESTED = 129;

/** The prefixes around the address in hand. Prefixes that nest have different lengths, so there are never many. */
class OpenPrefixes {
  /** The first address after each, `wordsPerAddress` words. */
  readonly ends: Uint32Array;
  readonly #width: number;
  /** Whether the address after it exists: the last prefix of all reaches the end of the address space. */
  readonly #hasEnd: boolean[] = [];
  readonly #sites: number[] = [];
  readonly #lengths: number[] = [];

  constructor(wordsPerAddress: number) {
    this.#width = wordsPerAddress;
    this.ends = new Uint32Array(MOST_NESTED * wordsPerAddress);
  }

  get depth(): number {
    return this.#sites.length;
  }

  get topSite(): number {
    return this.#sites.at(-1) ?? NO_VALUE;
  }

  get topLength(): number {
    return this.#lengths.at(-1) ?? 0;
  }

  push(starts: Uint32Array, at: number, length: number, site: number): void {
    const end = this.depth * this.#width;
    for (let word = 0; word < this.#width; word += 1) this.ends[end + word] = starts[at + word] ?? 0;
    this.#hasEnd.push(stepOver(this.ends, end, length));
    this.#sites.push(site);
    this.#lengths.push(length);
  }

  /** Whether the longest ends at or before an address. */
  endsBy(starts: Uint32Array, at: number): boolean {
    const end = (this.depth - 1) * this.#width;
    return this.#hasEnd.at(-1) === true && compareWords(this.ends, end, starts, at, this.#width) <= 0;
  }

  /** Closes the longest. @returns where in `ends` its end is, until the next push; undefined when it has none */
  pop(): number | undefined {
    this.#sites.pop();
    this.#lengths.pop();
    return this.#hasEnd.pop() === true ? this.depth * this.#width : undefined;
  }
}

/** Where the best match changes, in ascending order; a later cut at the same address replaces the one before. */
class Cuts {
  readonly #wordsPerAddress: number;
  readonly #starts: Uint32Array;
  readonly #sites: Uint16Array;
  readonly #lengths: Uint8Array;
  #count = 0;

  constructor(wordsPerAddress: number, mostCuts: number) {
    this.#wordsPerAddress = wordsPerAddress;
    this.#starts = new Uint32Array(mostCuts * wordsPerAddress);
    this.#sites = new Uint16Array(mostCuts);
    this.#lengths = new Uint8Array(mostCuts);
  }

  add(starts: Uint32Array, at: number, site: number, length: number): void {
    const width = this.#wordsPerAddress;
    const last = (this.#count - 1) * width;
    if (this.#count === 0 || compareWords(this.#starts, last, starts, at, width) !== 0) {
      for (let word = 0; word < width; word += 1) this.#starts[last + width + word] = starts[at + word] ?? 0;
      this.#count += 1;
    }
    this.#sites[this.#count - 1] = site;
    this.#lengths[this.#count - 1] = length;
  }

  toIntervals(): Intervals {
    const starts = this.#starts.slice(0, this.#count * this.#wordsPerAddress);
    return {
      wordsPerAddress: this.#wordsPerAddress,
      count: this.#count,
      starts,
      values: this.#sites.slice(0, this.#count),
      lengths: this.#lengths.slice(0, this.#count),
      before: countBefore(starts, this.#wordsPerAddress, this.#count),
    };
  }
}

/** With it a lookup begins among the intervals of one 65,536th of the address space, not among all. */
function countBefore(starts: Uint32Array, width: number, count: number): Uint32Array {
  const before = new Uint32Array(0x10001);
  let filled = 0;
  for (let index = 0; index < count; index += 1) {
    const top = (starts[index * width] ?? 0) >>> 16;
    while (filled <= top) {
      before[filled] = index;
      filled += 1;
    }
  }
  before.fill(count, filled);
  return before;
}

function compareWords(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number, width: number): number {
  for (let word = 0; word < width; word += 1) {
    const difference = (a[aAt + word] ?? 0) - (b[bAt + word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Turns the first address of a prefix into the first one after it. @returns false when there is none */
function stepOver(words: Uint32Array, at: number, length: number): boolean {
  if (length === 0) return false;
  let word = (length - 1) >> 5;
  let carry = 2 ** (31 - ((length - 1) & 31));
  for (; word >= 0 && carry > 0; word -= 1) {
    const sum = (words[at + word] ?? 0) + carry;
    words[at + word] = sum;
    carry = sum > 0xffffffff ? 1 : 0;
  }
  return carry === 0;
}
