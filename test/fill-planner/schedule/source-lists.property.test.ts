import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseMasters } from '../../../fill-planner/schedule/fill-masters.ts';
import {
  type HeldEntries,
  type HolderTable,
  holderTable,
  slotOf,
} from '../../../fill-planner/schedule/holder-table.ts';
import { type LinkedSite, type SourceLinks, sourceLister } from '../../../fill-planner/schedule/source-lists.ts';
import { planTiers, type TierSite } from '../../../fill-planner/schedule/tier-tree.ts';
import type { FillPlanSource } from '../../../src/contracts/fill-plan.ts';
import { fillPlanSourceSchema } from '../../../src/contracts/fill-plan.ts';

const RENDITIONS = 6;
const WAIT_SEC = 600;

/** What a cluster holds, as rows: rendition, whether only its head, holders. */
type Row = readonly [rendition: number, isHead: boolean, holders: readonly number[]];

function entriesOf(rows: readonly Row[]): HeldEntries {
  const holderStart = Uint32Array.from([
    0,
    ...rows.map((_, at) => rows.slice(0, at + 1).flatMap(([, , h]) => h).length),
  ]);
  return {
    rendition: Uint32Array.from(rows, ([rendition]) => rendition),
    isHead: Uint8Array.from(rows, ([, isHead]) => (isHead ? 1 : 0)),
    sizeBytes: Float64Array.from(rows, ([rendition, isHead]) => (isHead ? 10 : 1000 + rendition)),
    holderStart,
    holders: Uint16Array.from(rows.flatMap(([, , holders]) => holders)),
  };
}

interface World {
  readonly links: SourceLinks;
  readonly tables: readonly HolderTable[];
}

const siteArbitrary = fc.integer({ min: 1, max: 6 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    rows: fc.uniqueArray(
      fc.tuple(
        fc.nat(RENDITIONS - 1),
        fc.boolean(),
        fc.shuffledSubarray(
          Array.from({ length: size }, (_, at) => at),
          { minLength: 1 },
        ),
      ),
      { selector: ([rendition, isHead]) => slotOf(rendition, isHead), maxLength: 8 },
    ),
    away: fc.array(fc.boolean(), { minLength: size, maxLength: size }),
    fillBitsPerSec: fc.integer({ min: 1, max: 100 }),
    region: fc.constantFrom('de', 'fr'),
    startHour: fc.integer({ min: 0, max: 23 }),
  }),
);

const worlds: fc.Arbitrary<World> = fc.array(siteArbitrary, { minLength: 1, maxLength: 5 }).map((rows) => {
  const tables = rows.map((site) => holderTable(RENDITIONS, [{ entries: entriesOf(site.rows), firstAppliance: 0 }]));
  const sites = rows.map((site, index): LinkedSite => {
    const isAway = Uint8Array.from(site.away, Number);
    const linkBitsPerSec = new Float64Array(site.size).fill(1000);
    const table = tables[index] ?? holderTable(RENDITIONS, []);
    return {
      appliances: Array.from({ length: site.size }, (_, at) => ({
        id: `s${index}a${at}`,
        baseUrl: `http://s${index}a${at}.example`,
      })),
      master: chooseMasters({ table, linkBitsPerSec, isAway }).master,
      isAway,
    };
  });
  const tiers = planTiers(
    rows.map(
      ({ fillBitsPerSec, region, startHour }, index): TierSite => ({
        id: `s${index}`,
        region,
        fillBitsPerSec,
        windowStartsAtMs: startHour * 3_600_000,
      }),
    ),
  );
  const originUrls = Array.from({ length: RENDITIONS }, () => 'http://origin.example');
  return { links: { sites, tiers, originUrls, originWaitSec: WAIT_SEC }, tables };
});

/** Sources of every holder of a slot, by `site:holder`. */
function allSources({ links, tables }: World, slot: number): Map<string, readonly FillPlanSource[]> {
  const all = new Map<string, readonly FillPlanSource[]>();
  for (const [site, table] of tables.entries()) {
    const sourcesOf = sourceLister(links, site, table);
    for (const holder of table.holders.subarray(table.offsets[slot], table.offsets[slot + 1])) {
      all.set(`s${site}a${holder}`, sourcesOf(slot, holder));
    }
  }
  return all;
}

const eachSlot = (check: (world: World, sources: Map<string, readonly FillPlanSource[]>) => void): void => {
  fc.assert(
    fc.property(worlds, (world) => {
      for (let slot = 0; slot < RENDITIONS * 2; slot += 1) check(world, allSources(world, slot));
    }),
    { numRuns: 150 },
  );
};

