import { Worker } from 'node:worker_threads';
import type { Libc } from '../../kernel/libc.ts';
import type { ToOwner, WireThreadData } from '../messages.ts';
import type { ToTlsThread } from '../tls/tls-messages.ts';

export interface WireThreadOptions {
  readonly libc: Libc;
  readonly program: URL;
  readonly data: WireThreadData;
  readonly onMessage: (message: ToOwner) => void;
  /** It ended although nobody asked it to. */
  readonly onDied: (cause: unknown) => void;
}

/**
 * One wire thread, as the owner sees it. It sits in epoll_wait and hears of messages by an eventfd, so whatever is
 * posted is followed by a wake. A TLS thread hears of them as any thread does, and does not mind the wake.
 */
export class WireThreadLink {
  readonly number: number;
  readonly #libc: Libc;
  readonly #wakeFd: number;
  readonly #worker: Worker;
  readonly #ended = Promise.withResolvers<void>();
  #isEnding = false;
  #hasEnded = false;

  constructor({ libc, program, data, onMessage, onDied }: WireThreadOptions) {
    this.number = data.number;
    this.#libc = libc;
    this.#wakeFd = data.wakeFd;
    this.#worker = new Worker(program, { workerData: data });
    this.#worker.on('message', (message: ToOwner) => {
      if (message.kind === 'stopped') this.#isEnding = true;
      onMessage(message);
    });
    this.#worker.once('error', (error) => {
      this.#isEnding = true;
      onDied(error);
    });
    this.#worker.once('exit', (code) => {
      this.#hasEnded = true;
      this.#ended.resolve();
      if (!this.#isEnding) onDied(new Error(`wire thread ${data.number} ended with ${code}`));
    });
  }

  /** Resolves when the thread is gone. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  post(message: ToTlsThread): void {
    if (this.#hasEnded) return;
    this.#worker.postMessage(message);
    this.wake();
  }

  /** Has it look at what is shared. */
  wake(): void {
    if (!this.#hasEnded) this.#libc.wake(this.#wakeFd);
  }
}
