import type { Clock } from '../../src/world/world.ts';

/** What other threads carry, too. */
export interface SharedLoad {
  requestBegan(): void;
  requestEnded(): void;
  /** Requests in hand of all threads. */
  readonly active: number;
}

const WINDOW_SEC = 5;
const CPU_WINDOW_MS = 1000;

/** What the appliance carries: requests in hand, bytes sent and processor time over the last seconds. */
export class LoadMeter {
  readonly #clock: Clock;
  readonly #cpuMicros: () => number;
  readonly #onHit: ((firstByteMs: number) => void) | undefined;
  /** Bytes per second of monotonic time, as a ring. */
  readonly #bytes = new Float64Array(WINDOW_SEC + 1);
  #second: number;
  #activeRequests = 0;
  #board: SharedLoad | undefined;
  #cpuSeen: { micros: number; atMs: number };
  #cpuShare = 0;

  /**
   * @param cpuMicros processor time that the process has used so far
   * @param onHit told how long each hit took to its first byte
   */
  constructor(clock: Clock, cpuMicros: () => number, onHit?: (firstByteMs: number) => void) {
    this.#onHit = onHit;
    this.#clock = clock;
    this.#cpuMicros = cpuMicros;
    this.#second = this.#now();
    this.#cpuSeen = { micros: cpuMicros(), atMs: clock.monotonicMs() };
  }

  /** From now on requests are counted together with those of other threads; undefined ends it. */
  joinBoard(board: SharedLoad | undefined): void {
    for (let request = 0; request < this.#activeRequests; request += 1) {
      this.#board?.requestEnded();
      board?.requestBegan();
    }
    this.#board = board;
  }

  get activeRequests(): number {
    return this.#board?.active ?? this.#activeRequests;
  }

  requestBegan(): void {
    this.#activeRequests += 1;
    this.#board?.requestBegan();
  }

  requestEnded(): void {
    this.#activeRequests -= 1;
    this.#board?.requestEnded();
  }

  hitBegan(firstByteMs: number): void {
    this.#onHit?.(firstByteMs);
  }

  sent(bytes: number): void {
    this.#turn();
    const slot = this.#second % this.#bytes.length;
    this.#bytes[slot] = (this.#bytes[slot] ?? 0) + bytes;
  }

  /** Over the last five full seconds. */
  egressBitsPerSec(): number {
    this.#turn();
    let bytes = 0;
    for (const [slot, count] of this.#bytes.entries()) {
      if (slot !== this.#second % this.#bytes.length) bytes += count;
    }
    return (bytes * 8) / WINDOW_SEC;
  }

  /** Share of one core over the last second or more; several may ask. */
  cpuShare(): number {
    const atMs = this.#clock.monotonicMs();
    const elapsedMs = atMs - this.#cpuSeen.atMs;
    if (elapsedMs < CPU_WINDOW_MS) return this.#cpuShare;
    const micros = this.#cpuMicros();
    this.#cpuShare = Math.max(0, (micros - this.#cpuSeen.micros) / 1000 / elapsedMs);
    this.#cpuSeen = { micros, atMs };
    return this.#cpuShare;
  }

  #now(): number {
    return Math.floor(this.#clock.monotonicMs() / 1000);
  }

  /** Empties the seconds that have begun since the last call. */
  #turn(): void {
    const second = this.#now();
    const passed = Math.min(second - this.#second, this.#bytes.length);
    for (let step = 1; step <= passed; step += 1) this.#bytes[(this.#second + step) % this.#bytes.length] = 0;
    this.#second = second;
  }
}
