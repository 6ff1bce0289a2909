import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CommonConfig, ServiceContext } from '../src/cli/service-command.ts';
import type { ConfigOf } from '../src/config/parameter.ts';
import { isOperational, messageOf, OperationalError } from '../src/errors/operational-error.ts';
import { Health } from '../src/lifecycle/health.ts';
import type { ProcessService } from '../src/lifecycle/service.ts';
import { addAdminRoutes } from '../src/server/admin-routes.ts';
import { addEnrolmentRoute, addTokenMintingRoute } from '../src/server/enrolment-routes.ts';
import { createJsonServer, formatHostPort, listen } from '../src/server/json-server.ts';
import { createSignatureGuard } from '../src/server/signature-guard.ts';
import { TrustedKeys } from '../src/server/trusted-keys.ts';
import { type Identity, loadOrCreateIdentity } from '../src/signing/identity.ts';
import { databaseFailure } from '../src/sqlite/database-failure.ts';
import type { World } from '../src/world/world.ts';
import { addLinkRoutes } from './api/link-routes.ts';
import { addPlanRoutes } from './api/plan-routes.ts';
import { addReviewRoutes } from './api/review-routes.ts';
import { addSavingsRoutes } from './api/savings-routes.ts';
import { addServiceRoutes } from './api/service-routes.ts';
import { addTitleRoutes } from './api/title-routes.ts';
import { CalendarStore } from './calendar/calendar-store.ts';
import { CatalogStore } from './catalog/catalog-store.ts';
import { openSources } from './catalog/open-sources.ts';
import type { PLANNER_PARAMETERS } from './config.ts';
import { DemandStore } from './demand/demand-store.ts';
import { FleetStore } from './fleet/fleet-store.ts';
import { HoldStore } from './hold-store/hold-store.ts';
import { LinkStore } from './link-store/link-store.ts';
import { createPlannerMetrics, type PlannerMetrics } from './metrics.ts';
import { startCron } from './plan/cron-schedule.ts';
import { CycleQueue } from './plan/cycle-queue.ts';
import { type CycleOptions, type CycleReport, type PlanCycleParts, runPlanCycle } from './plan/plan-cycle.ts';
import { PlanDocuments } from './plan/plan-documents.ts';
import { PlanStore } from './plan/plan-store.ts';
import { parseShare } from './plan/region-share.ts';
import { watchAbsence } from './plan/watch-absence.ts';
import { PlanRollout } from './rollout/plan-rollout.ts';
import { addRolloutMetrics } from './rollout/rollout-metrics.ts';
import { rolloutRules } from './rollout/rollout-parameters.ts';
import { RolloutStore } from './rollout/rollout-store.ts';
import { ratesBySite } from './savings/savings-report.ts';
import { TrafficStore } from './savings/traffic-store.ts';
import { TriggerSide } from './trigger-side.ts';
import { TriggerStore } from './triggers/trigger-store.ts';

export type PlannerConfig = ConfigOf<typeof PLANNER_PARAMETERS> & CommonConfig;

type Closing = () => Promise<void> | void;

const DAY_MS = 86_400_000;
// A demand batch of 10,000 entries with paths of full length is 11 MB; a fleet of 10,000 appliances is 3 MB.
const BODY_LIMIT_BYTES = 16 * 1024 * 1024;

