import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { SourceKind } from '../../metrics.ts';

/** How long a reader waits for the next byte, whatever becomes of the sources meanwhile. */
export interface Patience {
  readonly clock: Clock;
  readonly maxMs: number;
}

/**
 * One block on its way in, shared by everybody who waits for it. There is one buffer; readers are given views of what
 * has arrived and come back for more. A reader that joins late finds what is there already. Bytes of a block that must
 * be verified stay invisible until all of them are there and match.
 */
export class BlockFlight {
  readonly blockIndex: number;
  readonly lengthBytes: number;
  /** Whom it was begun for: the plan asks fewer sources than a viewer may. */
  readonly audience: 'viewers' | 'plan';
  /** What kind of source filled it; set when it is complete. */
  givenBy: SourceKind | undefined;
  /** Called when a reader begins to wait for a block of which nothing is here: it may be had sooner. */
  onAwaited: (() => void) | undefined;
  readonly #isVerified: boolean;
  /** Made with the first byte: a flight may wait long for its turn in a stream. */
  #buffer: Buffer | undefined;
  #arrivedBytes = 0;
  #state: 'arriving' | 'complete' | 'failed' = 'arriving';
  #error: unknown;
  readonly #waiters = new Set<() => void>();
  #waitingReaders = 0;

  readonly #kept = Promise.withResolvers<void>();

  constructor(blockIndex: number, lengthBytes: number, isVerified: boolean, audience: 'viewers' | 'plan') {
    this.blockIndex = blockIndex;
    this.lengthBytes = lengthBytes;
    this.#isVerified = isVerified;
    this.audience = audience;
    // Few ask whether it was stored; that nobody does is no bug.
    this.#kept.promise.catch(() => undefined);
  }

  get isArriving(): boolean {
    return this.#state === 'arriving';
  }

  get isComplete(): boolean {
    return this.#state === 'complete';
  }

  /** Resolves when the store holds the block; rejects when it could not be kept or never came. */
  get kept(): Promise<void> {
    return this.#kept.promise;
  }

  settleKept(error?: unknown): void {
    if (error === undefined) this.#kept.resolve();
    else this.#kept.reject(error as Error);
  }

  /** Whether a reader waits for bytes of it at this moment. */
  get isAwaited(): boolean {
    return this.#waitingReaders > 0;
  }

  /** How many wait, readers and others. */
  get waiterCount(): number {
    return this.#waiters.size;
  }

  get arrivedBytes(): number {
    return this.#arrivedBytes;
  }

  get isFull(): boolean {
    return this.#arrivedBytes === this.lengthBytes;
  }

  /** All bytes; only of a full flight. */
  get bytes(): Uint8Array {
    if (this.#buffer === undefined || !this.isFull) throw new Error(`block ${this.blockIndex} is not full`);
    return this.#buffer;
  }

  /** Takes what fits of a piece that follows the bytes before. @returns how many bytes were taken. */
  append(piece: Uint8Array): number {
    this.#buffer ??= Buffer.allocUnsafeSlow(this.lengthBytes);
    const taken = Math.min(piece.length, this.lengthBytes - this.#arrivedBytes);
    this.#buffer.set(taken === piece.length ? piece : piece.subarray(0, taken), this.#arrivedBytes);
    this.#arrivedBytes += taken;
    if (!this.#isVerified) this.#wake();
    return taken;
  }

  /** Forgets bytes that failed verification: nobody has seen them. */
  restart(): void {
    if (!this.#isVerified) throw new Error('bytes that readers saw cannot be taken back');
    this.#arrivedBytes = 0;
  }

  complete(): void {
    if (this.#state !== 'arriving') return;
    this.#state = 'complete';
    this.#wake();
  }

  /** Ends the flight for all who wait and come later. Does nothing to a complete one. */
  fail(error: unknown): void {
    if (this.#state !== 'arriving') return;
    this.#state = 'failed';
    this.#error = error;
    this.#kept.reject(error as Error);
    this.#wake();
  }

  /**
   * The bytes from `offsetBytes` on that may be seen, at least one. Waits for them; rejects with the error that ended
   * the flight, with the signal's reason, or with SOURCE_TIMEOUT when the reader's patience is at its end.
   */
  async beyond(offsetBytes: number, signal: AbortSignal, patience?: Patience): Promise<Uint8Array> {
    this.#waitingReaders += 1;
    if (this.#arrivedBytes === 0 && this.#state === 'arriving') this.onAwaited?.();
    try {
      while (this.#visibleBytes() <= offsetBytes) {
        if (this.#state === 'failed') throw this.#error;
        await this.#change(signal, patience);
      }
    } finally {
      this.#waitingReaders -= 1;
    }
    if (this.#buffer === undefined) throw new Error('bytes without a buffer');
    return this.#buffer.subarray(offsetBytes, this.#visibleBytes());
  }

  /** Resolves when the block is complete; rejects as `beyond` does. */
  async whole(signal: AbortSignal): Promise<void> {
    while (this.#state === 'arriving') await this.#change(signal);
    if (this.#state === 'failed') throw this.#error;
  }

  #visibleBytes(): number {
    return this.#isVerified && this.#state !== 'complete' ? 0 : this.#arrivedBytes;
  }

  #change(signal: AbortSignal, patience?: Patience): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', onAbort);
        timer?.cancel();
      };
      const wake = (): void => {
        settle();
        resolve();
      };
      const onAbort = (): void => {
        settle();
        reject(signal.reason as Error);
      };
      const timer = patience?.clock.setTimer(patience.maxMs, () => {
        settle();
        reject(new OperationalError('SOURCE_TIMEOUT', `no byte of block ${this.blockIndex} in ${patience.maxMs} ms`));
      });
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(wake);
    });
  }

  #wake(): void {
    if (this.#waiters.size === 0) return;
    // Each takes itself out; who waits again does so in a later turn, for the next change.
    for (const wake of this.#waiters) wake();
  }
}
