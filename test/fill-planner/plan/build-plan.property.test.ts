import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildPlan, type PlanInput } from '../../../fill-planner/plan/build-plan.ts';
import type { CatalogueTitle } from '../../../src/contracts/catalogue-snapshot.ts';
import { fillPlanFileSchema, fillWindowSchema } from '../../../src/contracts/fill-plan.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2030, 0, 20, 3);
const ROOT = 'a'.repeat(64);

function title(index: number, sizes: readonly number[]): CatalogueTitle {
  const id = `t${index}`;
  const files = (name: string, sizeBytes: number) => [
    { path: `/${id}/${name}.mp4`, sizeBytes, root: ROOT },
    { path: `/${id}/${name}.m3u8`, sizeBytes: 10, root: ROOT },
  ];
  return {
    id,
    name: id,
    durationMs: 1000,
    originUrl: 'http://origin.example',
    renditions: [
      ...sizes.map((sizeBytes, rung) => ({
        id: `${id}/v${rung}`,
        kind: 'video' as const,
        sizeBytes: sizeBytes + 10,
        files: files(`v${rung}`, sizeBytes),
      })),
      {
        id: `${id}/manifests`,
        kind: 'manifest' as const,
        sizeBytes: 5,
        files: [{ path: `/${id}/m.m3u8`, sizeBytes: 5, root: ROOT }],
      },
    ],
  };
}

const titles = fc
  .array(fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 4 }), { maxLength: 8 })
  .map((rows) => rows.map((sizes, index) => title(index, sizes)));

interface Site {
  readonly region: string;
  readonly fillBitsPerSec: number;
  /** Clusters, each the capacities of its appliances. */
  readonly clusters: readonly (readonly number[])[];
}
const site: fc.Arbitrary<Site> = fc.record({
  region: fc.constantFrom('de', 'fr'),
  fillBitsPerSec: fc.integer({ min: 1000, max: 1e9 }),
  clusters: fc.array(fc.array(fc.integer({ min: 100, max: 60_000 }), { minLength: 1, maxLength: 4 }), { maxLength: 3 }),
});

const inputs: fc.Arbitrary<PlanInput> = fc
  .tuple(
    titles,
    fc.array(site, { minLength: 1, maxLength: 3 }),
    fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 100, maxLength: 100 }),
  )
  .map(([all, sites, demand]): PlanInput => {
    const paths = all.flatMap(({ renditions }) => renditions.flatMap(({ files }) => files.map(({ path }) => path)));
    const byPath = (shift: number) => new Map(paths.map((path, index) => [path, demand[(index + shift) % 100] ?? 0]));
    return {
      nowMs: NOW_MS,
      sites: sites.map(({ region, fillBitsPerSec }, s) => ({
        id: `s${s}`,
        region,
        fillBitsPerSec,
        windowHours: 12,
        windowStartsAtMs: [NOW_MS - HOUR_MS, NOW_MS + 23 * HOUR_MS],
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
      titles: all,
      predicted: new Map([
        ['de', byPath(0)],
        ['fr', byPath(37)],
      ]),
      previousMasters: new Map(),
      reserveShare: 0.1,
      originWaitSec: 600,
    };
  });

const property = (check: (input: PlanInput) => void): void => {
  fc.assert(fc.property(inputs, check), { numRuns: 60 });
};

describe('plans', () => {
  test('are the same for the same inputs, in whatever order these come', () => {
    property((input) => {
      const shuffled = {
        ...input,
        appliances: input.appliances.toReversed(),
        clusters: input.clusters.toReversed(),
        titles: input.titles.toReversed(),
      };
      expect(buildPlan(shuffled)).toEqual(buildPlan(input));
    });
  });

  test('stay as they are when made again with the masters that they chose', () => {
    property((input) => {
      const first = buildPlan(input);
      expect(buildPlan({ ...input, previousMasters: first.masters })).toEqual(first);
    });
  });

  test('hold whole renditions, within the capacity, one plan per appliance', () => {
    property((input) => {
      const sizes = new Map(
        input.titles.flatMap(({ renditions }) => renditions.map((each) => [each.id, each] as const)),
      );
      const { drafts } = buildPlan(input);
      expect(drafts.map(({ applianceId }) => applianceId)).toEqual(input.appliances.map(({ id }) => id).sort());
      for (const draft of drafts) {
        const capacity = input.appliances.find(({ id }) => id === draft.applianceId)?.capacityBytes ?? 0;
        expect(draft.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThanOrEqual(capacity * 0.9);
        expect(draft.renditions).toEqual(draft.renditions.toSorted());
        draft.renditions.forEach((id, index) => {
          const paths = draft.files.filter(({ rendition }) => rendition === index).map(({ path }) => path);
          expect(paths).toEqual(sizes.get(id)?.files.map(({ path }) => path));
        });
      }
    });
  });

  test('give every file its place in the queue, a reason and what their contract asks for', () => {
    property((input) => {
      for (const { files, windows } of buildPlan(input).drafts) {
        expect(files.map(({ priority }) => priority)).toEqual(files.map((_, index) => index));
        for (const file of files) {
          expect(file.reason).toMatch(/^rank \d+ of \d+ in region (?:de|fr): /);
          expect(fillPlanFileSchema.parse(file)).toEqual(file);
        }
        for (const window of windows) expect(fillWindowSchema.parse(window)).toEqual(window);
      }
    });
  });

  test('put the manifests of a title before its renditions', () => {
    property((input) => {
      for (const { files, renditions } of buildPlan(input).drafts) {
        const firstOf = new Map<string, number>();
        files.forEach(({ rendition, priority }) => {
          const id = renditions[rendition] ?? '';
          if (!firstOf.has(id)) firstOf.set(id, priority);
        });
        for (const [id, priority] of firstOf) {
          const manifests = firstOf.get(`${id.split('/')[0]}/manifests`);
          if (manifests !== undefined && !id.endsWith('/manifests')) expect(manifests).toBeLessThan(priority);
        }
      }
    });
  });

  test('let no site take more than its budget in any of its windows', () => {
    property((input) => {
      const siteOf = new Map(input.clusters.map(({ id, siteId }) => [id, siteId]));
      const { drafts } = buildPlan(input);
      for (const { id, fillBitsPerSec } of input.sites) {
        const members = input.appliances.filter(({ clusterId }) => siteOf.get(clusterId) === id).map((each) => each.id);
        const plans = drafts.filter(({ applianceId }) => members.includes(applianceId));
        for (const index of [0, 1]) {
          const sum = plans.reduce((total, { windows }) => total + (windows[index]?.fillBitsPerSec ?? 0), 0);
          expect(sum).toBeLessThanOrEqual(fillBitsPerSec);
        }
      }
    });
  });

  test('reach the origin from every planned file, through holders that plan it too', () => {
    property((input) => {
      const { drafts } = buildPlan(input);
      const sources = new Map(
        drafts.map(({ applianceId, files }) => [applianceId, new Map(files.map((file) => [file.path, file.sources]))]),
      );
      for (const { applianceId, files } of drafts) {
        for (const { path } of files) {
          // The first choice of the first choice, and so on, ends at the origin.
          let at = applianceId;
          for (let steps = 0; at !== 'origin'; steps += 1) {
            expect(steps).toBeLessThan(4);
            const next = sources.get(at)?.get(path)?.[0];
            expect(next, `${at} does not plan ${path}`).toBeDefined();
            at = next?.id ?? 'origin';
          }
        }
      }
    });
  });
});
