import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { DemandBacklog } from './demand-backlog.ts';
import type { DemandCounter } from './demand-counter.ts';

export interface DemandShipperOptions {
  readonly counter: DemandCounter;
  readonly backlog: DemandBacklog;
  readonly service: EnrolledService;
  readonly world: World;
  readonly logger: Logger;
  readonly demandShipMs: number;
  readonly onSample: (outcome: SampleOutcome) => void;
}

/** What came of sending a sample. */
export const SAMPLE_OUTCOMES = ['acknowledged', 'refused', 'failed'] as const;
export type SampleOutcome = (typeof SAMPLE_OUTCOMES)[number];

/** The planner says that this very body is wrong; sending it again would block all that come after it, for ever. */
const REFUSED_FOR_GOOD: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * Brings the counts of demand to the planner: now and then the counter is emptied into the backlog on disk, and the
 * backlog is sent, oldest first, each sample under its own id until it is acknowledged. The counts of the last interval
 * are lost by a kill, never counted twice.
 */
export class DemandShipper implements Service {
  readonly #options: DemandShipperOptions;
  readonly #log: FailureLog;
  readonly #task: PeriodicTask;

  constructor(options: DemandShipperOptions) {
    this.#options = options;
    this.#log = new FailureLog(options.logger, 'ship demand samples');
    this.#task = new PeriodicTask(options.world, options.demandShipMs, (signal) => this.#ship(signal));
  }

  async start(): Promise<void> {
    try {
      this.#options.backlog.load();
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#options.logger.warn({ error }, 'cannot read the demand samples of the last run');
    }
    await this.#task.start();
  }

  /** Keeps what is counted on disk for the next start; does not wait for the planner. */
  async stop(deadlineMs: number): Promise<void> {
    await this.#task.stop(deadlineMs);
    this.#keepCounts();
  }

  async #ship(signal: AbortSignal): Promise<void> {
    this.#keepCounts();
    const { backlog, service, onSample } = this.#options;
    if (!service.isUsable) return;
    for (let sample = backlog.nextToSend(); sample !== undefined; sample = backlog.nextToSend()) {
      try {
        await service.post('/v1/demand', sample, signal);
        this.#log.worked();
        onSample('acknowledged');
      } catch (error) {
        if (signal.aborted || !isOperational(error)) throw error;
        this.#log.failed(error);
        const isRefused = error.answeredStatus !== undefined && REFUSED_FOR_GOOD.has(error.answeredStatus);
        onSample(isRefused ? 'refused' : 'failed');
        if (!isRefused) return;
      }
      backlog.remove(sample.sampleId);
    }
  }

  #keepCounts(): void {
    try {
      this.#options.backlog.add(this.#options.counter.take());
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#options.logger.warn({ error }, 'cannot keep demand samples on disk: a restart will lose them');
    }
  }
}
