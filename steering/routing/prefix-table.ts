import { buildPrefixTable, type Intervals, NO_SITE, type PrefixTableData } from './build-prefix-table.ts';
import { type IpAddress, type IpPrefix, maskAddress } from './ip-address.ts';
import { type PrefixRow, PrefixRows } from './prefix-rows.ts';

export interface PrefixMatch {
  readonly prefix: IpPrefix;
  readonly siteId: string;
}

/**
 * Longest prefix match over a table that never changes: it is built once and replaced whole.
 *
 * A trie answers in up to 128 steps and costs an object per node. Nested prefixes are instead flattened once into
 * intervals that do not overlap (build-prefix-table.ts), and a lookup is one binary search in a typed array, about 20
 * steps for a million routes. IPv4 and IPv6 differ only in words per address, so one code searches both. The price is
 * that a change rebuilds the table; tables change by minutes, lookups come by microseconds. A million IPv4 prefixes
 * take 14 MB.
 */
export class PrefixTable {
  readonly #data: PrefixTableData;

  constructor(data: PrefixTableData) {
    this.#data = data;
  }

  /** A table of a few rows, built on the spot; of equal prefixes one counts. More than MAX_SITES sites are left out. */
  static of(rows: readonly PrefixRow[]): PrefixTable {
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

  /** The longest prefix that contains the address, or undefined. */
  find(address: IpAddress): PrefixMatch | undefined {
    const { words } = address;
    const intervals = words.length === 1 ? this.#data.ipv4 : this.#data.ipv6;
    let low = 0;
    let high = intervals.count;
    // Invariant: the last interval that starts at or before the address lies in [low - 1, high).
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAt(intervals, middle, words) <= 0) low = middle + 1;
      else high = middle;
    }
    const siteId = this.#data.sites[intervals.sites[low - 1] ?? NO_SITE];
    if (siteId === undefined) return undefined;
    const length = intervals.lengths[low - 1] ?? 0;
    return { prefix: { address: maskAddress(address, length), length }, siteId };
  }
}

function compareAt({ starts, wordsPerAddress }: Intervals, index: number, words: readonly number[]): number {
  const at = index * wordsPerAddress;
  for (let word = 0; word < wordsPerAddress; word += 1) {
    const difference = (starts[at + word] ?? 0) - (words[word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
