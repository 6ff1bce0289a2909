import { Worker } from 'node:worker_threads';
import type { ErrorCode } from '../../../src/errors/error-codes.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { NumberedAnswer, ReportAnswers, ReportQuestion, ReportThreadData } from './report-messages.ts';

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Asks the thread of the reports; it answers one question after the other. */
export class ReportClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended = Promise.withResolvers<void>();
  #number = 0;

  constructor(data: ReportThreadData) {
    this.#worker = new Worker(new URL('./report-thread.ts', import.meta.url), { workerData: data });
    // A thread that throws has a bug, as if it had been thrown here.
    this.#worker.on('error', (error) => {
      throw error;
    });
    this.#worker.once('exit', () => this.#ended.resolve());
    this.#worker.on('message', (message: NumberedAnswer) => this.#hear(message));
    this.#worker.unref();
  }

  /** @throws OperationalError as the thread says it */
  ask<Kind extends ReportQuestion['kind']>(
    question: Extract<ReportQuestion, { kind: Kind }>,
  ): Promise<ReportAnswers[Kind]> {
    this.#number += 1;
    const number = this.#number;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(number, { resolve, reject });
    // Work in hand keeps the process alive.
    this.#worker.ref();
    this.#worker.postMessage({ number, question });
    return promise as Promise<ReportAnswers[Kind]>;
  }

  async close(): Promise<void> {
    await this.ask({ kind: 'close' });
    await this.#ended.promise;
  }

  /** Ends the thread, whatever it is in. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }

  #hear(message: NumberedAnswer): void {
    const waiting = this.#waiting.get(message.number);
    this.#waiting.delete(message.number);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('answer' in message) waiting?.resolve(message.answer);
    else waiting?.reject(new OperationalError(message.failure.code as ErrorCode, message.failure.detail));
  }
}
