import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import type { Urgency } from '../object-store.ts';

/**
 * The way to one disk: who may use it next, how many at a time, how many wait, and for how long.
 *
 * Problem: viewers, fills on demand, the plan and the scrub share one disk. A first-come queue lets a thousand planned
 * writes stand before a viewer's read, and a disk that hangs collects requests until memory is gone.
 *
 * The obvious, a queue per kind with a width of its own, keeps them from queueing behind each other, but not from
 * seeking in turn on the same spindle.
 *
 * Idea: one lane per disk with one bounded queue per urgency. The most urgent that waits goes first, always, with one
 * exception: of so many reads that go before a waiting demand write, the write gets the next turn, or a storm of reads
 * would stop fills for ever, and fills are what ends a storm of misses. Demand writes never take the whole width, so a
 * viewer who comes waits for none of them when there are few reads. Bulk work (the plan, the scrub) has a small part of
 * the width, one place while a read is in hand, and none while one waits: within one operation of at most a block the
 * disk is the viewers'.
 *
 * Waiting is bounded in count, in bytes (a write that waits holds its block in memory; the bytes that are ahead of a
 * read say how long it will wait) and in time. An operation that is given up on keeps its place until the kernel
 * returns, because it still occupies the disk; so a disk that hangs for good takes at most `width` operations with it.
 *
 * Limits: an operation that the kernel has is not called back. Bulk work may starve while viewers keep the disk busy:
 * that is what it is for; it is refused when its time is up, and asked again later by who wants it.
 */
export class DiskLane {
  readonly #clock: Clock;
  readonly #limits: DiskLaneLimits;
  readonly #queues: Readonly<Record<Urgency, LaneQueue>> = {
    viewer: new LaneQueue(),
    demand: new LaneQueue(),
    planned: new LaneQueue(),
    scrub: new LaneQueue(),
  };
  #running = 0;
  /** Reads that went before a demand write that was waiting. */
  #readsBeforeWrite = 0;

  constructor(clock: Clock, limits: DiskLaneLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Operations that wait for a place, of one urgency. */
  waiting(urgency: Urgency): number {
    return this.#queues[urgency].waiting.length;
  }

  /** Operations that have a place, of one urgency; also those that were given up on. */
  running(urgency: Urgency): number {
    return this.#queues[urgency].running;
  }

  /** How long the operation that was asked for first has been waited for by now; 0 when nobody waits. */
  longestWaitMs(urgency: Urgency): number {
    const { inHand, waiting } = this.#queues[urgency];
    const [oldest = waiting[0]] = inHand;
    return oldest === undefined ? 0 : this.#clock.monotonicMs() - oldest.askedAtMs;
  }

  /**
   * @throws OperationalError OVERLOADED when too much waits or this waited too long, VOLUME_IO when the operation hangs;
   *   and whatever the operation throws.
   */
  run<T>(work: LaneWork, operation: () => Promise<T>): Promise<T> {
    const queue = this.#queues[work.urgency];
    const limits = this.#limits.queues[work.urgency];
    if (this.#isRefused(queue, limits, work)) {
      const wait = `${queue.waiting.length} operations of ${queue.waitingBytes} bytes wait`;
      return Promise.reject(new OperationalError('OVERLOADED', `${work.what}: ${wait}`));
    }
    return new Promise<T>((resolve, reject) => {
      const job: Job = {
        work,
        askedAtMs: this.#clock.monotonicMs(),
        timer: this.#clock.setTimer(limits.waitMs, () => {
          queue.remove(job);
          reject(new OperationalError('OVERLOADED', `${work.what}: no turn within ${limits.waitMs} ms`));
        }),
        run: async () => {
          const hangs = this.#clock.setTimer(this.#limits.operationMs, () => {
            queue.inHand.delete(job);
            const late = `${work.what}: no answer within ${this.#limits.operationMs} ms`;
            reject(new OperationalError('VOLUME_IO', late));
          });
          try {
            resolve(await operation());
          } catch (error) {
            // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- it is handed on as it came
            reject(error);
          } finally {
            hangs.cancel();
          }
        },
      };
      queue.add(job);
      this.#next();
    });
  }

  #isRefused({ waiting, waitingBytes }: LaneQueue, limits: QueueLimits, { bytes }: LaneWork): boolean {
    if (waiting.length === 0) return false;
    return waiting.length >= limits.maxWaiting || waitingBytes + bytes > limits.maxWaitingBytes;
  }

  #next(): void {
    for (let urgency = this.#choose(); urgency !== undefined; urgency = this.#choose()) {
      const queue = this.#queues[urgency];
      const job = queue.shift();
      if (urgency === 'demand' || this.#queues.demand.waiting.length === 0) this.#readsBeforeWrite = 0;
      else if (urgency === 'viewer') this.#readsBeforeWrite += 1;
      job.timer.cancel();
      this.#begin(job, queue);
    }
  }

  #begin(job: Job, queue: LaneQueue): void {
    const beganAtMs = this.#clock.monotonicMs();
    queue.running += 1;
    queue.inHand.add(job);
    this.#running += 1;
    void job.run().then(() => {
      queue.running -= 1;
      queue.inHand.delete(job);
      this.#running -= 1;
      const endedAtMs = this.#clock.monotonicMs();
      this.#limits.onDone?.({
        urgency: job.work.urgency,
        waitedMs: beganAtMs - job.askedAtMs,
        tookMs: endedAtMs - beganAtMs,
      });
      this.#next();
    });
  }

  /** Whose turn it is. What is less urgent than somebody who waits never is. */
  #choose(): Urgency | undefined {
    const { viewer, demand, planned, scrub } = this.#queues;
    const { width, demandWidth, bulkWidth } = this.#limits;
    if (this.#running >= width) return undefined;
    const demandMay = demand.waiting.length > 0 && demand.running < demandWidth;
    if (viewer.waiting.length > 0) {
      return demandMay && this.#readsBeforeWrite >= READS_BEFORE_WRITE ? 'demand' : 'viewer';
    }
    if (demand.waiting.length > 0) return demandMay ? 'demand' : undefined;
    const bulkPlaces = viewer.running > 0 ? Math.min(1, bulkWidth) : bulkWidth;
    if (planned.running + scrub.running >= bulkPlaces) return undefined;
    if (planned.waiting.length > 0) return 'planned';
    // One after the other: the scrub has days.
    return scrub.waiting.length > 0 && scrub.running === 0 ? 'scrub' : undefined;
  }
}

