import { isIPv6 } from 'node:net';

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
    const name = networkOf(address);
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

/** The address, or the /64 of an IPv6 one, as text that is the same for the same network. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('%', 1)[0]?.toLowerCase().split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
