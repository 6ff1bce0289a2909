import { type Clock, systemWorld, type Timer, type World } from '../../src/world/world.ts';

interface Pending {
  readonly dueMs: number;
  readonly task: () => void;
  handle: NodeJS.Timeout;
}

/** Time that passes as it does outside, and jumps ahead when it is told to: what is due by then runs at once. */
export class SkippingClock implements Clock {
  #skippedMs = 0;
  readonly #pending = new Set<Pending>();

  nowMs(): number {
    return Math.floor(systemWorld.clock.nowMs() + this.#skippedMs);
  }

  monotonicMs(): number {
    return systemWorld.clock.monotonicMs() + this.#skippedMs;
  }

  setTimer(delayMs: number, task: () => void): Timer {
    const pending: Pending = {
      dueMs: this.monotonicMs() + Math.max(0, delayMs),
      task,
      handle: setTimeout(() => this.#run(pending), delayMs).unref(),
    };
    this.#pending.add(pending);
    return {
      cancel: () => {
        this.#pending.delete(pending);
        clearTimeout(pending.handle);
      },
    };
  }

  delay(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      const timer = this.setTimer(delayMs, () => {
        signal?.removeEventListener('abort', fail);
        resolve();
      });
      signal?.addEventListener('abort', fail, { once: true });
      if (signal?.aborted) fail();
    });
  }

  moveOn(byMs: number): void {
    this.#skippedMs += byMs;
    const nowMs = this.monotonicMs();
    for (const pending of [...this.#pending].sort((a, b) => a.dueMs - b.dueMs)) {
      clearTimeout(pending.handle);
      pending.handle = setTimeout(() => this.#run(pending), Math.max(0, pending.dueMs - nowMs)).unref();
    }
  }

  #run(pending: Pending): void {
    if (this.#pending.delete(pending)) pending.task();
  }
}

export const skippingWorld = (clock: SkippingClock): World => ({ clock, random: systemWorld.random });
