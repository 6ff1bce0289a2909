import type { Identity } from '../../src/signing/identity.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { localStartTimes } from '../../src/world/local-times.ts';
import type { Clock } from '../../src/world/world.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { DemandStore } from '../demand/demand-store.ts';
import { predictDemand } from '../demand/predict-demand.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import { buildPlan, type PlanInput } from './build-plan.ts';
import type { PlanOutcome, PlanStore } from './plan-store.ts';

/**
 * The life of a plan: once an hour, and whenever the operator asks, everything the planner knows becomes one plan per
 * appliance.
 *
 *   gather    fleet, catalogue, demand of the last weeks, masters of the plan before
 *   predict   bytes per file and region for the next day                          demand/predict-demand (pure)
 *   windows   when each site may fill, in absolute time                           src/world/local-times
 *   build     which rendition goes where, from whom, in which order, and why      build-plan (pure)
 *   store     a new version where the content changed, the same one refreshed where only times did
 *
 * Appliances and steering learn of it by asking; nothing is pushed. A cycle that fails leaves the plans as they are.
 */
export interface CycleOptions {
  /** Opens a window for the whole fleet that starts now and lasts this long. */
  readonly fillNowMinutes?: number | undefined;
}

export interface CycleReport {
  readonly catalogueVersion: number;
  readonly fleetVersion: number;
  readonly appliances: readonly PlannedAppliance[];
  /** Renditions that found no room, by cluster. */
  readonly leftOut: Readonly<Record<string, readonly string[]>>;
}

export interface PlannedAppliance {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly outcome: PlanOutcome;
  readonly renditionCount: number;
  readonly fileCount: number;
  readonly planBytes: number;
}

export interface PlanCycleParts {
  readonly catalog: CatalogStore;
  readonly demand: DemandStore;
  readonly fleet: FleetStore;
  readonly plans: PlanStore;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly reserveShare: number;
  readonly originWaitSec: number;
}

const HOUR_MS = 3_600_000;
/** Windows in a plan: enough for an appliance that cannot reach the planner over a long weekend. */
const PLANNED_WINDOWS = 5;

/** Makes, stores and reports the plans of now. It runs in one turn of the event loop: no two cycles mix. */
export function runPlanCycle(parts: PlanCycleParts, options: CycleOptions = {}): CycleReport {
  const { catalog, demand, fleet, plans, identity, clock, logger } = parts;
  const nowMs = clock.nowMs();
  if (options.fillNowMinutes !== undefined)
    plans.openWindow({ startsAtMs: nowMs, endsAtMs: nowMs + options.fillNowMinutes * 60_000 });
  demand.trim(nowMs);
  const built = buildPlan(gather(parts, nowMs));
  const saved = plans.save(built.drafts, built.masters, identity, nowMs);
  const appliances = built.drafts.map((draft, index): PlannedAppliance => {
    const { planVersion = 0, outcome = 'unchanged' } = saved[index] ?? {};
    return {
      applianceId: draft.applianceId,
      planVersion,
      outcome,
      renditionCount: draft.renditions.length,
      fileCount: draft.files.length,
      planBytes: draft.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  });
  const leftOut = Object.fromEntries([...built.leftOut].filter(([, renditions]) => renditions.length > 0));
  logger.info(
    {
      catalogueVersion: catalog.catalogueVersion,
      fleetVersion: fleet.get().fleetVersion,
      newPlans: appliances.filter(({ outcome }) => outcome === 'new').length,
      appliances: appliances.length,
      leftOut: Object.fromEntries(Object.entries(leftOut).map(([cluster, { length }]) => [cluster, length])),
    },
    'planned',
  );
  return {
    catalogueVersion: catalog.catalogueVersion,
    fleetVersion: fleet.get().fleetVersion,
    appliances,
    leftOut,
  };
}

function gather(
  { catalog, demand, fleet, plans, reserveShare, originWaitSec }: PlanCycleParts,
  nowMs: number,
): PlanInput {
  const { sites, clusters, appliances } = fleet.get().fleet;
  const titles = [...catalog.titles().values()];
  const predicted = predictDemand({
    // Demand is counted by the hour; finer time would only make plans differ that are the same.
    nowMs: Math.floor(nowMs / HOUR_MS) * HOUR_MS,
    regions: [...new Set(sites.map(({ region }) => region))],
    files: titles.flatMap(({ title, addedAtMs }) =>
      title.renditions.flatMap(({ files }) => files.map(({ path, sizeBytes }) => ({ path, sizeBytes, addedAtMs }))),
    ),
    history: demand.history(),
  });
  return {
    nowMs,
    sites: sites.map(({ id, region, timeZone, fillBitsPerSec, fillWindow }) => ({
      id,
      region,
      fillBitsPerSec,
      windowHours: fillWindow.hours,
      // From one length back, so that the window that is open now is among them.
      windowStartsAtMs: localStartTimes(
        timeZone,
        fillWindow.start,
        nowMs - fillWindow.hours * HOUR_MS,
        PLANNED_WINDOWS,
      ),
    })),
    clusters,
    appliances,
    titles: titles.map(({ title }) => title),
    predicted,
    previousMasters: plans.masters(),
    openedByHand: plans.openedWindow(nowMs),
    reserveShare,
    originWaitSec,
  };
}
