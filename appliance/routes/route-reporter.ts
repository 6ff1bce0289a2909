import { readFile, stat } from 'node:fs/promises';
import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import type { RouteReport } from '../../src/contracts/route-report.ts';
import { isOperational, messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { backoffMs } from '../../src/resilience/backoff.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { parseRoutes } from './parse-routes.ts';

export interface RouteReporterOptions {
  readonly applianceId: string;
  readonly siteId: string;
  readonly file: string;
  readonly service: EnrolledService;
  readonly world: World;
  readonly logger: Logger;
  readonly onReport: (outcome: 'acknowledged' | 'failed') => void;
}

const LOOK_EVERY_MS = 2000;
/** So that a steering service which lost its state learns the routes again without anybody touching the file. */
const REPEAT_MS = 3_600_000;
const RETRY = { firstMs: 1000, maxMs: 60_000 };
const MAX_PROBLEMS_TOLD = 20;
const MAX_FILE_BYTES = 128 * 1024 * 1024;

/**
 * Watches the routes file and reports what it says to steering. The file counts once it looked the same twice in a row:
 * a half-written one would withdraw the routes of half an ISP. For the same reason a file that is gone, or in which
 * nothing makes sense, changes nothing, and neither does a dump whose end is missing once there are routes; only a file
 * that is empty on purpose withdraws all.
 */
export class RouteReporter implements Service {
  readonly #options: RouteReporterOptions;
  readonly #fileLog: FailureLog;
  readonly #reportLog: FailureLog;
  readonly #task: PeriodicTask;
  #seen = '';
  #taken = '';
  #routes: RouteReport['routes'] | undefined;
  #isReported = false;
  #reportAgainAtMs = 0;

  constructor(options: RouteReporterOptions) {
    this.#options = options;
    this.#fileLog = new FailureLog(options.logger, 'read the routes file');
    this.#reportLog = new FailureLog(options.logger, 'report routes to steering');
    this.#task = new PeriodicTask(options.world, LOOK_EVERY_MS, (signal) => this.#look(signal));
  }

  start(): Promise<void> {
    return this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  /** How many routes the file named when it last made sense; undefined before that. */
  get routeCount(): number | undefined {
    return this.#routes?.length;
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      await this.#readIfChanged();
      this.#fileLog.worked();
    } catch (error) {
      if (!isOperational(error)) throw error;
      // Missing, unreadable, senseless: the operator reads it in the log, and what was reported stays.
      this.#fileLog.failed(error);
    }
    const nowMs = this.#options.world.clock.monotonicMs();
    if (this.#routes !== undefined && nowMs >= this.#reportAgainAtMs) await this.#report(this.#routes, signal);
  }

  async #readIfChanged(): Promise<void> {
    const { file, logger } = this.#options;
    const { mtimeMs, size, ino } = await fromDisk(file, stat(file));
    const now = `${mtimeMs} ${size} ${ino}`;
    const isSettled = now === this.#seen;
    this.#seen = now;
    if (!isSettled || now === this.#taken) return;
    if (size > MAX_FILE_BYTES) throw new OperationalError('CONFIG_INVALID', `${file} is over ${MAX_FILE_BYTES} bytes`);
    const { routes, problems, isTorn } = parseRoutes(await fromDisk(file, readFile(file)));
    this.#taken = now;
    if (problems.length > 0) {
      const told = problems.slice(0, MAX_PROBLEMS_TOLD);
      logger.warn({ file, count: problems.length, problems: told }, 'the routes file has wrong lines, left out');
      if (routes.length === 0 || (isTorn === true && this.#routes !== undefined)) return;
    }
    this.#routes = [...routes];
    this.#isReported = false;
    this.#reportAgainAtMs = 0;
    logger.info({ file, routes: routes.length }, 'took the routes file');
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

async function fromDisk<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
}
