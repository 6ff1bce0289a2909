import type { IpPrefix } from './ip-address.ts';

/** One client prefix and the site whose viewers it holds. */
export interface PrefixRow {
  readonly prefix: IpPrefix;
  readonly siteId: string;
}

/** Sites are numbered in 15 bits: with 32 of an IPv4 address and 6 of a length they fill a double's 53 exactly. */
export const MAX_SITES = 2 ** 15;
const LENGTHS = 64;
const FIRST_CAPACITY = 1024;
const IPV6_TAIL = 4;
const IPV6_STRIDE = 5;

/**
 * Rows of a table on their way to it, in columns. A million rows as objects are 150 MB and an hour of the collector's
 * day; in columns IPv4 is 8 bytes a row and IPv6 is 20. An IPv4 row is one number, address before length before site,
 * so sorting the column as plain numbers puts every prefix behind those around it.
 */
export class PrefixRows {
  readonly sites: string[] = [];
  readonly #siteIndex = new Map<string, number>();
  #ipv4 = new Float64Array(FIRST_CAPACITY);
  #ipv4Count = 0;
  /** Four words of address and one of `length * MAX_SITES + site` a row. */
  #ipv6 = new Uint32Array(FIRST_CAPACITY * IPV6_STRIDE);
  #ipv6Count = 0;

  get size(): number {
    return this.#ipv4Count + this.#ipv6Count;
  }

  hasSite(siteId: string): boolean {
    return this.#siteIndex.has(siteId);
  }

  /** The site's number, which it gets now if it has none; undefined when there are too many sites. */
  siteNumber(siteId: string): number | undefined {
    const known = this.#siteIndex.get(siteId);
    if (known !== undefined) return known;
    if (this.sites.length === MAX_SITES) return undefined;
    this.#siteIndex.set(siteId, this.sites.length);
    return this.sites.push(siteId) - 1;
  }

  addIpv4(word: number, length: number, site: number): void {
    if (this.#ipv4Count === this.#ipv4.length) this.#ipv4 = grown(this.#ipv4, new Float64Array(this.#ipv4.length * 2));
    this.#ipv4[this.#ipv4Count] = (word * LENGTHS + length) * MAX_SITES + site;
    this.#ipv4Count += 1;
  }

  add({ address: { words }, length }: IpPrefix, site: number): void {
    if (words.length === 1) return this.addIpv4(words[0] ?? 0, length, site);
    this.addWords(Uint32Array.from(words), length, site);
  }

  /** As `add` for IPv6, with the address as four words of a column. */
  addWords(words: Uint32Array, length: number, site: number): void {
    const at = this.#ipv6Count * IPV6_STRIDE;
    if (at === this.#ipv6.length) this.#ipv6 = grown(this.#ipv6, new Uint32Array(this.#ipv6.length * 2));
    this.#ipv6.set(words, at);
    this.#ipv6[at + IPV6_TAIL] = length * MAX_SITES + site;
    this.#ipv6Count += 1;
  }

  /** By address, then the shorter first, then by site. The rows themselves stay as they were added. */
  sortedIpv4(): SortedPrefixes {
    const sorted = this.#ipv4.slice(0, this.#ipv4Count).sort();
    const columns = new SortedPrefixes(1, sorted.length);
    for (const [index, packed] of sorted.entries()) {
      const prefix = Math.floor(packed / MAX_SITES);
      columns.starts[index] = Math.floor(prefix / LENGTHS);
      columns.lengths[index] = prefix % LENGTHS;
      columns.sites[index] = packed % MAX_SITES;
    }
    return columns;
  }

  /** As `sortedIpv4`. */
  sortedIpv6(): SortedPrefixes {
    const rows = this.#ipv6;
    const order = Uint32Array.from({ length: this.#ipv6Count }, (_, index) => index * IPV6_STRIDE).sort((a, b) => {
      for (let word = 0; word < IPV6_STRIDE; word += 1) {
        const difference = (rows[a + word] ?? 0) - (rows[b + word] ?? 0);
        if (difference !== 0) return difference;
      }
      return 0;
    });
    const columns = new SortedPrefixes(IPV6_TAIL, order.length);
    for (const [index, at] of order.entries()) {
      columns.starts.set(rows.subarray(at, at + IPV6_TAIL), index * IPV6_TAIL);
      const tail = rows[at + IPV6_TAIL] ?? 0;
      columns.lengths[index] = Math.floor(tail / MAX_SITES);
      columns.sites[index] = tail % MAX_SITES;
    }
    return columns;
  }
}

/** Prefixes of one family in columns; `starts` has `wordsPerAddress` words a prefix, the most significant first. */
export class SortedPrefixes {
  readonly wordsPerAddress: number;
  readonly count: number;
  readonly starts: Uint32Array;
  readonly lengths: Uint8Array;
  readonly sites: Uint16Array;

  constructor(wordsPerAddress: number, count: number, memory?: SortedPrefixes) {
    this.wordsPerAddress = wordsPerAddress;
    this.count = count;
    this.starts = memory?.starts ?? new Uint32Array(count * wordsPerAddress);
    this.lengths = memory?.lengths ?? new Uint8Array(count);
    this.sites = memory?.sites ?? new Uint16Array(count);
  }

  /** The first so many of them, on the same memory. */
  first(count: number): SortedPrefixes {
    return new SortedPrefixes(this.wordsPerAddress, count, this);
  }

  /** First address of a prefix. */
  startOf(index: number): number[] {
    return [...this.starts.subarray(index * this.wordsPerAddress, (index + 1) * this.wordsPerAddress)];
  }
}

function grown<A extends Float64Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
