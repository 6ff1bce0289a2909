import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import type { SourceHealth } from '../sources/source-health.ts';

/** Cuts an attempt that trickles: each block has so long from its first byte. */
export class BlockDeadline {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #abort: AbortController;
  readonly #what: string;
  #timer: Timer | undefined;

  constructor(
    limits: { readonly clock: Clock; readonly blockTimeoutMs: number },
    abort: AbortController,
    what: string,
  ) {
    this.#clock = limits.clock;
    this.#limitMs = limits.blockTimeoutMs;
    this.#abort = abort;
    this.#what = what;
    this.restart();
  }

  restart(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(this.#limitMs, () => {
      this.#abort.abort(
        new OperationalError('SOURCE_TIMEOUT', `${this.#what}: one block took over ${this.#limitMs} ms`),
      );
    });
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}

/** In one look: a source that gives as much is at work, whatever its usual speed. */
const SOME_PROGRESS_BYTES = 64 * 1024;
/** Of its usual speed. */
const SLOW_SHARE = 0.25;

/**
 * Notices that a stream falls behind what its source usually does: looks again and again, each time after as long as
 * its silence is usual, whether as many bytes came as can be expected.
 */
export class LateWatch {
  readonly #clock: Clock;
  readonly #health: SourceHealth;
  readonly #receivedBytes: () => number;
  readonly #onLate: () => void;
  #seenBytes: number;
  #timer: Timer;

  constructor(clock: Clock, health: SourceHealth, receivedBytes: () => number, onLate: () => void) {
    this.#clock = clock;
    this.#health = health;
    this.#receivedBytes = receivedBytes;
    this.#onLate = onLate;
    this.#seenBytes = receivedBytes();
    this.#timer = clock.setTimer(health.lateAfterMs, () => this.#look());
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { lateAfterMs, bytesPerMs = Number.POSITIVE_INFINITY } = this.#health;
    const receivedBytes = this.#receivedBytes();
    const expectedBytes = Math.min(SOME_PROGRESS_BYTES, bytesPerMs * lateAfterMs * SLOW_SHARE);
    if (receivedBytes - this.#seenBytes < expectedBytes) this.#onLate();
    this.#seenBytes = receivedBytes;
    this.#timer = this.#clock.setTimer(lateAfterMs, () => this.#look());
  }
}
