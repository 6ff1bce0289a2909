import { setImmediate as othersTurn } from 'node:timers/promises';
import type { Clock } from '../world/world.ts';

/**
 * Long work on the event loop, done a little at a time so that requests wait for a slice and not for the whole.
 *
 * How long a slice takes is not asked of the clock: on a busy machine the clock counts what others do, and work that
 * then rests in proportion never ends. The work says itself how much of it is done, in units of its own (rows, groups),
 * and a slice is so many of them. Between slices it rests: at least a turn of the event loop, and longer where it has
 * a pace to keep, so that it takes a share of the core and no more. A slice that comes late shortens the rests after
 * it, so that a busy machine delays the end by its own slowness only.
 */
export interface Slicing {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** About a millisecond of work. */
  readonly unitsPerSlice: number;
  /** The time that a unit shall take with the rests; 0 for as soon as possible. */
  readonly paceMsPerUnit?: number;
}

/** The shortest timer there is; requests that wait are answered in it. */
const SHORTEST_REST_MS = 1;

/**
 * Runs the work to its end. @param work yields how many units it has done since it last yielded
 * @throws what the work throws, or the signal's reason
 */
export async function inSlices<T>(
  work: Iterator<number, T>,
  { clock, signal, unitsPerSlice, paceMsPerUnit = 0 }: Slicing,
): Promise<T> {
  const beganMs = clock.monotonicMs();
  let done = 0;
  let sliceEnds = unitsPerSlice;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    done += step.value;
    if (done < sliceEnds) continue;
    sliceEnds = done + unitsPerSlice;
    const dueMs = beganMs + done * paceMsPerUnit;
    await clock.delay(Math.max(SHORTEST_REST_MS, dueMs - clock.monotonicMs()), signal);
  }
}

/** Runs the work to its end as soon as possible, with one turn of the event loop between slices, in which others are answered. */
export async function inTurns<T>(work: Iterator<number, T>, unitsPerTurn: number): Promise<T> {
  let done = 0;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    done += step.value;
    if (done < unitsPerTurn) continue;
    done = 0;
    await othersTurn();
  }
}

/** Runs the work to its end at once, where nobody waits. */
export function atOnce<T>(work: Iterator<number, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
