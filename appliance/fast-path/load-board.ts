/**
 * What each thread carries, for all to see: requests in hand and body bytes sent since it began. The owner, which has
 * the reference engine's share, adds its own, and says with a flag when the egress limit is reached (delivery/admit.ts);
 * how many requests are in hand everybody adds up for himself, so that a burst is shed at once and not a second later.
 *
 * Each number has one writer. Bytes are a double, exact up to nine petabytes, which is written and read in one piece on
 * every machine that this runs on.
 */
const FULL_AT = 0;
const ACTIVE_AT = 1;
const WORD_BYTES = 4;
const BYTES_BYTES = 8;
/** Connections that a thread may have above its share before it lets others take the next ones. */
const SPARE_CONNECTIONS = 4;
const SPARE_PART = 8;

export class LoadBoard {
  readonly #words: Int32Array;
  readonly #bytes: Float64Array;
  readonly #number: number;
  readonly #threads: number;
  readonly #maxActive: number;

  /** Memory for so many threads, the owner among them. */
  static allocate(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(bytesAt(threads) + threads * BYTES_BYTES);
  }

  /** @param number which thread this is, from 0 */
  constructor(memory: SharedArrayBuffer, number: number, maxActiveRequests: number) {
    // From bytesAt(n) + 8 n = byteLength.
    let threads = 1;
    while (bytesAt(threads) + threads * BYTES_BYTES < memory.byteLength) threads += 1;
    this.#threads = threads;
    this.#words = new Int32Array(memory, 0, ACTIVE_AT + 2 * threads);
    this.#bytes = new Float64Array(memory, bytesAt(threads), threads);
    this.#number = number;
    this.#maxActive = maxActiveRequests;
  }

  requestBegan(): void {
    Atomics.add(this.#words, ACTIVE_AT + this.#number, 1);
  }

  requestEnded(): void {
    Atomics.sub(this.#words, ACTIVE_AT + this.#number, 1);
  }

  sent(bytes: number): void {
    this.#bytes[this.#number] = (this.#bytes[this.#number] ?? 0) + bytes;
  }

  /** Requests in hand of one thread. */
  activeOf(number: number): number {
    return Atomics.load(this.#words, ACTIVE_AT + number);
  }

  /** How many connections this thread has accepted, or taken, that are open. */
  set connections(count: number) {
    Atomics.store(this.#words, ACTIVE_AT + this.#threads + this.#number, count);
  }

  connectionsOf(number: number): number {
    return Atomics.load(this.#words, ACTIVE_AT + this.#threads + number);
  }

  /**
   * Whether this thread has more connections than the others, so that they should take the next ones: more than all of
   * them have by thread, and some. Of the threads that take any; the owner, who is the last, takes none.
   */
  get hasMoreThanItsShare(): boolean {
    const takers = this.#threads - 1;
    let total = 0;
    for (let number = 0; number < takers; number += 1) total += this.connectionsOf(number);
    const share = total / takers;
    return this.connectionsOf(this.#number) > share + SPARE_CONNECTIONS + share / SPARE_PART;
  }

  /** Body bytes that one thread has sent since it began. */
  sentOf(number: number): number {
    return this.#bytes[number] ?? 0;
  }

  /** Requests in hand of all threads. */
  get active(): number {
    let active = 0;
    for (let number = 0; number < this.#threads; number += 1) active += this.activeOf(number);
    return active;
  }

  /** By the owner alone: as much is sent as may be. */
  set isEgressFull(isFull: boolean) {
    Atomics.store(this.#words, FULL_AT, isFull ? 1 : 0);
  }

  /** Whether one more request is one too many. Ask before it is counted. */
  get isFull(): boolean {
    return Atomics.load(this.#words, FULL_AT) === 1 || this.active >= this.#maxActive;
  }

  /** A thread is gone with what it had in hand. */
  forget(number: number): void {
    Atomics.store(this.#words, ACTIVE_AT + number, 0);
    Atomics.store(this.#words, ACTIVE_AT + this.#threads + number, 0);
  }
}

function bytesAt(threads: number): number {
  return Math.ceil(((ACTIVE_AT + 2 * threads) * WORD_BYTES) / BYTES_BYTES) * BYTES_BYTES;
}
