import fc from 'fast-check';
import { EMPTY_CALENDAR } from '../../../fill-planner/calendar/calendar-facts.ts';
import type { RenditionContent } from '../../../fill-planner/plan/draft-plan.ts';
import type { FleetInputs } from '../../../fill-planner/plan/fleet-inputs.ts';
import type { RegionDemand, RenditionFacts } from '../../../fill-planner/plan/plan-facts.ts';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';

const HOUR_MS = 3_600_000;
const MANIFEST_BYTES = 5;
export const GENERATED_NOW_MS = Date.UTC(2030, 0, 20, 3);
const ROOT = 'a'.repeat(64);

export interface GeneratedFleet {
  readonly inputs: FleetInputs;
  /** By rendition, as `inputs.facts`. */
  readonly contents: readonly RenditionContent[];
}

/** Titles as the sizes of their video renditions: each of a media file and a playlist, and manifests beside them. */
export function catalogueOf(titles: readonly (readonly number[])[]) {
  const renditions = titles.flatMap((sizes, index) => {
    const titleId = `t${index}`;
    const file = (name: string, sizeBytes: number, headBytes: number) => ({
      path: `/${titleId}/${name}`,
      sizeBytes,
      root: ROOT,
      headBytes,
    });
    const videos = sizes.map((sizeBytes, rung) => ({
      id: `${titleId}/v${rung}`,
      files: [
        file(`v${rung}.mp4`, sizeBytes, Math.floor(sizeBytes / 10 / BLOCK_BYTES) * BLOCK_BYTES),
        file(`v${rung}.m3u8`, 10, sizeBytes < 10 * BLOCK_BYTES ? 0 : 10),
      ],
    }));
    return [...videos, { id: `${titleId}/manifests`, files: [file('m.m3u8', MANIFEST_BYTES, 0)] }];
  });
  renditions.sort((a, b) => (a.id < b.id ? -1 : 1));
  const facts = renditions.map(({ id, files }): RenditionFacts => {
    const isManifest = id.endsWith('/manifests');
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const headBytes = files.reduce((sum, file) => sum + file.headBytes, 0);
    return {
      id,
      titleId: id.split('/')[0] ?? '',
      isManifest,
      sizeBytes,
      bitsPerSec: isManifest ? 0 : sizeBytes * 8,
      durationSec: 1,
      headBytes: headBytes < sizeBytes ? headBytes : 0,
      availableAtMs: GENERATED_NOW_MS - HOUR_MS,
    };
  });
  return { contents: renditions, facts };
}

/** Expected bytes of each rendition in a region. */
export function demandOf(expected: readonly number[]): RegionDemand {
  const expectedBytes = Float64Array.from(expected);
  return {
    expectedBytes,
    deviationBytes: expectedBytes.map((bytes) => bytes / 2),
    peakHourBytes: expectedBytes.map((bytes) => bytes / 10),
  };
}

/** Heads are held in whole blocks. */
const inBlocks = (count: number): number => count * BLOCK_BYTES;

interface GeneratedSite {
  readonly region: string;
  readonly fillBitsPerSec: number;
  /** Clusters, each the capacities of its appliances. */
  readonly clusters: readonly (readonly number[])[];
}

const titles = fc.array(fc.array(fc.integer({ min: 1, max: 10_000 }).map(inBlocks), { minLength: 1, maxLength: 4 }), {
  maxLength: 8,
});
const site: fc.Arbitrary<GeneratedSite> = fc.record({
  region: fc.constantFrom('de', 'fr'),
  fillBitsPerSec: fc.integer({ min: 1000, max: 1e9 }),
  clusters: fc.array(fc.array(fc.integer({ min: 100, max: 60_000 }).map(inBlocks), { minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  }),
});

/** Small fleets of one to three sites in two regions, with a catalogue and a demand for each. */
export const generatedFleets: fc.Arbitrary<GeneratedFleet> = fc
  .tuple(
    titles,
    fc.array(site, { minLength: 1, maxLength: 3 }),
    fc.array(fc.integer({ min: 0, max: 1e12 }), { minLength: 100, maxLength: 100 }),
  )
  .map(([all, sites, demand]): GeneratedFleet => {
    const { facts, contents } = catalogueOf(all);
    const demandFrom = (shift: number): RegionDemand =>
      demandOf(facts.map((_, index) => demand[(index + shift) % 100] ?? 0));
    return {
      contents,
      inputs: {
        nowMs: GENERATED_NOW_MS,
        settings: { reserveShare: 0.1, originWaitSec: 600, minSavedPerFilled: 0, fillCaution: 0.7, headShare: 0.02 },
        sites: sites.map(({ region, fillBitsPerSec }, s) => ({
          id: `s${s}`,
          region,
          fillBitsPerSec,
          windowHours: 12,
          windowStartsAtMs: [GENERATED_NOW_MS - HOUR_MS, GENERATED_NOW_MS + 23 * HOUR_MS],
        })),
        clusters: sites.flatMap(({ clusters }, s) => clusters.map((_, c) => ({ id: `s${s}c${c}`, siteId: `s${s}` }))),
        appliances: sites.flatMap(({ clusters }, s) =>
          clusters.flatMap((capacities, c) =>
            capacities.map((capacityBytes, a) => ({
              id: `s${s}c${c}a${a}`,
              clusterId: `s${s}c${c}`,
              baseUrl: `http://s${s}c${c}a${a}.example`,
              capacityBytes,
            })),
          ),
        ),
        facts,
        originUrls: facts.map(() => 'http://origin.example'),
        fileCounts: Uint32Array.from(contents, ({ files }) => files.length),
        demand: new Map([
          ['de', demandFrom(0)],
          ['fr', demandFrom(37)],
        ]),
        calendar: EMPTY_CALENDAR,
        heldBefore: new Map(),
      },
    };
  });
