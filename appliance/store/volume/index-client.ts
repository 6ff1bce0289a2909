import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import type { Durability } from '../durability.ts';
import type { FromIndex, IndexBatch, IndexFailure, IndexThreadData, ToIndex } from './index-messages.ts';

/** A batch that is not answered by then failed; a healthy disk takes milliseconds. */
const COMMIT_DEADLINE_MS = 30_000;
const LOADING_SILENCE_MS = 60_000;
const YOUNG_MIB = 64;

/**
 * A volume's index, in a thread of its own. Batches are written in the order in which they were given.
 *
 * A batch whose deadline passed may still be written later. Its writer counts it as failed and writes what is true
 * then; all that an index says too much is a block whose bytes were on the disk before.
 */
export class IndexClient {
  readonly #clock: Clock;
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #dir: string;
  readonly #waiting = new Map<number, { readonly settle: (failure?: IndexFailure) => void; readonly timer: Timer }>();
  readonly #onLoading: (message: LoadingMessage) => void;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #sequence = 0;
  #isGone = false;
  #silence: Timer | undefined;

  /** @param onLoading gets everything that the index holds, and `loaded` last */
  constructor(dir: string, durability: Durability, clock: Clock, onLoading: (message: LoadingMessage) => void) {
    this.#clock = clock;
    this.#dir = dir;
    this.#onLoading = onLoading;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(new URL('./index-thread.ts', import.meta.url), {
      workerData: { dir, durability, port: port2 } satisfies IndexThreadData,
      transferList: [port2],
      // Rows live for one chunk: with room for a few of them the collector has hardly anything to copy.
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    // A thread that throws has a bug, as if it had been thrown here.
    this.#worker.on('error', (error) => {
      throw error;
    });
    this.#worker.once('exit', () => {
      this.#isGone = true;
      this.#closed.resolve();
      // Nobody answers any more; whoever waits must not wait for the deadline.
      for (const sequence of this.#waiting.keys()) this.#settle(sequence, this.#gone);
    });
    port1.on('message', (message: FromIndex) => this.#hear(message));
  }

  /** Resolves when everything was told; gives up on a disk that says nothing for a minute. @throws OperationalError STATE_IN_USE, STATE_CORRUPT, VOLUME_FULL, VOLUME_IO */
  async load(): Promise<void> {
    this.#watchLoading();
    await this.#loaded.promise.finally(() => this.#silence?.cancel());
    // From here on only work in hand keeps the process alive.
    this.#worker.unref();
    this.#port.unref();
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  commit(batch: IndexBatch): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#send(batch, COMMIT_DEADLINE_MS, (failure) => {
        if (failure === undefined) resolve();
        else reject(new OperationalError(failure.code, failure.detail));
      });
    });
  }

  /** Closes the index after what was given before. Resolves when the thread is gone. */
  async close(): Promise<void> {
    this.#worker.ref();
    this.#post({ kind: 'close' });
    await this.#closed.promise;
    this.#port.close();
  }

  /** Ends the thread, whatever it is in. */
  async kill(): Promise<void> {
    this.#port.close();
    await this.#worker.terminate();
  }

  #send(batch: IndexBatch, deadlineMs: number, settle: (failure?: IndexFailure) => void): number {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const timer = this.#clock.setTimer(deadlineMs, () => {
      this.#settle(sequence, { code: 'VOLUME_IO', detail: `${this.#dir}: no answer within ${deadlineMs} ms` });
    });
    this.#waiting.set(sequence, { settle, timer });
    if (this.#isGone) this.#settle(sequence, this.#gone);
    else {
      this.#port.ref();
      this.#post({ kind: 'commit', sequence, batch });
    }
    return sequence;
  }

  get #gone(): IndexFailure {
    return { code: 'VOLUME_IO', detail: `${this.#dir}: its index is closed` };
  }

  #post(message: ToIndex): void {
    this.#port.postMessage(message);
  }

  #watchLoading(): void {
    this.#silence?.cancel();
    this.#silence = this.#clock.setTimer(LOADING_SILENCE_MS, () => {
      const detail = `${this.#dir}: nothing heard for ${LOADING_SILENCE_MS} ms while it was loaded`;
      this.#loaded.reject(new OperationalError('VOLUME_IO', detail));
    });
  }

  #hear(message: FromIndex): void {
    switch (message.kind) {
      case 'committed':
        return this.#settle(message.sequence, message.failure);
      case 'closed':
        return;
      case 'not-loaded': {
        const { code, detail } = message.failure;
        return this.#loaded.reject(new OperationalError(code, detail));
      }
      default:
        this.#watchLoading();
        this.#onLoading(message);
        if (message.kind === 'loaded') this.#loaded.resolve();
    }
  }

  #settle(sequence: number, failure: IndexFailure | undefined): void {
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined) return;
    this.#waiting.delete(sequence);
    waiting.timer.cancel();
    if (this.#waiting.size === 0) this.#port.unref();
    waiting.settle(failure);
  }
}

export type LoadingMessage = Extract<FromIndex, { kind: 'rows' | 'alive' | 'set-aside' | 'rebuilding' | 'loaded' }>;
