/**
 * How fast planned fill is, measured while it fills: bytes that came over the time in which it could have had them, the
 * newer counting more. Waits for viewers and for sources count as time, since they will be there in the next hour, too;
 * hours in which no window is open do not.
 */
export class MeasuredRate {
  #bytes = 0;
  #ms = 0;
  #isRunning = false;
  #lookedAtMs: number;

  /** @param nowMs on the monotonic clock, as in all that follows */
  constructor(nowMs: number) {
    this.#lookedAtMs = nowMs;
  }

  begins(nowMs: number): void {
    this.#pass(nowMs);
    this.#isRunning = true;
  }

  ends(nowMs: number): void {
    this.#pass(nowMs);
    this.#isRunning = false;
  }

  came(bytes: number, nowMs: number): void {
    this.#pass(nowMs);
    this.#bytes += bytes;
  }

  /** Undefined before it has filled for some seconds. */
  bytesPerSec(nowMs: number): number | undefined {
    this.#pass(nowMs);
    return this.#ms < LEAST_MS ? undefined : (this.#bytes / this.#ms) * 1000;
  }

  #pass(nowMs: number): void {
    const passedMs = this.#isRunning ? nowMs - this.#lookedAtMs : 0;
    this.#lookedAtMs = nowMs;
    const factor = 2 ** (-passedMs / HALF_LIFE_MS);
    this.#bytes *= factor;
    this.#ms = (this.#ms + passedMs) * factor;
  }
}

const HALF_LIFE_MS = 30_000;
const LEAST_MS = 2000;
