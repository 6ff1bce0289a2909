import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FillPlanFile } from '../../../../src/contracts/fill-plan.ts';
import { OperationalError } from '../../../../src/errors/operational-error.ts';
import type { PlanVerdict } from './judge-plan.ts';
import type { FromPlanThread, PlanThreadData, ToPlanThread, VerdictWithoutFiles } from './plan-messages.ts';
import type { TakenPlan } from './taken-plan.ts';

/** One plan in the hands of a thread of its own (plan-thread.ts), which ends with it. */
export class PlanThread {
  readonly #worker: Worker;
  readonly #ended = new AbortController();

  constructor(stateDir: string) {
    this.#worker = new Worker(new URL('./plan-thread.ts', import.meta.url), {
      workerData: { stateDir } satisfies PlanThreadData,
    });
    this.#worker.unref();
    let failure = new Error('the thread that takes the plan ended');
    this.#worker.on('error', (error: Error) => {
      failure = error;
    });
    this.#worker.once('exit', () => this.#ended.abort(failure));
  }

  send(message: ToPlanThread): void {
    this.#worker.postMessage(message);
  }

  async judge(
    question: Extract<ToPlanThread, { readonly kind: 'judge' | 'judge-kept' }>,
  ): Promise<TakenPlan & { readonly etag: string | undefined }> {
    const answer = await this.#ask(question);
    if (answer.kind !== 'verdict') throw new Error(`no verdict: ${answer.kind}`);
    const { verdict, etag } = answer;
    return {
      verdict: verdict.kind === 'take' ? await this.#whole(verdict) : verdict,
      etag,
      keep: async (tag) => void (await this.#ask({ kind: 'keep', etag: tag })),
      [Symbol.asyncDispose]: () => this[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  async #whole({ plan, goesBack }: Extract<VerdictWithoutFiles, { readonly kind: 'take' }>): Promise<PlanVerdict> {
    const files: FillPlanFile[] = [];
    for (;;) {
      const answer = await this.#ask({ kind: 'files' });
      if (answer.kind !== 'files') throw new Error(`no files: ${answer.kind}`);
      if (answer.files.length === 0) return { kind: 'take', plan: { ...plan, files }, goesBack };
      files.push(...answer.files);
    }
  }

  /** @throws OperationalError that the thread met; Error when it ended */
  async #ask(message: ToPlanThread): Promise<FromPlanThread> {
    this.send(message);
    // Its own failure comes first; whatever else ends it is told by the signal.
    const [answer] = (await once(this.#worker, 'message', { signal: this.#ended.signal })) as [FromPlanThread];
    if (answer.kind === 'failed') throw new OperationalError(answer.code, answer.detail);
    return answer;
  }
}
