import type { Clock, Random, Timer, World } from '../../src/world/world.ts';

/** A world in which time stands still until the test moves it, and chance comes from a seed. */
export class FakeWorld implements World {
  readonly clock: FakeClock;
  readonly random: Random;

  constructor(options: { nowMs?: number; seed?: number } = {}) {
    this.clock = new FakeClock(options.nowMs ?? Date.UTC(2030, 0, 7, 1, 30));
    this.random = seededRandom(options.seed ?? 1);
  }
}

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly task: () => void;
}

export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 1000;
  #order = 0;
  readonly #pending = new Set<Pending>();
  readonly #idle: () => Promise<void>;

  /** @param idle resolves when whatever works outside of this thread has answered: time stands still until then */
  constructor(nowMs: number, idle: () => Promise<void> = () => Promise.resolve()) {
    this.#wallMs = nowMs;
    this.#idle = idle;
  }

  nowMs(): number {
    return Math.floor(this.#wallMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  setTimer(delayMs: number, task: () => void): Timer {
    this.#order += 1;
    const pending = { dueMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order, task };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
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

  /** Moves the wall clock alone, as an operator or NTP does; timers do not notice. */
  jumpWallClock(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** Lets `byMs` pass: timers run in their order, each after what the one before set off has settled. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#monotonicMs + byMs;
    await this.#settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#moveTo(next.dueMs);
      this.#pending.delete(next);
      next.task();
      await this.#settle();
    }
    this.#moveTo(untilMs);
  }

  async #settle(): Promise<void> {
    await settle();
    await this.#idle();
  }

  /**
   * Lets time pass in small steps until the condition holds, waiting a moment of real time at each, so that sockets and
   * disks can do their part. Fails after `limitMs` of the fake time.
   */
  async advanceUntil(condition: () => boolean, options: { stepMs?: number; limitMs?: number } = {}): Promise<void> {
    const { stepMs = 100, limitMs = 600_000 } = options;
    for (let passedMs = 0; !condition(); passedMs += stepMs) {
      if (passedMs > limitMs) throw new Error(`did not happen within ${limitMs} ms of fake time: ${String(condition)}`);
      await this.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** How many timers wait: 0 tells that whoever was stopped left nothing behind. */
  get timerCount(): number {
    return this.#pending.size;
  }

  #next(untilMs: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.dueMs > untilMs) continue;
      if (first === undefined || pending.dueMs < first.dueMs) first = pending;
    }
    return first;
  }

  #moveTo(monotonicMs: number): void {
    const passedMs = Math.max(0, monotonicMs - this.#monotonicMs);
    this.#monotonicMs += passedMs;
    this.#wallMs += passedMs;
  }
}

/** Deterministic chance: the same seed gives the same numbers, ids and bytes. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const bytes = (count: number): Buffer => Buffer.from(Array.from({ length: count }, () => Math.floor(next() * 256)));
  const uuid = (): string => {
    const raw = bytes(16);
    raw[6] = ((raw[6] ?? 0) & 0x0f) | 0x40;
    raw[8] = ((raw[8] ?? 0) & 0x3f) | 0x80;
    const hex = raw.toString('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  };
  return { next, bytes, uuid };
}

/** Lets everything that is ready to run in this process run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
