import { clientNetwork } from '../../src/http/client-network.ts';

/**
 * Open connections by where they come from, so that one address cannot have them all. An IPv6 client has a whole /64,
 * which therefore counts as one; behind a carrier's NAT many viewers share one IPv4 address, which is why the limit is
 * generous. As large as there are connections.
 */
export class ConnectionCounts {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  /** @param limit 0 for none */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts one more. @returns what to call when it ends; undefined when it is one too many */
  enter(address: string): (() => void) | undefined {
    if (this.#limit === 0) return () => undefined;
    const name = clientNetwork(address);
    const count = this.#counts.get(name) ?? 0;
    if (count >= this.#limit) return undefined;
    this.#counts.set(name, count + 1);
    return () => {
      const left = (this.#counts.get(name) ?? 1) - 1;
      if (left === 0) this.#counts.delete(name);
      else this.#counts.set(name, left);
    };
  }

  /** Networks that are connected. */
  get size(): number {
    return this.#counts.size;
  }
}
