import { clientNetwork } from '../../src/http/client-network.ts';

/**
 * Open connections of all threads, in total and by where they come from, so that one address cannot have them all: the
 * same rule as connection-counts.ts, for connections that are accepted by several threads and wander between them.
 *
 * A table of addresses that many threads write would need a lock. Instead each network is hashed to one of many
 * counters: an atomic addition, and nothing to keep or to clear away. Two networks may share a counter, and then share
 * its limit; with as many counters as here that takes thousands of connections of both, and the hash is keyed, so that
 * nobody can choose an address that shares a counter with his victim. A connection remembers its counter's number, which
 * is all that moves with it.
 */
const COUNTERS = 65_536;
const TOTAL_AT = 0;
const KEY_AT = 1;
const COUNTERS_AT = 2;
const WORD_BYTES = 4;

/** Why a connection is not taken: reasons of check-head.ts. */
type ConnectionRefusal = 'connections' | 'connections-of-address';

export class ConnectionBoard {
  readonly #words: Int32Array;
  readonly #max: number;
  readonly #maxPerAddress: number;

  /** Memory for a board. @param key random, 32 bits */
  static allocate(key: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer((COUNTERS_AT + COUNTERS) * WORD_BYTES);
    new Int32Array(memory)[KEY_AT] = key;
    return memory;
  }

  constructor(
    memory: SharedArrayBuffer,
    limits: { readonly maxConnections: number; readonly maxConnectionsPerAddress: number },
  ) {
    this.#words = new Int32Array(memory);
    this.#max = limits.maxConnections;
    // 0 sets no limit.
    this.#maxPerAddress = limits.maxConnectionsPerAddress === 0 ? Infinity : limits.maxConnectionsPerAddress;
  }

  /** The counter of an address. */
  counterOf(address: string): number {
    const network = clientNetwork(address);
    let hash = (this.#words[KEY_AT] ?? 0) ^ 0x811c9dc5;
    for (let at = 0; at < network.length; at += 1) {
      hash = Math.imul(hash ^ network.charCodeAt(at), 0x01000193);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return ((hash ^ (hash >>> 13)) >>> 0) % COUNTERS;
  }

  /** Counts one more. @returns why it may not be; nothing is counted then */
  enter(counter: number): ConnectionRefusal | undefined {
    const words = this.#words;
    if (Atomics.add(words, TOTAL_AT, 1) >= this.#max) {
      Atomics.sub(words, TOTAL_AT, 1);
      return 'connections';
    }
    if (Atomics.add(words, COUNTERS_AT + counter, 1) >= this.#maxPerAddress) {
      this.leave(counter);
      return 'connections-of-address';
    }
    return undefined;
  }

  /** One that was counted is closed. */
  leave(counter: number): void {
    Atomics.sub(this.#words, COUNTERS_AT + counter, 1);
    Atomics.sub(this.#words, TOTAL_AT, 1);
  }

  get total(): number {
    return Atomics.load(this.#words, TOTAL_AT);
  }
}
