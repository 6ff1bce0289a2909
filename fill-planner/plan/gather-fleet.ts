import type { CalendarStore } from '../calendar/calendar-store.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { DemandStore } from '../demand/demand-store.ts';
import { predictRegions } from '../demand/predict/predict-regions.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { HoldStore } from '../hold-store/hold-store.ts';
import { absentAppliances } from '../schedule/absent-appliances.ts';
import type { RenditionContent } from './draft-plan.ts';
import type { FleetInputs, PlanSettings } from './fleet-inputs.ts';
import { type LinkParts, planSite } from './gather-links.ts';
import type { PlanStore } from './plan-store.ts';
import { ownFleet, type PlannerShare } from './region-share.ts';

export interface GatherParts extends LinkParts {
  readonly calendar: Pick<CalendarStore, 'facts'>;
  readonly catalog: CatalogStore;
  readonly demand: DemandStore;
  readonly fleet: Pick<FleetStore, 'get'>;
  readonly holds: Pick<HoldStore, 'memories'>;
  readonly plans: PlanStore;
  readonly settings: PlanSettings;
  /** Which part of the fleet this planner plans. */
  readonly share: PlannerShare;
}

/** The inputs of a plan, and by rendition the files that its facts are the sum of. */
export interface GatheredFleet {
  readonly inputs: FleetInputs;
  readonly contents: readonly RenditionContent[];
}

const HOUR_MS = 3_600_000;
/** Appliances report once an hour at least; what is older is of another day. */
const FRESH_MS = 6 * HOUR_MS;

/** Everything the planner knows, numbered and made plain. */
export function gatherFleet(
  { calendar: { facts: calendar }, catalog, demand, fleet, holds, links, plans, settings, share, traffic }: GatherParts,
  nowMs: number,
): GatheredFleet {
  const { sites, clusters, appliances } = ownFleet(fleet.get().fleet, share);
  const facts = catalog.renditions();
  const numbers = new Map(facts.map(({ id }, index) => [id, index]));
  const files = catalog.allFiles();
  const contents = facts.map(({ id }, index): RenditionContent => ({ id, files: files[index] ?? [] }));
  const regions = [...new Set(sites.map(({ region }) => region))];
  const inputs: FleetInputs = {
    nowMs,
    settings,
    sites: sites.map((site) => planSite(site, fleet.get().fleet, { links, traffic }, nowMs)),
    clusters,
    appliances,
    facts,
    originUrls: facts.map(({ originUrl }) => originUrl),
    fileCounts: Uint32Array.from(contents, ({ files }) => files.length),
    demand: predictRegions({
      // Demand is counted by the hour; finer time would only make plans differ that are the same. The hour that runs
      // counts as whole: what viewers began to ask for minutes ago is what a plan is made anew for.
      nowMs: (Math.floor(nowMs / HOUR_MS) + 1) * HOUR_MS,
      renditions: facts,
      regions,
      history: demand.history(),
      launches: calendar.launches,
    }),
    calendar,
    heldBefore: plans.heldBefore((id) => numbers.get(id)),
    holdMemory: holds.memories(),
    spaceEarned: new Map(
      plans
        .reports()
        .filter(({ receivedAtMs }) => receivedAtMs > nowMs - FRESH_MS)
        .flatMap(({ report }) => (report.space === undefined ? [] : [[report.applianceId, report.space] as const])),
    ),
    awayAppliances: absentAppliances(plans.reports(), nowMs),
    openedByHand: plans.openedWindow(nowMs),
  };
  return { inputs, contents };
}
