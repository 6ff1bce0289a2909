import { setImmediate as nextTurn } from 'node:timers/promises';

/** Objects taken at a time: some milliseconds. */
const SLICE = 1000;

/**
 * Does something with a million objects and lets the loop serve others in between. What happens meanwhile may change
 * them, and what holds them: `work` looks anew at each, and a map may grow and shrink while it is gone through.
 */
export async function inSlices<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    count += 1;
    if (count % SLICE === 0) await nextTurn();
  }
}
