import type { Service } from '../lifecycle/service.ts';
import type { World } from '../world/world.ts';
import { Alarm } from './alarm.ts';

/**
 * Something done again and again in the background, never twice at once: polls, heartbeats, shippings. The wait between
 * two runs varies by a tenth either way, so that a fleet that started together does not call together.
 */
export class PeriodicTask implements Service {
  readonly #world: World;
  readonly #intervalMs: number;
  readonly #task: (signal: AbortSignal) => Promise<number | undefined | void>;
  readonly #alarm: Alarm;
  readonly #ended = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  /**
   * @param task one run. It handles its own failures: what it throws is a bug and ends the process, except the reason
   *   of its signal. It may return in how many ms it wants to run next, instead of the interval.
   */
  constructor(world: World, intervalMs: number, task: (signal: AbortSignal) => Promise<number | undefined | void>) {
    this.#world = world;
    this.#intervalMs = intervalMs;
    this.#task = task;
    this.#alarm = new Alarm(world.clock);
  }

  /** The first run begins at once; this does not wait for it. */
  start(): Promise<void> {
    this.#loop = this.#run();
    return Promise.resolve();
  }

  /** Runs again as soon as the run in hand is done, or now. */
  nudge(): void {
    this.#alarm.ring();
  }

  /** Aborts the run in hand by its signal and waits for its end, at the longest until the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#ended.abort(new Error('stopped'));
    await Promise.race([this.#loop, this.#world.clock.delay(deadlineMs)]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      let nextMs: number | undefined | void;
      try {
        nextMs = await this.#task(signal);
      } catch (error) {
        if (signal.aborted && error === signal.reason) return;
        throw error;
      }
      const jitter = 0.9 + this.#world.random.next() * 0.2;
      await this.#alarm.wait(nextMs ?? this.#intervalMs * jitter, signal);
    }
  }
}
