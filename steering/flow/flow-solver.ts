import { Worker } from 'node:worker_threads';
import type { FlowRound, PlannedFlow } from './plan/plan-flow.ts';

/** Plans rounds in a thread of its own, so that players are answered meanwhile. One round at a time. */
export interface FlowSolver {
  /** @throws Error when it cannot, or the signal's reason */
  plan(round: FlowRound, signal: AbortSignal): Promise<PlannedFlow>;
  stop(): Promise<void>;
}

type Answer = { readonly plan: PlannedFlow } | { readonly problem: string };

export class ThreadFlowSolver implements FlowSolver {
  #thread: Worker | undefined;

  /** The thread is there from the first round on; one that is late or fails is ended and the next round gets another. */
  async plan(round: FlowRound, signal: AbortSignal): Promise<PlannedFlow> {
    signal.throwIfAborted();
    const thread = (this.#thread ??= startThread());
    const settled = Promise.withResolvers<PlannedFlow>();
    const onAbort = (): void => settled.reject(signal.reason as Error);
    const onMessage = (answer: Answer): void =>
      'plan' in answer ? settled.resolve(answer.plan) : settled.reject(new Error(answer.problem));
    const onEnd = (): void => settled.reject(new Error('the thread of the flow ended'));
    signal.addEventListener('abort', onAbort);
    thread.on('message', onMessage).on('error', settled.reject).on('exit', onEnd);
    thread.postMessage(round);
    try {
      return await settled.promise;
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      thread.off('message', onMessage).off('error', settled.reject).off('exit', onEnd);
    }
  }

  async stop(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }
}

function startThread(): Worker {
  const thread = new Worker(new URL('./flow-thread.ts', import.meta.url));
  thread.unref();
  // Between two rounds nobody listens; what ends it then shows in the next round.
  thread.on('error', () => undefined);
  return thread;
}
