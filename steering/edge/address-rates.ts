import type { Clock } from '../../src/world/world.ts';
import { parseAddress } from '../routing/ip-address.ts';

const WINDOW_MS = 1000;
const MAX_ADDRESSES = 50_000;

/**
 * How often each address asks. Windows of one second keep it to one counter; the table of addresses is bounded and
 * starts afresh with each window. An IPv6 address counts by its /64, because every host has that many to itself.
 */
export class AddressRates {
  readonly #clock: Clock;
  readonly #maxPerSec: number;
  readonly #byAddress = new Map<string, number>();
  /** Of IPv6 addresses, which take microseconds to read. */
  readonly #networks = new Map<string, string>();
  #windowEndsMs = 0;

  constructor(clock: Clock, maxPerSec: number) {
    this.#clock = clock;
    this.#maxPerSec = maxPerSec;
  }

  /** Counts one request. @returns whether it is within the rate */
  admit(address: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#windowEndsMs) {
      this.#windowEndsMs = nowMs + WINDOW_MS;
      this.#byAddress.clear();
    }
    const key = address.includes(':') ? this.#networkOf(address) : address;
    const count = (this.#byAddress.get(key) ?? 0) + 1;
    if (count > 1 || this.#byAddress.size < MAX_ADDRESSES) this.#byAddress.set(key, count);
    return count <= this.#maxPerSec;
  }

  #networkOf(address: string): string {
    const known = this.#networks.get(address);
    if (known !== undefined) return known;
    const network = networkOf(address);
    if (this.#networks.size >= MAX_ADDRESSES) this.#networks.clear();
    this.#networks.set(address, network);
    return network;
  }
}

/** The address, or the network that one IPv6 host has to itself. */
export function networkOf(address: string): string {
  const words = address.includes(':') ? parseAddress(address)?.words : undefined;
  return words?.length === 4 ? `${words[0]}:${words[1]}` : address;
}
