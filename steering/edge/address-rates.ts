import { KeyedHash } from '../../src/hashing/keyed-hash.ts';
import { SlotTable } from '../../src/memory/slot-table.ts';
import type { Clock, World } from '../../src/world/world.ts';
import { parseAddress } from '../routing/ip-address.ts';

const SECOND_MS = 1000;
/** Slots: twice as many would take no more addresses in practice, half as many would forget those of a busy second. */
const MAX_ADDRESSES = 131_072;
const KEY_BYTES = 8;

export interface AddressLimit {
  /** Requests of one address in a window. */
  readonly max: number;
  /** By default a second. */
  readonly windowMs?: number;
  /** How much of an IPv6 address tells one asker from another: by default the /64 that every host has to itself. */
  readonly ipv6Bits?: 48 | 64;
}

/**
 * How often each address asks. Windows keep it to one counter; the table of addresses is bounded, and who finds no place
 * in it because others of this window fill it is not counted. An IPv6 address counts by its network. Addresses are kept
 * as keyed hashes (see keyed-hash), so nobody can choose one that counts for his neighbour.
 */
export class AddressRates {
  readonly #clock: Clock;
  readonly #hash: KeyedHash;
  readonly #max: number;
  readonly #windowMs: number;
  readonly #ipv6Bits: 48 | 64;
  readonly #slots = new SlotTable(MAX_ADDRESSES);
  readonly #counts = new Uint32Array(this.#slots.size);
  #windowStartsMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, random }: World, { max, windowMs = SECOND_MS, ipv6Bits = 64 }: AddressLimit) {
    this.#clock = clock;
    this.#hash = new KeyedHash(random.bytes(KEY_BYTES));
    this.#max = max;
    this.#windowMs = windowMs;
    this.#ipv6Bits = ipv6Bits;
  }

  /** Counts one request. @returns whether it is within the rate */
  admit(address: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#windowStartsMs + this.#windowMs) this.#windowStartsMs = nowMs;
    const slot = this.#slotOf(this.#keyOf(address));
    if (slot === -1) return true;
    const count = (this.#counts[slot] ?? 0) + 1;
    this.#counts[slot] = count;
    return count <= this.#max;
  }

  #slotOf(key: number): number {
    const known = this.#slots.find(key, this.#windowStartsMs);
    if (known !== -1) return known;
    const slot = this.#slots.claim(key, this.#windowStartsMs, this.#windowStartsMs);
    if (slot !== -1) this.#counts[slot] = 0;
    return slot;
  }

  #keyOf(address: string): number {
    if (!address.includes(':')) return this.#hash.ofText(address);
    const [first = 0, second = 0] = parseAddress(address)?.words ?? [];
    return this.#hash.ofWords(first, this.#ipv6Bits === 64 ? second : second >>> 16);
  }
}

/** The address, or the network that one IPv6 host (64 bits) or one site (48) has to itself. */
export function networkOf(address: string, ipv6Bits: 48 | 64 = 64): string {
  const words = address.includes(':') ? parseAddress(address)?.words : undefined;
  const [first, second = 0] = words ?? [];
  return words?.length === 4 ? `${first}:${ipv6Bits === 64 ? second : second >>> 16}` : address;
}
