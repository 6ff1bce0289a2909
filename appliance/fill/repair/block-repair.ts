import { isOperational } from '../../../src/errors/operational-error.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { Alarm } from '../../../src/resilience/alarm.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Metrics } from '../../../src/telemetry/metrics.ts';
import type { World } from '../../../src/world/world.ts';
import type { ObjectDescription } from '../../store/object-description.ts';

/** Who can fill a block again; answers whether there was something to fill. */
export interface BlockRefiller {
  /** @throws OperationalError of the last source when none gave it; VOLUME_FULL and VOLUME_IO when it could not be kept. */
  refill(description: ObjectDescription, blockIndex: number, signal: AbortSignal): Promise<boolean>;
}

export interface BlockRepairOptions {
  readonly refiller: BlockRefiller;
  readonly world: World;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What viewers leave over, 0 to 1. */
  readonly bulkShare: () => number;
}

/**
 * Fills again what disks have lost, in the background.
 *
 * Problem: a block that a scrub finds rotten is good news only while somebody else still has it. A viewer who meets one
 * has it filled at once, in the middle of his answer; a block that nobody reads would stay lost.
 *
 * The obvious, to fill each at once, turns a dying disk into a load on every peer: it loses thousands, and takes none
 * of what comes back.
 *
 * Idea: a bounded queue, one block at a time, while viewers leave something over, a little after the loss, so that a
 * viewer who met it comes first and the repair finds it held. What fails is tried again a few times, later. A run of
 * failures stops the repair for minutes (sources are away, or the disk takes nothing), and so does a queue that is
 * full: that many losses are a bad disk, and its blocks are better filled to another one by who asks for them.
 *
 * Limits: the queue is in memory; after a restart lost blocks are gaps that viewers and planned fill fill as they go.
 */
export class BlockRepair implements Service {
  readonly #options: BlockRepairOptions;
  readonly #alarm: Alarm;
  readonly #ended = new AbortController();
  readonly #queue = new Map<string, Repair>();
  readonly #outcomes;
  #loop: Promise<void> = Promise.resolve();
  #failuresInARow = 0;
  #pausedUntilMs = 0;

  constructor(options: BlockRepairOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.world.clock);
    this.#outcomes = options.metrics.counter(
      'block_repairs_total',
      'Blocks that disks lost, by what became of them: repaired, not needed any more, failed, or left to who asks for them because too many were lost. Any `left`: a disk is dying, replace it.',
      ['outcome'],
    );
    options.metrics.gauge(
      'block_repairs_waiting',
      'Lost blocks that wait to be filled again. Standing high: sources do not answer, or viewers leave no time.',
      [],
      (gauge) => gauge.set(this.#queue.size),
    );
  }

  /** A block was lost. */
  lost(description: ObjectDescription, blockIndex: number): void {
    const name = `${description.etag} ${blockIndex} ${description.key}`;
    if (this.#queue.has(name)) return;
    if (this.#queue.size >= MAX_WAITING) {
      this.#outcomes.inc({ outcome: 'left' });
      return;
    }
    const dueAtMs = this.#options.world.clock.monotonicMs() + VIEWER_FIRST_MS;
    this.#queue.set(name, { description, blockIndex, dueAtMs, tries: 0 });
    this.#alarm.ring();
  }

  start(): Promise<void> {
    this.#loop = this.#run(this.#ended.signal);
    return Promise.resolve();
  }

  /** Gives up what is on its way. */
  async stop(deadlineMs: number): Promise<void> {
    this.#ended.abort(new Error('the repair was stopped'));
    const { promise: isTime, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.world.clock.setTimer(deadlineMs, resolve);
    await Promise.race([this.#loop, isTime]);
    timer.cancel();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [name, repair] = this.#first();
      const waitMs = this.#waitMs(repair);
      if (repair === undefined || waitMs > 0) await this.#alarm.wait(waitMs, signal);
      else await this.#repair(name, repair, signal);
    }
  }

  /** Those that failed stand behind the others, and are due later than these. */
  #first(): [string, Repair | undefined] {
    for (const [name, repair] of this.#queue) return [name, repair];
    return ['', undefined];
  }

  #waitMs(repair: Repair | undefined): number {
    if (repair === undefined) return IDLE_MS;
    const nowMs = this.#options.world.clock.monotonicMs();
    const untilMs = Math.max(repair.dueAtMs, this.#pausedUntilMs);
    if (untilMs > nowMs) return untilMs - nowMs;
    return this.#options.bulkShare() === 0 ? YIELD_MS : 0;
  }

  async #repair(name: string, repair: Repair, signal: AbortSignal): Promise<void> {
    const { refiller, logger } = this.#options;
    const { description, blockIndex } = repair;
    this.#queue.delete(name);
    try {
      const wasNeeded = await refiller.refill(description, blockIndex, signal);
      this.#outcomes.inc({ outcome: wasNeeded ? 'repaired' : 'unneeded' });
      this.#failuresInARow = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!isOperational(error)) throw error;
      logger.debug({ key: description.key, block: blockIndex, error }, 'a lost block was not filled again');
      this.#failed(name, repair);
    }
  }

  #failed(name: string, repair: Repair): void {
    const nowMs = this.#options.world.clock.monotonicMs();
    const tries = repair.tries + 1;
    if (tries < MAX_TRIES) this.#queue.set(name, { ...repair, tries, dueAtMs: nowMs + RETRY_MS });
    else this.#outcomes.inc({ outcome: 'failed' });
    this.#failuresInARow += 1;
    if (this.#failuresInARow < FAILURES_TO_PAUSE) return;
    this.#failuresInARow = 0;
    this.#pausedUntilMs = nowMs + PAUSE_MS;
    this.#options.logger.warn({ waiting: this.#queue.size }, 'lost blocks cannot be filled again now');
  }
}

interface Repair {
  readonly description: ObjectDescription;
  readonly blockIndex: number;
  readonly dueAtMs: number;
  readonly tries: number;
}

/** As many MiB. */
const MAX_WAITING = 1000;
const VIEWER_FIRST_MS = 1000;
const MAX_TRIES = 3;
const RETRY_MS = 60_000;
const FAILURES_TO_PAUSE = 5;
const PAUSE_MS = 300_000;
const YIELD_MS = 500;
const IDLE_MS = 3_600_000;
