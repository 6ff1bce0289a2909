import type { HttpClient } from '../../src/client/http-client.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Clock } from '../../src/world/world.ts';

const PROBE_EVERY_MS = 2000;
const PROBE_TIMEOUT_MS = 1500;
/** Asks nothing of a disk or an origin: the same answer that players get of it. */
const PROBE_TARGET = '/v1/steering/hls';

/**
 * Which other appliances of the site can be reached. Nobody is asked while nobody asks us: a look is begun by a
 * player's question, at the most every two seconds, and the next question has its result. Until a first look has failed
 * everybody counts as there. Any answer will do; an appliance that refuses is there.
 */
export class MateWatch {
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #lost = new Set<string>();
  #lookedAtMs: number | undefined;

  constructor(http: HttpClient, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  isLost(id: string): boolean {
    return this.#lost.has(id);
  }

  /** Begins a look where the last one is old. Resolves when it is over; never rejects. */
  async look(mates: ReadonlyArray<{ readonly id: string; readonly baseUrl: string }>): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#lookedAtMs !== undefined && nowMs - this.#lookedAtMs < PROBE_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    const ids = new Set(mates.map(({ id }) => id));
    for (const id of this.#lost) if (!ids.has(id)) this.#lost.delete(id);
    await Promise.all(
      mates.map(async ({ id, baseUrl }) => {
        if (await this.#answers(baseUrl)) this.#lost.delete(id);
        else this.#lost.add(id);
      }),
    );
  }

  async #answers(baseUrl: string): Promise<boolean> {
    try {
      const answer = await this.#http.request({
        url: baseUrl + PROBE_TARGET,
        method: 'HEAD',
        headersTimeoutMs: PROBE_TIMEOUT_MS,
        bodyTimeoutMs: PROBE_TIMEOUT_MS,
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
      answer.discard();
      return true;
    } catch (error) {
      if (isOperational(error) || error instanceof DOMException) return false;
      throw error;
    }
  }
}
