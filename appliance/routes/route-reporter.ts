import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import type { RouteReport } from '../../src/contracts/route-report.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { backoffMs } from '../../src/resilience/backoff.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { RouteSource } from './route-source.ts';

export interface RouteReporterOptions {
  readonly applianceId: string;
  readonly siteId: string;
  readonly source: RouteSource;
  readonly service: EnrolledService;
  readonly world: World;
  readonly logger: Logger;
  readonly onReport: (outcome: 'acknowledged' | 'failed') => void;
}

const LOOK_EVERY_MS = 2000;
/** So that a steering service which lost its state learns the routes again without anybody touching the file. */
const REPEAT_MS = 3_600_000;
const RETRY = { firstMs: 1000, maxMs: 60_000 };

/** Looks for what the ISP announces, again and again, and reports it to steering whenever it changed. */
export class RouteReporter implements Service {
  readonly #options: RouteReporterOptions;
  readonly #sourceLog: FailureLog;
  readonly #reportLog: FailureLog;
  readonly #task: PeriodicTask;
  #routes: RouteReport['routes'] | undefined;
  #isReported = false;
  #reportAgainAtMs = 0;

  constructor(options: RouteReporterOptions) {
    this.#options = options;
    this.#sourceLog = new FailureLog(options.logger, `read the routes from ${options.source.name}`);
    this.#reportLog = new FailureLog(options.logger, 'report routes to steering');
    this.#task = new PeriodicTask(options.world, LOOK_EVERY_MS, (signal) => this.#look(signal));
  }

  start(): Promise<void> {
    return this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  /** How many routes there were when they could last be told; undefined before that. */
  get routeCount(): number | undefined {
    return this.#routes?.length;
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      const routes = await this.#options.source.look(signal);
      if (routes !== undefined) this.#take(routes);
      this.#sourceLog.worked();
    } catch (error) {
      if (signal.aborted || !isOperational(error)) throw error;
      // The operator reads it in the log, and what was reported stays.
      this.#sourceLog.failed(error);
    }
    const nowMs = this.#options.world.clock.monotonicMs();
    if (this.#routes !== undefined && nowMs >= this.#reportAgainAtMs) await this.#report(this.#routes, signal);
  }

  #take(routes: RouteReport['routes']): void {
    const { logger, source } = this.#options;
    this.#routes = routes;
    this.#isReported = false;
    this.#reportAgainAtMs = 0;
    logger.info({ from: source.name, routes: routes.length }, 'took routes');
  }

  async #report(routes: RouteReport['routes'], signal: AbortSignal): Promise<void> {
    const { applianceId, siteId, service, world, onReport, logger } = this.#options;
    await service.usable(signal);
    const reportedAtMs = world.clock.nowMs();
    const report: RouteReport = { version: 1, applianceId, siteId, reportedAtMs, routes };
    try {
      await service.post('/v1/routes', report, signal);
      this.#reportLog.worked();
      if (!this.#isReported) logger.info({ routes: routes.length }, 'reported routes to steering');
      this.#isReported = true;
      this.#reportAgainAtMs = world.clock.monotonicMs() + REPEAT_MS * (0.9 + world.random.next() * 0.2);
      onReport('acknowledged');
    } catch (error) {
      if (signal.aborted || !isOperational(error)) throw error;
      this.#reportLog.failed(error);
      const waitMs = backoffMs(this.#reportLog.failures, RETRY, world.random.next());
      this.#reportAgainAtMs = world.clock.monotonicMs() + waitMs;
      onReport('failed');
    }
  }
}
