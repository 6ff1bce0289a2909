import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Clock } from '../../../src/world/world.ts';

/**
 * The way to one disk for one kind of work: so many operations at a time, so many waiting, each with a deadline.
 *
 * A disk that hangs must not collect requests, and each read that waits would otherwise bring its buffer along. An
 * operation that is given up on keeps its place until the kernel returns, because it still occupies the disk; so a disk
 * that hangs for good takes at most `width` operations with it.
 */
export class DiskLane {
  readonly #clock: Clock;
  readonly #limits: DiskLaneLimits;
  readonly #waiting: Job[] = [];
  #running = 0;

  constructor(clock: Clock, limits: DiskLaneLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * @param what for the operator: what was tried on which file.
   * @throws OperationalError OVERLOADED when the disk has too much in hand, VOLUME_IO when the operation hangs; and
   *   whatever the operation throws.
   */
  run<T>(what: string, operation: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.width && this.#waiting.length >= this.#limits.maxWaiting) {
      return Promise.reject(new OperationalError('OVERLOADED', `${what}: ${this.#waiting.length} operations wait`));
    }
    return new Promise<T>((resolve, reject) => {
      const timer = this.#clock.setTimer(this.#limits.deadlineMs, () => {
        job.abandoned = true;
        const late = `${what}: no answer within ${this.#limits.deadlineMs} ms`;
        reject(new OperationalError(job.started ? 'VOLUME_IO' : 'OVERLOADED', late));
      });
      const job: Job = {
        started: false,
        abandoned: false,
        run: async () => {
          try {
            resolve(await operation());
          } catch (error) {
            // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- it is handed on as it came
            reject(error);
          } finally {
            timer.cancel();
          }
        },
      };
      this.#waiting.push(job);
      this.#next();
    });
  }

  #next(): void {
    while (this.#running < this.#limits.width) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      if (job.abandoned) continue;
      job.started = true;
      this.#running += 1;
      void job.run().then(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }
}

export interface DiskLaneLimits {
  readonly width: number;
  readonly maxWaiting: number;
  readonly deadlineMs: number;
}

interface Job {
  started: boolean;
  abandoned: boolean;
  readonly run: () => Promise<void>;
}
