import { unitHash } from '../../../src/hashing/weighted-rendezvous.ts';
import { WORK_CLASSES, type WorkClass } from './work-class.ts';

/**
 * Which questions are ranked while there is more to do than time.
 *
 * The obvious way is a fixed limit of requests per second, and it is wrong twice: nobody knows the right number for his
 * machine, and it turns away by chance, so that one viewer's start fails for another's report. Errors are no way out
 * at all: players answer them with more requests (standards.md, G17, G18).
 *
 * The idea is DAGOR's (Zhou et al., "Overload control for scaling WeChat microservices", SoCC 2018): overload is time
 * in the queue, and work has an order. The queue of one process is its event loop; how long a timer comes too late is
 * how long a request waits, and the least lateness of some probes in a row is a queue that stands (CoDel's rule), not a
 * pause for garbage. Each question has a rank: its class first, then a slice by its session, so that it is always the
 * same sessions that wait and nobody gets an order and loses it with each answer. One mark cuts through the ranks. A window
 * with a standing queue moves the mark down, the further the longer the queue is (the gradient of adaptive concurrency
 * limits: target over measured), a window well below it moves it up by a step, and between the two it stays, so that it
 * does not swing. Nothing of a class is ranked while anything of a more
 * important class is not.
 *
 * Limits: what is shed is a ranking, and the static answer still costs the request around it. When requests alone are
 * too many, only the longer TTL helps, which every shed answer carries.
 */
export const SLICES = 64;
const FULL = WORK_CLASSES.length * SLICES;

export interface ShedOptions {
  /** A queue that stands this long is overload. */
  readonly targetDelayMs: number;
}

export interface ShedState {
  /** Ranks below it are let through: FULL lets everything through, 0 nothing. */
  readonly mark: number;
}

export const NOTHING_SHED: ShedState = { mark: FULL };

/** What was seen in one window of a quarter of a second. */
export interface LoadWindow {
  /** Least lateness of the probes in it. */
  readonly standingDelayMs: number;
  /** Rankings that the hard limit per second refused. */
  readonly overLimit: boolean;
}

/** What remains of the mark after a window of overload: the least and the most. */
const KEEP_LEAST = 0.25;
const KEEP_MOST = 0.9;
/** What comes back with a window of calm: all of it in three and a half seconds. */
const STEP_UP = Math.ceil(FULL / 14);

/** The state after one window. */
export function afterWindow({ mark }: ShedState, window: LoadWindow, { targetDelayMs }: ShedOptions): ShedState {
  if (window.standingDelayMs > targetDelayMs || window.overLimit) {
    const keepShare = Math.min(KEEP_MOST, Math.max(KEEP_LEAST, targetDelayMs / window.standingDelayMs));
    return { mark: Math.floor(mark * keepShare) };
  }
  if (window.standingDelayMs < targetDelayMs / 2) return { mark: Math.min(FULL, mark + STEP_UP) };
  return { mark };
}

/** Whether a question is ranked. */
export function admits({ mark }: ShedState, work: WorkClass, sessionId: string): boolean {
  const first = WORK_CLASSES.indexOf(work) * SLICES;
  if (mark >= first + SLICES) return true;
  if (mark <= first) return false;
  return first + Math.floor(unitHash(`${sessionId}\nshed`) * SLICES) < mark;
}

/** From 0, nothing is shed, to 1, everything. */
export const shedShare = ({ mark }: ShedState): number => 1 - mark / FULL;
