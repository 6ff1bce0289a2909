import { localStartTimes } from '../../src/world/local-times.ts';
import { EMPTY_CALENDAR } from '../calendar/calendar-facts.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { DemandStore } from '../demand/demand-store.ts';
import { type DemandHour, predictDemand } from '../demand/predict-demand.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { RenditionContent } from './draft-plan.ts';
import type { FleetInputs, PlanSettings } from './fleet-inputs.ts';
import type { RegionDemand, RenditionFacts } from './plan-facts.ts';
import type { PlanStore } from './plan-store.ts';

export interface GatherParts {
  readonly catalog: CatalogStore;
  readonly demand: DemandStore;
  readonly fleet: FleetStore;
  readonly plans: PlanStore;
  readonly settings: PlanSettings;
}

/** The inputs of a plan, and by rendition the files that its facts are the sum of. */
export interface GatheredFleet {
  readonly inputs: FleetInputs;
  readonly contents: readonly RenditionContent[];
}

const HOUR_MS = 3_600_000;
/** Windows in a plan: enough for an appliance that cannot reach the planner over a long weekend. */
const PLANNED_WINDOWS = 5;
/** Share of a day's bytes that the busiest hour of an evening carries. */
const PEAK_HOUR_SHARE = 0.1;

/** Everything the planner knows, numbered and made plain. */
export function gatherFleet({ catalog, demand, fleet, plans, settings }: GatherParts, nowMs: number): GatheredFleet {
  const { sites, clusters, appliances } = fleet.get().fleet;
  const facts = catalog.renditions();
  const numbers = new Map(facts.map(({ id }, index) => [id, index]));
  const contents = facts.map(({ id }): RenditionContent => ({ id, files: catalog.filesOf(id) }));
  const regions = [...new Set(sites.map(({ region }) => region))];
  const inputs: FleetInputs = {
    nowMs,
    settings,
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
    facts,
    originUrls: facts.map(({ originUrl }) => originUrl),
    fileCounts: Uint32Array.from(contents, ({ files }) => files.length),
    demand: predictRegions(facts, contents, regions, demand.history(), nowMs),
    calendar: EMPTY_CALENDAR,
    heldBefore: plans.heldBefore((id) => numbers.get(id)),
    openedByHand: plans.openedWindow(nowMs),
  };
  return { inputs, contents };
}

function predictRegions(
  facts: readonly RenditionFacts[],
  contents: readonly RenditionContent[],
  regions: readonly string[],
  history: Iterable<DemandHour>,
  nowMs: number,
): Map<string, RegionDemand> {
  const predicted = predictDemand({
    // Demand is counted by the hour; finer time would only make plans differ that are the same.
    nowMs: Math.floor(nowMs / HOUR_MS) * HOUR_MS,
    regions,
    files: contents.flatMap(({ files }, index) =>
      files.map(({ path, sizeBytes }) => ({ path, sizeBytes, addedAtMs: facts[index]?.availableAtMs ?? 0 })),
    ),
    history,
  });
  return new Map(
    regions.map((region) => {
      const ofRegion = predicted.get(region);
      const expectedBytes = Float64Array.from(contents, ({ files }) =>
        files.reduce((sum, { path }) => sum + (ofRegion?.get(path) ?? 0), 0),
      );
      return [
        region,
        {
          expectedBytes,
          deviationBytes: expectedBytes.slice(),
          peakHourBytes: expectedBytes.map((bytes) => bytes * PEAK_HOUR_SHARE),
        },
      ];
    }),
  );
}