describe('sources', () => {
  test('keep to their contract, end with the origin, and never name the asker', () => {
    eachSlot((_, all) => {
      for (const [id, sources] of all) {
        for (const source of sources) expect(fillPlanSourceSchema.parse(source)).toEqual(source);
        expect(sources.length).toBeLessThanOrEqual(16);
        expect(sources.filter(({ kind }) => kind === 'origin')).toHaveLength(1);
        expect(sources.at(-1)?.kind).toBe('origin');
        expect(sources.map((source) => source.id)).not.toContain(id);
      }
    });
  });

  test('peers are holders at the same site; nobody that is away is asked', () => {
    eachSlot(({ links }, all) => {
      const away = new Set(
        links.sites.flatMap(({ appliances, isAway }) => appliances.filter((_, at) => isAway?.[at] === 1)),
      );
      for (const [id, sources] of all) {
        for (const source of sources) {
          if (source.kind === 'peer') {
            expect(source.id.slice(0, 2)).toBe(id.slice(0, 2));
            expect([...all.keys()]).toContain(source.id);
          }
          expect([...away].map((each) => each.id)).not.toContain(source.id);
        }
      }
    });
  });

  test('nobody waits for somebody who waits for him, across sites and with heads taken from wholes', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        // Slots of one rendition together: a head may be asked of somebody who holds the whole.
        for (let rendition = 0; rendition < RENDITIONS; rendition += 1) {
          const whole = allSources(world, slotOf(rendition, false));
          const head = allSources(world, slotOf(rendition, true));
          for (const asked of [whole, head]) {
            const done = new Set<string>();
            const visit = (id: string, path: readonly string[]): void => {
              expect(path).not.toContain(id);
              if (done.has(id)) return;
              const sources = asked.get(id) ?? whole.get(id) ?? [];
              for (const source of sources) if (source.kind !== 'origin') visit(source.id, [...path, id]);
              done.add(id);
            };
            for (const id of asked.keys()) visit(id, []);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test('of each site exactly one goes across the link at once, and the next ones one silence after the other', () => {
    eachSlot((_, all) => {
      for (const sources of Map.groupBy(all, ([id]) => id.slice(0, 2)).values()) {
        const silences = sources.map(([, list]) => list.find(({ kind }) => kind !== 'peer')?.afterSilenceSec ?? 0);
        const atOnce = silences.filter((silence) => silence === 0);
        // Of a site that is away as a whole each goes for itself: nobody there can be asked.
        const isAllAway = sources.every(([, list]) => list.every(({ kind }) => kind !== 'peer'));
        if (!isAllAway) expect(atOnce).toHaveLength(1);
        if (isAllAway) continue;
        expect(silences.toSorted((a, b) => a - b)).toEqual(sources.map((_each, place) => place * WAIT_SEC));
      }
    });
  });

  test('farther sources never open before nearer ones', () => {
    const distance = { peer: 0, tier: 1, origin: 2 };
    eachSlot((_, all) => {
      for (const sources of all.values()) {
        sources.slice(1).forEach((source, index) => {
          const before = sources[index];
          expect(distance[source.kind]).toBeGreaterThanOrEqual(distance[before?.kind ?? 'peer']);
          expect(source.afterSec).toBeGreaterThanOrEqual(before?.afterSec ?? 0);
          expect(source.afterSilenceSec ?? 0).toBeGreaterThanOrEqual(before?.afterSilenceSec ?? 0);
        });
      }
    });
  });

  test('the same sources are one list, so that plans of 200,000 renditions share a few', () => {
    const table = holderTable(2, [
      {
        entries: entriesOf([
          [0, false, [0, 1]],
          [1, false, [0, 1]],
        ]),
        firstAppliance: 0,
      },
    ]);
    const site: LinkedSite = {
      appliances: [
        { id: 'a', baseUrl: 'http://a' },
        { id: 'b', baseUrl: 'http://b' },
      ],
      master: Int16Array.from([0, -1, 0, -1]),
    };
    const links = { sites: [site], tiers: [[]], originUrls: ['http://o', 'http://o'], originWaitSec: WAIT_SEC };
    const sourcesOf = sourceLister(links, 0, table);
    expect(sourcesOf(slotOf(0, false), 1)).toBe(sourcesOf(slotOf(1, false), 1));
    expect(sourcesOf(slotOf(0, false), 1).map(({ id, afterSilenceSec }) => [id, afterSilenceSec])).toEqual([
      ['a', undefined],
      ['origin', WAIT_SEC],
    ]);
  });

  test('clusters of one site are peers', () => {
    const table = holderTable(1, [
      { entries: entriesOf([[0, false, [1]]]), firstAppliance: 0 },
      { entries: entriesOf([[0, false, [0, 1]]]), firstAppliance: 2 },
    ]);
    expect([...table.holders]).toEqual([1, 2, 3]);
    const { master } = chooseMasters({ table, linkBitsPerSec: Float64Array.from([1, 1, 9, 1]) });
    expect(master[0]).toBe(2);
  });
});
