import { setImmediate as othersTurn } from 'node:timers/promises';
import { inTurns } from '../../src/resilience/in-slices.ts';
import type { Identity } from '../../src/signing/identity.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Clock } from '../../src/world/world.ts';
import type { CalendarStore } from '../calendar/calendar-store.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { DemandStore } from '../demand/demand-store.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { HoldStore } from '../hold-store/hold-store.ts';
import type { NotHeldCounts } from '../review/why-not.ts';
import type { ClusterDecision } from '../rollout/decide-release.ts';
import type { PlanRollout, PublishWish } from '../rollout/plan-rollout.ts';
import type { PlanDraft, RenditionContent } from './draft-plan.ts';
import type { PlanSettings } from './fleet-inputs.ts';
import { gatherFleet } from './gather-fleet.ts';
import { giveCaps, type LinkParts } from './gather-links.ts';
import { type PlannedAppliance, type PlanStore, REFRESH_MS } from './plan-store.ts';
import type { PlannerShare } from './region-share.ts';
import { numberPlanned, plannedRenditions } from './stored/number-contents.ts';
import { type PreparedPlan, preparePlan } from './stored/prepare-plan.ts';
import { type MadePlans, makePlans, type NumberContents } from './threads/make-plans.ts';

/**
 * The life of a plan: once an hour, and whenever the operator asks, everything the planner knows becomes one plan per
 * appliance.
 *
 *   gather    fleet, catalogue, demand of the last weeks, what the plans before hold     gather-fleet
 *   plan      what each cluster should hold, on which appliance, from whom and when      plan-fleet (pure)
 *   publish   to all, or to the canaries first; what fails its guard rails is held     rollout/
 *   store     a new version where the content changed, the same one refreshed where only times did
 *
 * A large fleet takes minutes, in which the planner answers everybody: what decides is done in threads, what reads and
 * writes stores a few milliseconds at a time (`inTurns`). Others may write to the stores in between; a cycle is made of
 * the fleet and the catalogue of one moment, and only one runs at a time.
 *
 * Appliances and steering learn of it by asking; nothing is pushed. A cycle that fails leaves the plans as they are.
 */
export interface CycleOptions extends PublishWish {
  /** Opens a window for the whole fleet that starts now and lasts this long. */
  readonly fillNowMinutes?: number | undefined;
  /** Also writes again what differs in ranks and expectations only: somebody asked to see the plans of now. */
  readonly isAsked?: boolean | undefined;
}

export interface CycleReport {
  readonly catalogueVersion: number;
  readonly fleetVersion: number;
  readonly appliances: readonly PlannedAppliance[];
  /** Renditions that found no room, by cluster. */
  readonly leftOut: Readonly<Record<string, readonly string[]>>;
  /** Renditions that a cluster does not hold for another reason than room, counted over all clusters. */
  readonly notHeld: NotHeldCounts;
  /** Whether any appliance has told yet what viewers ask for: without it next to nothing is worth a fill. */
  readonly hasDemand: boolean;
  /** By cluster, whether it got the plans of this cycle, and why. */
  readonly published: Readonly<Record<string, ClusterDecision>>;
  /** Why the last good plans are in force again, if this cycle brought them back. */
  readonly returned?: string | undefined;
}

export interface PlanCycleParts extends LinkParts {
  readonly calendar: Pick<CalendarStore, 'facts'>;
  readonly catalog: CatalogStore;
  readonly demand: DemandStore;
  readonly fleet: FleetStore;
  readonly holds: HoldStore;
  readonly plans: PlanStore;
  readonly rollout: PlanRollout;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: PlanSettings;
  /** Which part of the fleet this planner plans. */
  readonly share: PlannerShare;
  /** Threads that plan clusters. */
  readonly planThreads: number;
}

/** Some milliseconds each. */
const DEMAND_ROWS_PER_TURN = 1000;
const KEPT_CONTENTS_PER_TURN = 500;
const NO_CONTENT: RenditionContent = { id: '', files: [] };

