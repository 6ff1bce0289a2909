import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import type { FillPlan } from '../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { backoffMs } from '../../src/resilience/backoff.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { LinkUse } from '../fill/pace/link-use.ts';
import type { HeldPlan } from '../fill/planned/held-plan.ts';
import type { PlannedFill } from '../fill/planned/planned-fill.ts';
import type { SourceBans } from '../fill/sources/source-bans.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { InventoryLook } from './inventory-look.ts';
import type { SpaceEarnings } from './space-earnings.ts';

export interface FillReporterOptions {
  readonly applianceId: string;
  readonly held: HeldPlan;
  readonly fill: () => Pick<PlannedFill, 'state' | 'filledBytes' | 'failures'>;
  readonly bans: Pick<SourceBans, 'list'>;
  readonly linkUse: Pick<LinkUse, 'told'>;
  readonly space: Pick<SpaceEarnings, 'report'>;
  readonly store: Pick<ObjectStore, 'objects' | 'find'>;
  readonly service: EnrolledService;
  readonly world: World;
  readonly logger: Logger;
}

const AT_MOST_EVERY_MS = 1000;
const WHILE_FILLING_MS = 60_000;
/** What space earns changes without any fill. */
const AT_LEAST_EVERY_MS = 3_600_000;
const MAX_BANS_TOLD = 64;
const RETRY = { firstMs: 1000, maxMs: 60_000 };

/**
 * Tells the planner how far this appliance is with its plan: on every change, at most once a second, and once a minute
 * while it fills, once an hour at least. A report that does not arrive is made anew, never repeated.
 */
export class FillReporter implements Service {
  readonly #options: FillReporterOptions;
  readonly #log: FailureLog;
  readonly #look: InventoryLook;
  readonly #task: PeriodicTask;
  #hasNews = true;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: FillReporterOptions) {
    this.#options = options;
    this.#log = new FailureLog(options.logger, 'report fill progress');
    this.#look = new InventoryLook(options.store, options.world.clock);
    this.#task = new PeriodicTask(options.world, AT_MOST_EVERY_MS, (signal) => this.#report(signal));
  }

  start(): Promise<void> {
    return this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  /** Something changed. Cheap: it may be called for every block. */
  changed(): void {
    if (this.#hasNews) return;
    this.#hasNews = true;
    this.#task.nudge();
  }

  /** @returns ms until the next look; news wake it earlier. */
  async #report(signal: AbortSignal): Promise<number> {
    const { service, held, fill, world } = this.#options;
    await service.usable(signal);
    if (held.plan === undefined) {
      // Without a plan there is nothing to tell; the next change must wake this task again.
      this.#hasNews = false;
      return WHILE_FILLING_MS;
    }
    const { state } = fill();
    const sinceMs = world.clock.monotonicMs() - this.#reportedAtMs;
    const isDue = this.#hasNews || sinceMs >= (state === 'filling' ? WHILE_FILLING_MS : AT_LEAST_EVERY_MS);
    if (!isDue) return state === 'filling' ? WHILE_FILLING_MS - sinceMs : WHILE_FILLING_MS;
    if (sinceMs < AT_MOST_EVERY_MS) return AT_MOST_EVERY_MS - sinceMs;
    this.#hasNews = false;
    try {
      await service.post('/v1/fill-report', this.#compose(held.plan), signal);
      this.#reportedAtMs = world.clock.monotonicMs();
      this.#log.worked();
      return WHILE_FILLING_MS;
    } catch (error) {
      if (signal.aborted || !isOperational(error)) throw error;
      this.#hasNews = true;
      this.#log.failed(error);
      return backoffMs(this.#log.failures, RETRY, world.random.next());
    }
  }

  #compose(plan: FillPlan): FillReport {
    const { applianceId, fill, bans, linkUse, space, world } = this.#options;
    const earned = space.report();
    const banned = bans.list().slice(0, MAX_BANS_TOLD);
    const slots = linkUse.told();
    const { state, filledBytes } = fill();
    const { fileCount, heldFileCount, planBytes, heldBytes } = this.#look.take(plan);
    return {
      version: 1,
      applianceId,
      planVersion: plan.planVersion,
      reportedAtMs: world.clock.nowMs(),
      state,
      fileCount,
      heldFileCount,
      planBytes,
      heldBytes,
      filledBytes,
      failures: fill().failures(),
      ...(banned.length === 0 ? {} : { bannedSources: banned }),
      ...(slots.length === 0 ? {} : { linkUse: slots }),
      ...(earned === undefined ? {} : { space: earned }),
    };
  }
}
