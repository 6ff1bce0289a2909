/**
 * How much one reporter may weigh. A player that reports a thousand times, or invents a thousand sessions, must count
 * like one that reports twice; but whoever keeps a counter per reporter keeps a list of viewers, and one that grows.
 *
 * So it is a count-min sketch (Cormode, Muthukrishnan 2005): two rows of counters that many reporters share, each found
 * by the reporter's hash; the smaller of its two is never less than what it truly used. All start anew with each
 * window. Those who share both counters with somebody busy are heard less: with 50,000 reporters one in twenty, which
 * costs a measurement nothing.
 */
const ROW = 2 ** 18;
const LAST = ROW - 1;

export class ReporterCap {
  readonly #counters = new Uint8Array(2 * ROW);
  readonly #windowMs: number;
  #windowEndMs = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /**
   * Whether a report still counts, and takes note of it if so.
   * @param reporter hash of who, and of what about
   * @param limit reports in a window, at most 255
   */
  take(reporter: number, limit: number, nowMs: number): boolean {
    if (nowMs >= this.#windowEndMs) {
      this.#counters.fill(0);
      this.#windowEndMs = nowMs + this.#windowMs;
    }
    const first = reporter & LAST;
    const second = ROW + ((Math.imul(reporter, 0x9e3779b1) >>> 7) & LAST);
    const used = Math.min(this.#counters[first] ?? 0, this.#counters[second] ?? 0);
    if (used >= limit) return false;
    if (this.#counters[first] === used) this.#counters[first] = used + 1;
    if (this.#counters[second] === used) this.#counters[second] = used + 1;
    return true;
  }
}
