import type { Clock } from '../../src/world/world.ts';
import { parseAddress } from '../routing/ip-address.ts';

/**
 * When to stop ranking and give the answer that moves nobody. A player whose first answer failed may ask 400 times a
 * second (video.js), and an error would only make it worse; so no request is refused: beyond a rate per address, and
 * beyond one for all, the answer is the static one with a longer life, which costs microseconds. Decisions run to their
 * end without waiting for anything, so a rate is what bounds the work in hand. Windows of one second keep it to two
 * counters; the table of addresses is bounded and starts afresh with each window. An IPv6 address counts by its /64,
 * because every host has that many to itself.
 */
export type GuardVerdict = 'decide' | 'address-busy' | 'service-busy';

export interface LoadGuardOptions {
  readonly clock: Clock;
  readonly maxPerSec: number;
  readonly maxPerAddressPerSec: number;
}

const WINDOW_MS = 1000;
const MAX_ADDRESSES = 50_000;

export class LoadGuard {
  readonly #options: LoadGuardOptions;
  readonly #byAddress = new Map<string, number>();
  #windowEndsMs = 0;
  #decided = 0;

  constructor(options: LoadGuardOptions) {
    this.#options = options;
  }

  /** Counts one request. */
  admit(address: string): GuardVerdict {
    const { clock, maxPerSec, maxPerAddressPerSec } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs >= this.#windowEndsMs) {
      this.#windowEndsMs = nowMs + WINDOW_MS;
      this.#byAddress.clear();
      this.#decided = 0;
    }
    const key = networkOf(address);
    const ofAddress = (this.#byAddress.get(key) ?? 0) + 1;
    if (ofAddress > 1 || this.#byAddress.size < MAX_ADDRESSES) this.#byAddress.set(key, ofAddress);
    if (ofAddress > maxPerAddressPerSec) return 'address-busy';
    if (this.#decided >= maxPerSec) return 'service-busy';
    this.#decided += 1;
    return 'decide';
  }
}

function networkOf(address: string): string {
  const words = address.includes(':') ? parseAddress(address)?.words : undefined;
  return words?.length === 4 ? `${words[0]}:${words[1]}` : address;
}
