import { Alarm } from '../../../src/resilience/alarm.ts';
import type { Clock } from '../../../src/world/world.ts';

/**
 * Keeps planned fill to its rate in every second, not on the average.
 *
 * Problem: the rate of a window is a promise about a link, and links are looked at by the second. A token bucket lets
 * through twice the rate within one second: what it had saved up, and what flows in meanwhile. And what is paid for when
 * it is asked for may come much later, together with what was asked for then.
 *
 * Idea: a block counts from the moment it may be asked for until one second after it has come, all of it. A block may be
 * asked for when what counts and the block itself are within one second's worth. So of all blocks that have a byte in
 * any one second, the one that was allowed last saw all others still counted, and their sum was within the rate. That
 * holds for what leaves the source, too, because a block leaves it between its being allowed and its having come; and it
 * holds however late or bunched the machines are.
 *
 * Limits: a link is used for 1/(1 + s) of its rate where a block takes s seconds, and in whole blocks: at 2.5 blocks a
 * second two are fetched. A block that is larger than one second's worth goes alone, and is followed by as long a pause
 * as makes the average right; within its own second it is above a rate below 8.4 Mbit/s.
 */
export class RateLedger {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #open = new Set<RateEntry>();
  /** Those that have come, in the order of their end. */
  #closed: ClosedEntry[] = [];
  #bytesPerSec: number;
  #openBytes = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(clock: Clock, bytesPerSec: number) {
    this.#clock = clock;
    this.#alarm = new Alarm(clock);
    this.#bytesPerSec = bytesPerSec;
    // What came to the process before this one, within its last second, nobody knows any more.
    const untilMs = clock.monotonicMs() + SECOND_MS;
    this.#closed.push({ bytes: Number.POSITIVE_INFINITY, leastMs: untilMs, untilMs });
  }

  /**
   * Counts for all that is allowed from now on. A pause that a block still owes at a lower rate is as much shorter as the
   * rate is higher: else one block that came at a trickle would hold up hours of a full rate.
   * @param givenBytesPerSec below 1 is 1, or a block would owe for ever
   */
  setRate(givenBytesPerSec: number): void {
    const bytesPerSec = Math.max(1, givenBytesPerSec);
    if (bytesPerSec === this.#bytesPerSec) return;
    if (bytesPerSec > this.#bytesPerSec) this.#shortenPauses(this.#bytesPerSec / bytesPerSec);
    this.#bytesPerSec = bytesPerSec;
    this.#alarm.ring();
  }

  /** Bytes that may come at this moment. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /** Resolves when `bytes` may be asked for, in turn. Rejects with the signal's reason. */
  take(bytes: number, signal: AbortSignal): Promise<RateEntry> {
    const mine = this.#turn.then(() => this.#take(bytes, signal));
    this.#turn = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }

  async #take(bytes: number, signal: AbortSignal): Promise<RateEntry> {
    for (;;) {
      signal.throwIfAborted();
      const countedBytes = this.#countedBytes();
      if (countedBytes === 0 || countedBytes + bytes <= this.#bytesPerSec) break;
      const nextMs = (this.#closed[0]?.untilMs ?? Number.POSITIVE_INFINITY) - this.#clock.monotonicMs();
      await this.#alarm.wait(Math.max(1, nextMs), signal);
    }
    const entry: RateEntry = { end: (cameBytes) => this.#end(entry, bytes, cameBytes) };
    this.#open.add(entry);
    this.#openBytes += bytes;
    return entry;
  }

  #shortenPauses(share: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#closed = this.#closed.map(({ bytes, leastMs, untilMs }) => ({
      bytes,
      leastMs,
      untilMs: Math.max(leastMs, nowMs + (untilMs - nowMs) * share),
    }));
    this.#closed.sort((a, b) => a.untilMs - b.untilMs);
  }

  #countedBytes(): number {
    const nowMs = this.#clock.monotonicMs();
    while (this.#closed[0] !== undefined && this.#closed[0].untilMs <= nowMs) this.#closed.shift();
    return this.#closed.reduce((sum, { bytes }) => sum + bytes, this.#openBytes);
  }

  #end(entry: RateEntry, bytes: number, cameBytes: number): void {
    if (!this.#open.delete(entry)) return;
    this.#openBytes -= bytes;
    if (cameBytes > 0) {
      const holdMs = Math.max(SECOND_MS, (cameBytes / this.#bytesPerSec) * SECOND_MS);
      const nowMs = this.#clock.monotonicMs();
      this.#closed.push({ bytes: cameBytes, leastMs: nowMs + SECOND_MS, untilMs: nowMs + holdMs });
      this.#closed.sort((a, b) => a.untilMs - b.untilMs);
    }
    this.#alarm.ring();
  }
}

/** Leave to have bytes come. */
export interface RateEntry {
  /** It is over: so many bytes came, 0 when nothing of the rate was used. Once; later calls do nothing. */
  end(cameBytes: number): void;
}

interface ClosedEntry {
  readonly bytes: number;
  /** One second after it has come: it counts until then at whatever rate. */
  readonly leastMs: number;
  readonly untilMs: number;
}

const SECOND_MS = 1000;