/** The composition root: opens the stores, joins the parts, starts the listeners and the clockwork. */
export function createFillPlanner(config: PlannerConfig, context: ServiceContext): ProcessService {
  const { logger, world } = context;
  const stop = new AbortController();
  const closing: Closing[] = [];
  let addresses: Record<string, string> = {};

  const start = async (): Promise<void> => {
    const state = openState(config, context, closing);
    const health = new Health();
    const counted = createPlannerMetrics(state.catalog, state.demand, state.plans);
    const rollout = new PlanRollout({ ...state, store: state.rollouts, rules: rolloutRules(config), logger });
    const { planThreads } = config;
    const share = parseShare(config.share);
    const parts = { ...state, rollout, settings: config, share, planThreads, clock: world.clock, logger };
    const { cycles, triggerSide } = joinCycles(config, context, state, (around) =>
      countedCycle({ ...parts, stateFolder: config.state }, health, counted, around),
    );
    closing.push(
      () => triggerSide.close(),
      () => cycles.close(),
    );

    const tls = { certFile: config.tlsCert, keyFile: config.tlsKey };
    const { maxConnections } = config;
    const service = createJsonServer({ logger, bodyLimitBytes: BODY_LIMIT_BYTES, maxConnections, tls });
    const admin = createJsonServer({ logger, bodyLimitBytes: BODY_LIMIT_BYTES });
    closing.push(
      () => service.close(),
      () => admin.close(),
    );
    const guard = createSignatureGuard({ ...config, trusted: state.trusted, clock: world.clock, logger });
    const documents = new PlanDocuments(state.plans, state.identity);
    const { clock } = world;
    addServiceRoutes(service, { ...state, documents, guard, clock, onSample: counted.countSample, rollout });
    addEnrolmentRoute(service, state.trusted, state.identity, logger);
    addAdminRoutes(admin, health, counted.metrics, config.adminHosts);
    addTokenMintingRoute(admin, state.trusted);
    triggerSide.addRoutes(service, admin, guard);
    triggerSide.addMetrics(counted.metrics);
    addSavingsRoutes(service, admin, { ...state, guard, clock: world.clock });
    addRolloutMetrics(counted.metrics, rollout, world.clock);
    addLinkRoutes(admin, { ...state, clock: world.clock });
    addReviewRoutes(admin, parts);
    addPlanRoutes(admin, { ...state, documents, clock: world.clock, runCycle: (options) => cycles.ask(options) });
    const sources = openSources(config, world, process.env);
    closing.push(() => sources.close());
    const { catalog } = state;
    const onTitle = counted.countTitle;
    addTitleRoutes(admin, { ...config, ...sources, catalog, logger, onTitle, stopSignal: stop.signal });
    if (config.allowUnsignedLoopback) logger.warn({}, 'takes unsigned requests from this machine: development only');

    closing.push(startClockwork(config.planCron, state.plans, world, () => tryCycle(() => cycles.ask())));
    // Windows of an old plan may have passed while the planner was away. Until it is done the plans of old are given.
    tryCycle(() => cycles.ask());
    const scheme = config.tlsCert === '' ? 'http' : 'https';
    addresses = {
      listen: `${scheme}://${formatHostPort(await listen(service, config.listen))}`,
      admin: `http://${formatHostPort(await listen(admin, config.adminListen))}`,
      ...(await triggerSide.listen()),
    };
  };

  return {
    start,
    addresses: () => addresses,
    stop: async () => {
      stop.abort(new Error('the planner is stopping'));
      for (const close of closing.splice(0).reverse()) await close();
    },
  };
}

interface PlannerState {
  readonly identity: Identity;
  readonly trusted: TrustedKeys;
  readonly calendar: CalendarStore;
  readonly catalog: CatalogStore;
  readonly demand: DemandStore;
  readonly fleet: FleetStore;
  readonly holds: HoldStore;
  readonly links: LinkStore;
  readonly plans: PlanStore;
  readonly rollouts: RolloutStore;
  readonly traffic: TrafficStore;
  readonly triggers: TriggerStore;
}