/** So many waiting reads go before a waiting demand write, then it has its turn. */
const READS_BEFORE_WRITE = 4;

const MIB = 2 ** 20;

/**
 * For a volume. Twelve operations keep an SSD busy and a disk's elevator in work; what waits is a few seconds of what a
 * slow disk does, except reads, which hold no memory while they wait.
 */
export const volumeLaneLimits: DiskLaneLimits = {
  width: 12,
  demandWidth: 4,
  bulkWidth: 2,
  operationMs: 30_000,
  queues: {
    viewer: { maxWaiting: 4096, maxWaitingBytes: 4096 * MIB, waitMs: 15_000 },
    demand: { maxWaiting: 256, maxWaitingBytes: 256 * MIB, waitMs: 30_000 },
    planned: { maxWaiting: 16, maxWaitingBytes: 16 * MIB, waitMs: 60_000 },
    scrub: { maxWaiting: 4, maxWaitingBytes: 4 * MIB, waitMs: 60_000 },
  },
};

/** One operation, as the lane needs to know it. */
export interface LaneWork {
  readonly urgency: Urgency;
  /** For the operator: what was tried on which file. */
  readonly what: string;
  /** How much is read or written. */
  readonly bytes: number;
}

export interface DiskLaneLimits {
  /** Operations that the disk has in hand at one time. */
  readonly width: number;
  /** How many of them may be demand writes. */
  readonly demandWidth: number;
  /** How many of them may be planned writes and scrub reads. */
  readonly bulkWidth: number;
  /** From its beginning; what takes longer counts as a disk that hangs. */
  readonly operationMs: number;
  readonly queues: Readonly<Record<Urgency, QueueLimits>>;
  /** Told of every operation that ended, however it did. */
  readonly onDone?: (done: LaneDone) => void;
}

export interface QueueLimits {
  readonly maxWaiting: number;
  /** One operation may always wait. */
  readonly maxWaitingBytes: number;
  readonly waitMs: number;
}

export interface LaneDone {
  readonly urgency: Urgency;
  readonly waitedMs: number;
  readonly tookMs: number;
}

interface Job {
  readonly work: LaneWork;
  readonly askedAtMs: number;
  readonly timer: Timer;
  readonly run: () => Promise<void>;
}

class LaneQueue {
  readonly waiting: Job[] = [];
  /** Begun, and somebody still waits for it, in the order of asking. */
  readonly inHand = new Set<Job>();
  waitingBytes = 0;
  running = 0;

  add(job: Job): void {
    this.waiting.push(job);
    this.waitingBytes += job.work.bytes;
  }

  shift(): Job {
    const job = this.waiting.shift();
    if (job === undefined) throw new Error('nobody waits');
    this.waitingBytes -= job.work.bytes;
    return job;
  }

  /** Those whose time is up are the first: all of a queue have the same time. */
  remove(job: Job): void {
    this.waiting.splice(this.waiting.indexOf(job), 1);
    this.waitingBytes -= job.work.bytes;
  }
}
