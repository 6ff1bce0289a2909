import { buildPrefixTable, type Intervals, NO_VALUE, type PrefixTableData } from './build-prefix-table.ts';
import { type IpAddress, type IpPrefix, maskAddress } from './ip-address.ts';
import { type PrefixRow, PrefixRows } from './prefix-rows.ts';

export interface PrefixMatch<V> {
  readonly prefix: IpPrefix;
  readonly value: V;
}

/** No interval: nothing in the table contains the address. */
export const NO_MATCH = -1;

/**
 * Longest prefix match over a table that never changes: it is built once and replaced whole.
 *
 * A trie answers in up to 128 steps and costs an object per node. Nested prefixes are instead flattened once into
 * intervals that do not overlap (build-prefix-table.ts), and a lookup is one binary search in a typed array, among
 * those that share the address's first 16 bits. IPv4 and IPv6 differ only in words per address, so one code searches
 * both. The price is that a change rebuilds the table; tables change by minutes, lookups come by microseconds. A
 * million IPv4 prefixes take 14 MB.
 */
export class PrefixTable<V> {
  readonly #data: PrefixTableData<V>;

  constructor(data: PrefixTableData<V>) {
    this.#data = data;
  }

  /** A table of a few rows, built on the spot; of equal prefixes one counts. More than MAX_SITES sites are left out. */
  static of(rows: readonly PrefixRow[]): PrefixTable<string> {
    const columns = new PrefixRows();
    for (const { prefix, siteId } of rows) {
      const site = columns.siteNumber(siteId);
      if (site !== undefined) columns.add(prefix, site);
    }
    return new PrefixTable(buildPrefixTable(columns).data);
  }

  /** Prefixes in the table. */
  get size(): number {
    return this.#data.size;
  }

  get version(): string {
    return this.#data.version;
  }

  /** What it is made of, to be compared with another table. */
  get data(): PrefixTableData<V> {
    return this.#data;
  }

  /** The longest prefix that contains the address, or undefined. */
  find(address: IpAddress): PrefixMatch<V> | undefined {
    const at = this.search(address);
    if (at === NO_MATCH) return undefined;
    const length = this.lengthAt(address, at);
    return { prefix: { address: maskAddress(address, length), length }, value: this.valueAt(address, at) };
  }

  /** The interval of the longest prefix that contains the address, to be asked with `lengthAt` and `valueAt`. */
  search({ words }: IpAddress): number {
    const intervals = words.length === 1 ? this.#data.ipv4 : this.#data.ipv6;
    const top = (words[0] ?? 0) >>> 16;
    let low = intervals.before[top] ?? 0;
    let high = intervals.before[top + 1] ?? 0;
    // Invariant: the last interval that starts at or before the address lies in [low - 1, high).
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAt(intervals, middle, words) <= 0) low = middle + 1;
      else high = middle;
    }
    return low === 0 || intervals.values[low - 1] === NO_VALUE ? NO_MATCH : low - 1;
  }

  /** Length of the prefix of an interval that `search` found for the address. */
  lengthAt({ words }: IpAddress, at: number): number {
    return (words.length === 1 ? this.#data.ipv4 : this.#data.ipv6).lengths[at] ?? 0;
  }

  valueAt({ words }: IpAddress, at: number): V {
    const index = (words.length === 1 ? this.#data.ipv4 : this.#data.ipv6).values[at] ?? NO_VALUE;
    return this.#data.values[index] as V;
  }
}

function compareAt({ starts, wordsPerAddress }: Intervals, index: number, words: readonly number[]): number {
  if (wordsPerAddress === 1) return (starts[index] ?? 0) - (words[0] ?? 0);
  const at = index * wordsPerAddress;
  for (let word = 0; word < wordsPerAddress; word += 1) {
    const difference = (starts[at + word] ?? 0) - (words[word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