/** Opens everything in the state directory; what is open already is closed through `closing` when the rest fails. */
function openState(config: PlannerConfig, { world }: ServiceContext, closing: Closing[]): PlannerState {
  const open = <T extends { close(): void }>(store: T): T => {
    closing.push(() => store.close());
    return store;
  };
  const file = (name: string): string => join(config.state, name);
  try {
    mkdirSync(config.state, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new OperationalError('VOLUME_IO', `${config.state}: ${messageOf(error)}`, { cause: error });
  }
  const limits = { retentionMs: config.demandRetentionDays * DAY_MS, maxRows: config.maxDemandRows };
  const openAll = (): PlannerState => ({
    identity: loadOrCreateIdentity(config.id, file('identity.pem')),
    calendar: open(new CalendarStore(file('calendar.sqlite'))),
    catalog: open(new CatalogStore(file('catalogue.sqlite'))),
    demand: open(new DemandStore(file('demand.sqlite'), limits)),
    fleet: open(new FleetStore(file('fleet.sqlite'))),
    holds: open(new HoldStore(file('hold.sqlite'))),
    links: open(new LinkStore(file('link.sqlite'))),
    plans: open(new PlanStore(file('plan.sqlite'))),
    rollouts: open(new RolloutStore(file('rollout.sqlite'))),
    traffic: open(new TrafficStore(file('traffic.sqlite'))),
    triggers: open(new TriggerStore(file('triggers.sqlite'))),
    trusted: open(new TrustedKeys(file('trust.sqlite'), world)),
  });
  try {
    const state = openAll();
    state.demand.adoptPaths((path) => state.catalog.renditionOf(path));
    return state;
  } catch (error) {
    throw databaseFailure(error, { name: config.state });
  }
}

type Around = Pick<TriggerSide, 'beforeCycle' | 'afterCycle'>;

/** The queue of plan cycles, and what people and other CDNs order, which goes around each of them and may ask for one. */
function joinCycles(
  config: PlannerConfig,
  { logger, world }: ServiceContext,
  state: PlannerState,
  cycleWith: (around: Around) => (options?: CycleOptions) => Promise<CycleReport>,
): { cycles: CycleQueue<CycleOptions, CycleReport>; triggerSide: TriggerSide } {
  const runCycle = (fillNowMinutes: number | undefined): void =>
    tryCycle(() => cycles.ask(fillNowMinutes === undefined ? undefined : { fillNowMinutes }));
  const triggerSide = new TriggerSide({ ...state, config, world, logger, runCycle });
  const cycles = new CycleQueue(
    cycleWith({
      beforeCycle: () => {
        triggerSide.beforeCycle();
        trimTraffic(state, world.clock.nowMs());
      },
      afterCycle: () => triggerSide.afterCycle(),
    }),
  );
  return { cycles, triggerSide };
}

function trimTraffic({ traffic, fleet }: PlannerState, nowMs: number): void {
  traffic.trim(nowMs, (month) => ratesBySite({ fleet: fleet.get().fleet, traffic, nowMs }, month));
}

/** A plan cycle that is timed, counted and reflected in health. */
function countedCycle(
  parts: PlanCycleParts & { readonly stateFolder: string },
  health: Health,
  counted: PlannerMetrics,
  around: Around,
): (options?: CycleOptions) => Promise<CycleReport> {
  const { clock, logger, stateFolder } = parts;
  return async (options) => {
    const startedMs = clock.monotonicMs();
    try {
      around.beforeCycle();
      const report = await runPlanCycle(parts, options);
      await around.afterCycle();
      counted.countCycle((clock.monotonicMs() - startedMs) / 1000, clock.nowMs());
      health.pass('plan cycle');
      return report;
    } catch (thrown) {
      // Which file it was, what reads cannot say; a broken page of one must not end the process that gives out plans.
      const error = databaseFailure(thrown, { name: stateFolder });
      counted.countCycle('failed', clock.nowMs());
      health.fail('plan cycle', messageOf(error));
      logger.error({ error }, 'plan cycle failed; the plans stay as they are');
      throw error;
    }
  };
}

/** For who cannot answer anybody: the failure is already logged, counted and in health. */
function tryCycle(runCycle: () => Promise<CycleReport>): void {
  runCycle().catch((error: unknown) => {
    if (isOperational(error)) return;
    setImmediate(() => {
      throw error;
    });
  });
}

/** Cycles by the calendar, and when somebody is gone. @returns how to end them */
function startClockwork(planCron: string, plans: PlanStore, { clock }: World, run: () => void): Closing {
  const cron = startCron(planCron, () => Promise.resolve(run()));
  const watch = watchAbsence(plans, clock, run);
  return async () => {
    await watch.stop();
    await cron.stop();
  };
}
