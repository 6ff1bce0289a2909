import { OperationalError } from '../../src/errors/operational-error.ts';

/**
 * Cycles one after the other: a plan is made from the plans before, so no two may mix. Who asks for nothing special
 * while one like that already waits is answered by it; so at most one of these waits, and as many others as people and
 * other CDNs ask for. When it is closed, what runs is waited for and what waits is not begun.
 */
export class CycleQueue<O, R> {
  readonly #run: (options: O | undefined) => Promise<R>;
  #last: Promise<unknown> = Promise.resolve();
  #plain: Promise<R> | undefined;
  #isClosed = false;

  constructor(run: (options: O | undefined) => Promise<R>) {
    this.#run = run;
  }

  /** @throws what the cycle throws; OperationalError when the queue was closed first */
  ask(options?: O): Promise<R> {
    if (options === undefined && this.#plain !== undefined) return this.#plain;
    const cycle = this.#after(options);
    if (options === undefined) this.#plain = cycle;
    this.#last = cycle.catch(() => undefined);
    return cycle;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }

  async #after(options: O | undefined): Promise<R> {
    await this.#last;
    if (options === undefined) this.#plain = undefined;
    if (this.#isClosed) throw new OperationalError('OVERLOADED', 'the planner is stopping');
    return this.#run(options);
  }
}