/** Makes, stores and reports the plans of now. Whoever calls it sees to it that no two cycles mix. */
export async function runPlanCycle(parts: PlanCycleParts, options: CycleOptions = {}): Promise<CycleReport> {
  const { demand, holds, plans, rollout, identity, clock, logger, planThreads } = parts;
  const nowMs = clock.nowMs();
  if (options.fillNowMinutes !== undefined)
    plans.openWindow({ startsAtMs: nowMs, endsAtMs: nowMs + options.fillNowMinutes * 60_000 });
  await inTurns(demand.trim(nowMs), DEMAND_ROWS_PER_TURN);
  const { inputs, contents, catalogueVersion, fleetVersion } = await gatherFleet(parts, nowMs);
  const number: NumberContents = (planned) =>
    numberPlanned(plans, planned, contents.length, (rendition) => contents[rendition] ?? NO_CONTENT, nowMs);
  const made = await makePlans(inputs, planThreads, number);
  const decision = await inTurns(rollout.decide(inputs, made.drafts, made.figures, options), 1);
  // Budgets are spent before anybody can have what they buy: a planner that is killed in between, or whose disk is full,
  // must not spend them again every hour.
  giveCaps(made.drafts, inputs, parts, nowMs);
  // What a cluster does not get has not been fetched.
  holds.remember(
    made.clusters.flatMap(({ clusterId, holdMemory }) =>
      holdMemory === undefined || decision.clusters.get(clusterId)?.kind === 'keep'
        ? []
        : [[clusterId, holdMemory] as const],
    ),
  );
  const prepared = await preparedOf(decision.drafts, made, number);
  plans.setFleet(inputs.appliances.map(({ id }) => id));
  const refreshMs = options.isAsked === true ? 0 : REFRESH_MS;
  const appliances: PlannedAppliance[] = [];
  for (const slice of inSlices(prepared)) {
    appliances.push(...plans.save(slice, identity, nowMs, refreshMs));
    await othersTurn();
  }
  await inTurns(rollout.keep(decision, appliances, inputs), 1);
  plans.trim(nowMs, rollout.neededVersions());
  const leftOut = Object.fromEntries(
    made.clusters
      .filter((placement) => placement.leftOut.length > 0)
      .map((placement) => [
        placement.clusterId,
        Array.from(placement.leftOut, (rendition) => inputs.facts[rendition]?.id ?? ''),
      ]),
  );
  logger.info(
    {
      catalogueVersion,
      fleetVersion,
      newPlans: appliances.filter(({ outcome }) => outcome === 'new').length,
      appliances: appliances.length,
      leftOut: Object.fromEntries(Object.entries(leftOut).map(([cluster, { length }]) => [cluster, length])),
    },
    'planned',
  );
  return {
    catalogueVersion,
    fleetVersion,
    appliances,
    leftOut,
    notHeld: sumOfCounts(made.clusters.map(({ notHeld }) => notHeld)),
    hasDemand: !demand.isEmpty,
    published: Object.fromEntries(decision.clusters),
    returned: decision.returned,
  };
}

function sumOfCounts(all: readonly NotHeldCounts[]): NotHeldCounts {
  const sums = new Map<string, number>();
  for (const counts of all)
    for (const [verdict, count] of Object.entries(counts)) sums.set(verdict, (sums.get(verdict) ?? 0) + count);
  return Object.fromEntries(sums);
}

/** What is published, as it is stored: what was made in this cycle is ready, plans of old are numbered anew. */
async function preparedOf(
  drafts: readonly PlanDraft[],
  made: MadePlans,
  number: NumberContents,
): Promise<PreparedPlan[]> {
  const fresh = new Set(made.drafts);
  const kept = drafts.filter((draft) => !fresh.has(draft));
  const keptContents =
    kept.length === 0 ? made.contents : await inTurns(number(plannedRenditions(kept)), KEPT_CONTENTS_PER_TURN);
  const prepared: PreparedPlan[] = [];
  for (const draft of drafts) {
    const ready = fresh.has(draft) ? made.prepared.get(draft.applianceId) : undefined;
    if (ready === undefined) await othersTurn();
    prepared.push(ready ?? preparePlan(draft, keptContents));
  }
  return prepared;
}

/** One transaction for a few appliances: others write to the same file, and none of them should wait for long. */
const SAVED_AT_ONCE = 8;

function inSlices(plans: readonly PreparedPlan[]): PreparedPlan[][] {
  return Array.from({ length: Math.ceil(plans.length / SAVED_AT_ONCE) }, (_, slice) =>
    plans.slice(slice * SAVED_AT_ONCE, (slice + 1) * SAVED_AT_ONCE),
  );
}
