import { join } from 'node:path';
import type { EnrolledService } from '../src/client/enrolled-service.ts';
import type { HttpClient } from '../src/client/http-client.ts';
import type { Service } from '../src/lifecycle/service.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import type { World } from '../src/world/world.ts';
import type { ControlPlaneConfig } from './control-plane-config.ts';
import type { BlockFiller } from './fill/block-filler.ts';
import { InventoryAsker } from './fill/inventory/ask-inventories.ts';
import { InventoryTeller } from './fill/inventory/tell-inventory.ts';
import { FillHours } from './fill/pace/fill-hours.ts';
import { describeFill, type FillStatus } from './fill/pace/fill-status.ts';
import type { LinkUse } from './fill/pace/link-use.ts';
import { GoneFiles } from './fill/planned/gone-files.ts';
import type { HeldPlan } from './fill/planned/held-plan.ts';
import { PlanClient } from './fill/planned/plan-client.ts';
import type { PlanFile } from './fill/planned/plan-file.ts';
import { PlannedFill } from './fill/planned/planned-fill.ts';
import type { SourceBans } from './fill/sources/source-bans.ts';
import type { ControlPlaneMetrics } from './report/control-plane-metrics.ts';
import type { DemandBacklog } from './report/demand-backlog.ts';
import type { DemandCounter } from './report/demand-counter.ts';
import { DemandShipper } from './report/demand-shipper.ts';
import { FillReporter } from './report/fill-reporter.ts';
import { SpaceEarnings } from './report/space-earnings.ts';
import type { ObjectStore } from './store/object-store.ts';

export interface PlannerSideOptions {
  readonly config: ControlPlaneConfig;
  readonly service: EnrolledService;
  readonly world: World;
  readonly logger: Logger;
  readonly store: ObjectStore;
  readonly filler: BlockFiller;
  readonly bulkShare: () => number;
  readonly bans: SourceBans;
  readonly http: HttpClient;
  /** By what other appliances are asked where URLs have to be signed. */
  readonly grant: () => string | undefined;
  readonly linkUse: LinkUse;
  readonly metrics: ControlPlaneMetrics;
  readonly held: HeldPlan;
  readonly planFile: PlanFile;
  readonly counter: DemandCounter;
  readonly backlog: DemandBacklog;
}

const HOUR_MS = 3_600_000;

/** What an appliance has of the planner: its plan, the filling by it, and what the planner is told. */
export class PlannerSide implements Service {
  readonly fill: PlannedFill;
  readonly hours: FillHours;
  /** What the border between planned space and demand space earns: every answered request is counted there. */
  readonly space: SpaceEarnings;
  readonly #options: PlannerSideOptions;
  readonly #gone: GoneFiles;
  readonly #inventory: InventoryTeller;
  readonly #parts: readonly Service[];

  constructor(options: PlannerSideOptions) {
    const { config, service, world, logger, store, filler, bulkShare, bans, linkUse, metrics, held } = options;
    const { id: applianceId, stateDir, planPollMs } = config;
    this.#options = options;
    this.hours = new FillHours({
      plan: () => held.plan,
      clock: world.clock,
      file: join(stateDir, 'fill-order.json'),
      repeatDays: config.planRepeatDays,
    });
    this.#gone = new GoneFiles({
      file: join(stateDir, 'gone-files.json'),
      graceMs: config.planGraceHours * HOUR_MS,
      clock: world.clock,
      logger,
    });
    this.space = spaceEarnings(options);
    const reporter = new FillReporter({
      applianceId,
      held,
      fill: () => this.fill,
      bans,
      linkUse,
      space: this.space,
      store,
      service,
      world,
      logger,
    });
    this.fill = new PlannedFill({
      applianceId,
      held,
      hours: this.hours,
      gone: this.#gone,
      store,
      filler,
      bans,
      linkUse,
      world,
      logger,
      bulkShare,
      sourcesOf: (file) => asker.sourcesOf(file),
      onFilled: (kind, bytes) => metrics.filled(kind, bytes),
      onFailed: (code) => metrics.fillFailed(code),
      onProgress: () => reporter.changed(),
    });
    const client = new PlanClient({
      applianceId,
      service,
      held,
      file: options.planFile,
      world,
      logger,
      planPollMs,
      onPoll: (outcome) => metrics.polled(outcome),
    });
    const asker = this.#inventoryAsker(client);
    this.#inventory = new InventoryTeller({ applianceId, plan: () => held.plan, store, clock: world.clock });
    this.#parts = [linkUse, client, this.fill, reporter, asker, demandShipper(options)];
  }

  #inventoryAsker(client: PlanClient): InventoryAsker {
    const { config, held, grant, http, world, logger } = this.#options;
    return new InventoryAsker({
      applianceId: config.id,
      plan: () => held.plan,
      isFilling: () => this.fill.state === 'filling' || this.fill.state === 'blocked',
      isPlannerAway: () => client.isPlannerAway,
      onGotOn: (sourceId) => this.fill.gotOn(sourceId),
      grant,
      http,
      world,
      logger,
    });
  }

  /** What other appliances are told. */
  inventory(address: string): Buffer | 'busy' | undefined {
    return this.#inventory.answer(address);
  }

  /** What the operator is told. */
  status(): FillStatus {
    const { config, world, store, held, bulkShare, bans } = this.#options;
    return describeFill({
      applianceId: config.id,
      nowMs: world.clock.nowMs(),
      plan: held.plan,
      store,
      hours: this.hours,
      fill: this.fill,
      bulkShare: bulkShare(),
      manifestsMissing: held.missingManifests().length,
      banned: bans.list(),
    });
  }

  async start(): Promise<void> {
    this.#options.bans.load();
    this.#gone.load();
    try {
      this.hours.load();
    } catch (error) {
      this.#options.logger.warn({ error }, 'what the operator ordered of planned fill is not known any more');
    }
    for (const part of this.#parts) await part.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop(deadlineMs)));
  }
}

function spaceEarnings({ held, store, world }: PlannerSideOptions): SpaceEarnings {
  return new SpaceEarnings({
    plan: () => held.plan,
    capacityBytes: () => store.usage().capacityBytes,
    clock: world.clock,
  });
}

function demandShipper({
  config,
  counter,
  backlog,
  service,
  world,
  logger,
  metrics,
}: PlannerSideOptions): DemandShipper {
  const { demandShipMs } = config;
  return new DemandShipper({
    counter,
    backlog,
    service,
    world,
    logger,
    demandShipMs,
    onSample: (outcome) => metrics.sample(outcome),
  });
}
