import type { Clock, Timer } from '../../src/world/world.ts';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly task: () => void;
  isCancelled: boolean;
}

/**
 * Time that passes as fast as the machine can count. Timers of one millisecond run together, then everything that they
 * set off settles, then time goes on to the next one: millions of timers, which the clock of the tests is not made for.
 */
export class VirtualClock implements Clock {
  readonly #startsAtMs: number;
  readonly #heap: Pending[] = [];
  #nowMs = 0;
  #order = 0;

  constructor(startsAtMs: number) {
    this.#startsAtMs = startsAtMs;
  }

  nowMs(): number {
    return this.#startsAtMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, task: () => void): Timer {
    this.#order += 1;
    const pending = {
      dueMs: this.#nowMs + Math.max(1, Math.ceil(delayMs)),
      order: this.#order,
      task,
      isCancelled: false,
    };
    this.#push(pending);
    return {
      cancel: () => {
        pending.isCancelled = true;
      },
    };
  }

  async delay(delayMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.setTimer(delayMs, resolve);
    const onAbort = (): void => resolve();
    signal?.addEventListener('abort', onAbort, { once: true });
    await promise;
    timer.cancel();
    signal?.removeEventListener('abort', onAbort);
    signal?.throwIfAborted();
  }

  /** Lets time pass until the condition holds or so much has passed. */
  async run(untilMs: number, isDone: () => boolean): Promise<void> {
    await settle();
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined || next.dueMs > untilMs) break;
      this.#nowMs = next.dueMs;
      while (this.#heap[0] !== undefined && this.#heap[0].dueMs <= this.#nowMs) {
        const due = this.#pop();
        if (due?.isCancelled === false) due.task();
      }
      await settle();
    }
    if (!isDone()) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #push(pending: Pending): void {
    const heap = this.#heap;
    let at = heap.push(pending) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above];
      if (other === undefined || !isBefore(pending, other)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = pending;
  }

  #pop(): Pending | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) child += 1;
      const lower = heap[child];
      if (lower === undefined || !isBefore(lower, last)) break;
      heap[at] = lower;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (a: Pending, b: Pending): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

/** All promises that can go on have gone on: the queue of microtasks is empty between two turns of the event loop. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
