import type { Clock } from '../../src/world/world.ts';
import { parseAddress } from '../routing/ip-address.ts';

const SECOND_MS = 1000;
const MAX_ADDRESSES = 50_000;

export interface AddressLimit {
  /** Requests of one address in a window. */
  readonly max: number;
  /** By default a second. */
  readonly windowMs?: number;
  /** How much of an IPv6 address tells one asker from another: by default the /64 that every host has to itself. */
  readonly ipv6Bits?: 48 | 64;
}

/**
 * How often each address asks. Windows keep it to one counter; the table of addresses is bounded and starts afresh with
 * each window. An IPv6 address counts by its network.
 */
export class AddressRates {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #windowMs: number;
  readonly #ipv6Bits: 48 | 64;
  readonly #byAddress = new Map<string, number>();
  /** Of IPv6 addresses, which take microseconds to read. */
  readonly #networks = new Map<string, string>();
  #windowEndsMs = 0;

  constructor(clock: Clock, { max, windowMs = SECOND_MS, ipv6Bits = 64 }: AddressLimit) {
    this.#clock = clock;
    this.#max = max;
    this.#windowMs = windowMs;
    this.#ipv6Bits = ipv6Bits;
  }

  /** Counts one request. @returns whether it is within the rate */
  admit(address: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#windowEndsMs) {
      this.#windowEndsMs = nowMs + this.#windowMs;
      this.#byAddress.clear();
    }
    const key = address.includes(':') ? this.#networkOf(address) : address;
    const count = (this.#byAddress.get(key) ?? 0) + 1;
    if (count > 1 || this.#byAddress.size < MAX_ADDRESSES) this.#byAddress.set(key, count);
    return count <= this.#max;
  }

  #networkOf(address: string): string {
    const known = this.#networks.get(address);
    if (known !== undefined) return known;
    const network = networkOf(address, this.#ipv6Bits);
    if (this.#networks.size >= MAX_ADDRESSES) this.#networks.clear();
    this.#networks.set(address, network);
    return network;
  }
}

/** The address, or the network that one IPv6 host (64 bits) or one site (48) has to itself. */
export function networkOf(address: string, ipv6Bits: 48 | 64 = 64): string {
  const words = address.includes(':') ? parseAddress(address)?.words : undefined;
  const [first, second = 0] = words ?? [];
  return words?.length === 4 ? `${first}:${ipv6Bits === 64 ? second : second >>> 16}` : address;
}
