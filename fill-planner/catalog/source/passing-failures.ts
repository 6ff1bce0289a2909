import { isOperational } from '../../../src/errors/operational-error.ts';
import { backoffMs } from '../../../src/resilience/backoff.ts';
import type { World } from '../../../src/world/world.ts';

const MAX_TRIES = 6;
const BACKOFF = { firstMs: 250, maxMs: 8000 };
const BUSY_STATUSES: ReadonlySet<number | undefined> = new Set([429, 500, 502, 503, 504]);

/** Whether the same request may succeed a little later. */
const isPassing = (error: unknown): boolean =>
  isOperational(error, 'SOURCE_TIMEOUT') ||
  isOperational(error, 'SOURCE_TRUNCATED') ||
  isOperational(error, 'SOURCE_UNREACHABLE') ||
  (isOperational(error, 'SOURCE_STATUS') && BUSY_STATUSES.has(error.answeredStatus));

/** Waits before the next try; throws the failure when it will not pass, or lasted for too many tries. */
export async function waitOrThrow(error: unknown, failures: number, world: World, signal: AbortSignal): Promise<void> {
  if (failures >= MAX_TRIES || !isPassing(error)) throw error;
  await world.clock.delay(backoffMs(failures, BACKOFF, world.random.next()), signal);
}

/** Runs `run` until it succeeds, a few times at most, further and further apart. */
export async function steadily<T>(run: () => Promise<T>, world: World, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await run();
    } catch (error) {
      await waitOrThrow(error, failures, world, signal);
    }
  }
}
