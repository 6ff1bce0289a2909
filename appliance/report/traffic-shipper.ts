import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import type { TrafficReport } from '../../src/contracts/traffic-report.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { TrafficLedger } from './traffic-ledger.ts';

export interface TrafficShipperOptions {
  readonly applianceId: string;
  readonly ledger: Pick<TrafficLedger, 'unsent' | 'acknowledged'>;
  readonly service: Pick<EnrolledService, 'usable' | 'post'>;
  readonly world: World;
  readonly logger: Logger;
  readonly shipMs: number;
}

/** Tells the planner what was served and taken in. What does not arrive is told again, and counts once there. */
export class TrafficShipper implements Service {
  readonly #options: TrafficShipperOptions;
  readonly #log: FailureLog;
  readonly #task: PeriodicTask;

  constructor(options: TrafficShipperOptions) {
    this.#options = options;
    this.#log = new FailureLog(options.logger, 'tell the planner what was served');
    this.#task = new PeriodicTask(options.world, options.shipMs, (signal) => this.#ship(signal));
  }

  start(): Promise<void> {
    return this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  async #ship(signal: AbortSignal): Promise<void> {
    const { applianceId, ledger, service } = this.#options;
    await service.usable(signal);
    const slots = ledger.unsent();
    if (slots.length === 0) return;
    try {
      await service.post('/v1/traffic', { version: 1, applianceId, slots } satisfies TrafficReport, signal);
      ledger.acknowledged(slots);
      this.#log.worked();
    } catch (error) {
      if (signal.aborted || !isOperational(error)) throw error;
      // A planner of before this report has no such page.
      if (error.answeredStatus !== 404) this.#log.failed(error);
    }
  }
}
