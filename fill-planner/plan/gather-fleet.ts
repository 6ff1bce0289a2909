import { setImmediate as othersTurn } from 'node:timers/promises';
import { inTurns } from '../../src/resilience/in-slices.ts';
import type { CalendarStore } from '../calendar/calendar-store.ts';
import type { CatalogStore, RenditionFile, StoredRendition } from '../catalog/catalog-store.ts';
import type { DemandStore } from '../demand/demand-store.ts';
import { shapeCatalogue } from '../demand/predict/catalogue-shape.ts';
import { tallierOf } from '../demand/predict/predict-regions.ts';
import type { DemandRow, DemandTallier } from '../demand/predict/tally-demand.ts';
import type { FleetStore } from '../fleet/fleet-store.ts';
import type { HoldStore } from '../hold-store/hold-store.ts';
import { absentAppliances } from '../schedule/absent-appliances.ts';
import type { RenditionContent } from './draft-plan.ts';
import type { FleetInputs, PlanSettings } from './fleet-inputs.ts';
import { type LinkParts, planSite } from './gather-links.ts';
import type { RegionDemand } from './plan-facts.ts';
import type { PlanStore } from './plan-store.ts';
import { ownFleet, type PlannerShare } from './region-share.ts';
import { predictAside } from './threads/predict-aside.ts';

export interface GatherParts extends LinkParts {
  readonly calendar: Pick<CalendarStore, 'facts'>;
  readonly catalog: CatalogStore;
  readonly demand: Pick<DemandStore, 'history'>;
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
  readonly catalogueVersion: number;
  readonly fleetVersion: number;
}

const HOUR_MS = 3_600_000;
/** Appliances report once an hour at least; what is older is of another day. */
const FRESH_MS = 6 * HOUR_MS;
/** Of any store: a few milliseconds. */
const ROWS_PER_TURN = 2000;

/**
 * Everything the planner knows, numbered and made plain. Of a large catalogue that is seconds of reading, so it is done a
 * few milliseconds at a time: others are answered in between, and may write. The catalogue is that of one moment all the
 * same, because its numbers are; demand that is counted meanwhile is in it or not.
 */
export async function gatherFleet(parts: GatherParts, nowMs: number): Promise<GatheredFleet> {
  const { catalog, fleet: fleetStore, holds, links, plans, settings, share, traffic } = parts;
  const { fleet, fleetVersion } = fleetStore.get();
  const calendar = parts.calendar.facts;
  const { sites, clusters, appliances } = ownFleet(fleet, share);
  const { facts, files, catalogueVersion } = await readCatalogue(catalog);
  await othersTurn();
  const numbers = new Map(facts.map(({ id }, index) => [id, index]));
  await othersTurn();
  const contents = facts.map(({ id }, index): RenditionContent => ({ id, files: files[index] ?? [] }));
  const demand = await predictDemand(parts, facts, [...new Set(sites.map(({ region }) => region))], nowMs);
  const heldBefore = await inTurns(
    plans.readHeld((id) => numbers.get(id)),
    1,
  );
  const reports = plans.reports();
  const inputs: FleetInputs = {
    nowMs,
    settings,
    sites: sites.map((site) => planSite(site, fleet, { links, traffic }, nowMs)),
    clusters,
    appliances,
    facts,
    originUrls: facts.map(({ originUrl }) => originUrl),
    fileCounts: Uint32Array.from(contents, (content) => content.files.length),
    demand,
    calendar,
    heldBefore,
    holdMemory: holds.memories(),
    spaceEarned: new Map(
      reports
        .filter(({ receivedAtMs }) => receivedAtMs > nowMs - FRESH_MS)
        .flatMap(({ report }) => (report.space === undefined ? [] : [[report.applianceId, report.space] as const])),
    ),
    awayAppliances: absentAppliances(reports, nowMs),
    openedByHand: plans.openedWindow(nowMs),
  };
  return { inputs, contents, catalogueVersion, fleetVersion };
}

interface ReadCatalogue {
  readonly facts: readonly StoredRendition[];
  /** By rendition, in the order of `facts`. */
  readonly files: readonly RenditionFile[][];
  readonly catalogueVersion: number;
}

/** While titles come in one after the other there may be no quiet moment; then it is read in one go. */
const QUIET_TRIES = 3;

async function readCatalogue(catalog: CatalogStore): Promise<ReadCatalogue> {
  for (let attempt = 1; ; attempt++) {
    const { catalogueVersion } = catalog;
    const rowsPerTurn = attempt <= QUIET_TRIES ? ROWS_PER_TURN : Number.POSITIVE_INFINITY;
    const facts = await inTurns(catalog.readRenditions(), rowsPerTurn);
    const files = await inTurns(catalog.readFiles(), rowsPerTurn);
    if (catalog.catalogueVersion === catalogueVersion) return { facts, files, catalogueVersion };
  }
}

async function predictDemand(
  { demand, calendar: { facts: calendar } }: GatherParts,
  renditions: readonly StoredRendition[],
  regions: readonly string[],
  now: number,
): Promise<ReadonlyMap<string, RegionDemand>> {
  // Demand is counted by the hour; finer time would only make plans differ that are the same. The hour that runs counts
  // as whole: what viewers began to ask for minutes ago is what a plan is made anew for.
  const nowMs = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;
  await othersTurn();
  const catalogue = shapeCatalogue(renditions);
  await othersTurn();
  const tallier = tallierOf(catalogue, { nowMs, renditions, regions });
  await othersTurn();
  await inTurns(tallied(tallier, demand.history()), ROWS_PER_TURN);
  return predictAside({ nowMs, catalogue, tally: tallier.tally, regions, launches: calendar.launches });
}

function* tallied(tallier: DemandTallier, history: Iterable<DemandRow>): Generator<number, void> {
  for (const row of history) {
    tallier.add(row);
    yield 1;
  }
}
