import { setImmediate as othersTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { FleetInputs } from '../fleet-inputs.ts';
import type { PlannedContents } from '../stored/prepare-plan.ts';
import type {
  ClusterAnswer,
  ClusterJob,
  FromClusterThread,
  LinksBesideRenditions,
  ToClusterThread,
} from './cluster-messages.ts';
import { buffersOf, shareArrays } from './share-arrays.ts';

interface WaitingJob {
  readonly job: ClusterJob;
  readonly settle: PromiseWithResolvers<ClusterAnswer>;
}

/** A few milliseconds to copy. */
const RENDITIONS_AT_ONCE = 2000;

/** Some threads that work for one cycle. Each has one job at a time; whoever is free takes the next. */
export class ClusterThreads {
  readonly #threads: readonly Worker[];
  readonly #free: Worker[];
  readonly #waiting: WaitingJob[] = [];
  readonly #running = new Map<number, WaitingJob>();
  #lastNumber = 0;
  #failure: Error | undefined;

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => this.#start());
    this.#free = [...this.#threads];
  }

  async tellInputs({ heldBefore: _, facts, originUrls, ...inputs }: FleetInputs): Promise<void> {
    for (let at = 0; at < facts.length; at += RENDITIONS_AT_ONCE) {
      const end = at + RENDITIONS_AT_ONCE;
      this.#tellAll({ kind: 'renditions', facts: facts.slice(at, end), originUrls: originUrls.slice(at, end) });
      await othersTurn();
    }
    this.#tellAll({ kind: 'inputs', inputs: shareArrays(inputs) });
  }

  tellLinks(links: LinksBesideRenditions, contents: PlannedContents): void {
    this.#tellAll({ kind: 'links', links, contents });
  }

  /**
   * Has a job done. Arrays of it that threads do not share go to the thread: the caller has them no more.
   * @throws Error when a thread ended, which is a bug
   */
  async do<K extends ClusterAnswer['kind']>(job: ClusterJob, kind: K): Promise<Extract<ClusterAnswer, { kind: K }>> {
    const settle = Promise.withResolvers<ClusterAnswer>();
    if (this.#failure !== undefined) throw this.#failure;
    this.#waiting.push({ job, settle });
    this.#next();
    const answer = await settle.promise;
    if (answer.kind !== kind) throw new Error(`a thread answered '${answer.kind}' where '${kind}' was asked`);
    return answer as Extract<ClusterAnswer, { kind: K }>;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #start(): Worker {
    const thread = new Worker(new URL('./cluster-thread.ts', import.meta.url));
    thread.on('message', ({ number, answer }: FromClusterThread) => {
      const done = this.#running.get(number);
      this.#running.delete(number);
      this.#free.push(thread);
      done?.settle.resolve(answer);
      this.#next();
    });
    thread.on('error', (error) => this.#fail(error));
    thread.on('exit', () => this.#fail(new Error('a thread that plans clusters ended')));
    return thread;
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#free.length > 0) {
      const [waiting, thread] = [this.#waiting.shift(), this.#free.shift()];
      if (waiting === undefined || thread === undefined) return;
      this.#lastNumber += 1;
      this.#running.set(this.#lastNumber, waiting);
      const message: ToClusterThread = { kind: 'job', number: this.#lastNumber, job: waiting.job };
      thread.postMessage(message, buffersOf(message));
    }
  }

  #tellAll(message: ToClusterThread): void {
    for (const thread of this.#threads) thread.postMessage(message);
  }

  #fail(error: unknown): void {
    const failure = error instanceof Error ? error : new Error(String(error));
    this.#failure ??= failure;
    for (const { settle } of [...this.#running.values(), ...this.#waiting]) settle.reject(failure);
    this.#running.clear();
    this.#waiting.length = 0;
  }
}
