import { EMPTY_CALENDAR } from '../../fill-planner/calendar/calendar-facts.ts';
import type { RenditionContent } from '../../fill-planner/plan/draft-plan.ts';
import type { FleetInputs } from '../../fill-planner/plan/fleet-inputs.ts';
import type { RegionDemand, RenditionFacts } from '../../fill-planner/plan/plan-facts.ts';
import { seeded } from './generated-cluster.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2030, 0, 20, 3);
const RUNGS = 10;
const REGIONS = 20;
/** Two flash servers, which are fast and small, and three with large disks. */
const MACHINES = [
  { class: 'flash', capacityBytes: 24e12 },
  { class: 'flash', capacityBytes: 24e12 },
  { class: 'storage', capacityBytes: 100e12 },
  { class: 'storage', capacityBytes: 100e12 },
  { class: 'storage', capacityBytes: 100e12 },
] as const;

export interface FleetSize {
  readonly titles: number;
  readonly clusters: number;
}

export interface GeneratedFleet {
  readonly inputs: FleetInputs;
  readonly contents: (rendition: number) => RenditionContent;
}

/**
 * A catalogue of films of ten rungs each, 0.2 to 16 Mbit/s, and sites of one cluster of five appliances in 20 regions.
 * Demand by region follows a Zipf law over titles in an order that is half the world's and half the region's.
 */
export function generateFleet({ titles, clusters }: FleetSize): GeneratedFleet {
  const random = seeded(11);
  const facts: RenditionFacts[] = [];
  for (let title = 0; title < titles; title++) {
    const titleId = `t${String(title).padStart(6, '0')}`;
    const durationSec = 1500 + Math.floor(6000 * random());
    for (let rung = 0; rung < RUNGS; rung++) {
      const bitsPerSec = 0.2e6 * 1.63 ** rung;
      facts.push({
        id: `${titleId}/v${rung}`,
        titleId,
        isManifest: false,
        sizeBytes: Math.round((bitsPerSec * durationSec) / 8),
        bitsPerSec,
        durationSec,
        headBytes: Math.ceil((bitsPerSec * 10) / 8 / 2 ** 20) * 2 ** 20,
        availableAtMs: NOW_MS - Math.floor(400 * 24 * HOUR_MS * random()),
      });
    }
  }
  const ids = Array.from({ length: clusters }, (_, index) => `c${String(index).padStart(3, '0')}`);
  const regionOf = (index: number): string => `r${index % REGIONS}`;
  const world = shuffled(titles, random);
  return {
    contents: (rendition) => contentOf(facts[rendition]),
    inputs: {
      nowMs: NOW_MS,
      settings: { reserveShare: 0.1, originWaitSec: 600, minSavedPerFilled: 1, fillCaution: 0.7, headShare: 0.02 },
      sites: ids.map((id, index) => ({
        id: `s${id}`,
        region: regionOf(index),
        fillBitsPerSec: 10e9,
        windowHours: 8,
        windowStartsAtMs: [NOW_MS, NOW_MS + 24 * HOUR_MS],
      })),
      clusters: ids.map((id) => ({ id, siteId: `s${id}` })),
      appliances: ids.flatMap((clusterId) =>
        MACHINES.map((machine, index) => ({
          ...machine,
          id: `${clusterId}-${index}`,
          clusterId,
          baseUrl: `https://${clusterId}-${index}.cache.example`,
        })),
      ),
      facts,
      originUrls: facts.map(() => 'https://origin.example/vod'),
      fileCounts: new Uint32Array(facts.length).fill(1),
      demand: new Map(
        Array.from({ length: Math.min(REGIONS, clusters) }, (_, index) => [
          `r${index}`,
          demandOf(facts, world, shuffled(titles, random), clusters),
        ]),
      ),
      calendar: EMPTY_CALENDAR,
      heldBefore: new Map(),
    },
  };
}

/** A digest of its own for each rendition, and a path as long as they are. */
function contentOf(fact: RenditionFacts | undefined): RenditionContent {
  const { id = '', sizeBytes = 0, headBytes = 0 } = fact ?? {};
  const root = Buffer.from(id.padEnd(32, '.')).toString('hex').slice(0, 64);
  return { id, files: [{ path: `/vod/${id}.mp4`, sizeBytes, root, headBytes }] };
}

function demandOf(
  facts: readonly RenditionFacts[],
  world: Uint32Array,
  own: Uint32Array,
  clusters: number,
): RegionDemand {
  const dailyBytes = 0.8e15 * Math.max(1, clusters / REGIONS);
  const weight = facts.map(({ sizeBytes }, index) => {
    const title = Math.floor(index / RUNGS);
    const rung = index % RUNGS;
    const rank = Math.sqrt(((world[title] ?? 0) + 1) * ((own[title] ?? 0) + 1));
    return rank ** -0.9 * sizeBytes * (0.05 + 1 / (1 + Math.abs(rung - 7)));
  });
  const scale = dailyBytes / weight.reduce((sum, each) => sum + each, 0);
  const expectedBytes = Float64Array.from(weight, (each) => each * scale);
  return {
    expectedBytes,
    deviationBytes: expectedBytes.map((bytes) => bytes * 0.4),
    peakHourBytes: expectedBytes.map((bytes) => bytes * 0.09),
  };
}

/** The place of each title in a random order. */
function shuffled(count: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}
