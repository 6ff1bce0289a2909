import { Worker } from 'node:worker_threads';
import type { DashDescription, DashTemplate } from './render-dash.ts';

/** Prepares an MPD somewhere else than on the event loop. */
export interface DashPreparer {
  /** `broken` when it is not XML that we take. @throws Error for a bug, or when it was stopped */
  prepare(dash: DashDescription, originUrl: string): Promise<DashTemplate | 'broken'>;
  stop(): Promise<void>;
}

export interface DashQuestion {
  readonly number: number;
  readonly dash: DashDescription;
  readonly originUrl: string;
}

export type DashOutcome = { readonly template: DashTemplate | 'broken' } | { readonly problem: string };

interface Waiting {
  readonly resolve: (template: DashTemplate | 'broken') => void;
  readonly reject: (error: Error) => void;
}

/** In a thread of its own, which begins with the first MPD; one after the other. One that ends is followed by another. */
export class DashThread implements DashPreparer {
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #number = 0;

  prepare(dash: DashDescription, originUrl: string): Promise<DashTemplate | 'broken'> {
    const thread = (this.#thread ??= this.#start());
    this.#number += 1;
    const number = this.#number;
    const { promise, resolve, reject } = Promise.withResolvers<DashTemplate | 'broken'>();
    this.#waiting.set(number, { resolve, reject });
    thread.postMessage({ number, dash, originUrl } satisfies DashQuestion);
    return promise;
  }

  async stop(): Promise<void> {
    await this.#thread?.terminate();
  }

  #start(): Worker {
    const thread = new Worker(new URL('./dash-thread.ts', import.meta.url));
    thread.unref();
    let failure = new Error('the thread that prepares MPDs ended');
    thread.on('message', ({ number, outcome }: { readonly number: number; readonly outcome: DashOutcome }) => {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      if ('template' in outcome) waiting?.resolve(outcome.template);
      else waiting?.reject(new Error(outcome.problem));
    });
    thread.on('error', (error: Error) => {
      failure = error;
    });
    thread.once('exit', () => {
      this.#thread = undefined;
      for (const { reject } of this.#waiting.values()) reject(failure);
      this.#waiting.clear();
    });
    return thread;
  }
}
