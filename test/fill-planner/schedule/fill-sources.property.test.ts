import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseMasters,
  masterKey,
  type SourceCluster,
  type SourceRendition,
  sourcesFor,
  tierOrder,
} from '../../../fill-planner/schedule/fill-sources.ts';
import type { FillPlanSource } from '../../../src/contracts/fill-plan.ts';

const waits = { originWaitSec: 600 };

interface World {
  readonly clusters: readonly SourceCluster[];
  readonly renditions: readonly SourceRendition[];
}

const worlds: fc.Arbitrary<World> = fc
  .array(fc.array(fc.integer({ min: 1, max: 1e9 }), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 })
  .chain((rates) => {
    const clusters = rates.map((members, c) => ({
      id: `c${c}`,
      appliances: members.map((fillBitsPerSec, a) => ({
        id: `c${c}a${a}`,
        baseUrl: `http://c${c}a${a}.example`,
        fillBitsPerSec,
      })),
    }));
    const holders = fc.tuple(...clusters.map(({ appliances }) => fc.shuffledSubarray(appliances.map(({ id }) => id))));
    const rendition = fc.tuple(fc.integer({ min: 1, max: 1e9 }), holders);
    return fc.array(rendition, { minLength: 1, maxLength: 8 }).map((rows) => ({
      clusters,
      renditions: rows.map(([sizeBytes, byCluster], index) => ({
        id: `t/r${index}`,
        sizeBytes,
        originUrl: 'http://origin.example',
        holders: new Map(byCluster.map((ids, c) => [`c${c}`, ids] as const).filter(([, ids]) => ids.length > 0)),
      })),
    }));
  });

/** Sources of every holder of a rendition. */
function allSources({ clusters, renditions }: World, rendition: SourceRendition): Map<string, FillPlanSource[]> {
  const masters = chooseMasters(clusters, renditions, new Map());
  const appliances = new Map(clusters.flatMap((cluster) => cluster.appliances.map((each) => [each.id, each] as const)));
  const context = { masters, appliances, waits, tierOrder: tierOrder(clusters) };
  return new Map(
    [...rendition.holders].flatMap(([clusterId, ids]) =>
      ids.map((id) => [id, sourcesFor(id, clusterId, rendition, context)] as const),
    ),
  );
}

const eachRendition = (check: (world: World, rendition: SourceRendition) => void): void => {
  fc.assert(
    fc.property(worlds, (world) => {
      for (const rendition of world.renditions) check(world, rendition);
    }),
  );
};

describe('sources', () => {
  test('every holder ends with the origin, and only holders are asked', () => {
    eachRendition((world, rendition) => {
      const holders = new Set([...rendition.holders.values()].flat());
      for (const [id, sources] of allSources(world, rendition)) {
        expect(sources.at(-1)?.kind).toBe('origin');
        expect(sources.filter(({ kind }) => kind === 'origin')).toHaveLength(1);
        expect(sources.length).toBeLessThanOrEqual(16);
        for (const source of sources) {
          expect(source.id).not.toBe(id);
          if (source.kind !== 'origin') expect(holders.has(source.id)).toBe(true);
        }
      }
    });
  });

  test('nobody waits for somebody who waits for him', () => {
    eachRendition((world, rendition) => {
      const asked = allSources(world, rendition);
      const done = new Set<string>();
      const visit = (id: string, path: readonly string[]): void => {
        expect(path).not.toContain(id);
        if (done.has(id)) return;
        for (const source of asked.get(id) ?? []) if (source.kind !== 'origin') visit(source.id, [...path, id]);
        done.add(id);
      };
      for (const id of asked.keys()) visit(id, []);
    });
  });

  test('exactly one holder in the whole fleet goes to the origin at once, and one per cluster leaves the cluster', () => {
    eachRendition((world, rendition) => {
      if (rendition.holders.size === 0) return;
      const asked = allSources(world, rendition);
      const atOnce = [...asked.values()].filter(([first]) => first?.kind === 'origin' && first.afterSec === 0);
      expect(atOnce).toHaveLength(1);
      for (const ids of rendition.holders.values()) {
        const leaving = ids.filter((id) => asked.get(id)?.[0]?.kind !== 'peer');
        expect(leaving).toHaveLength(1);
      }
    });
  });

  test('sources of a kind further away never open before nearer ones', () => {
    const distance = { peer: 0, tier: 1, origin: 2 };
    eachRendition((world, rendition) => {
      for (const sources of allSources(world, rendition).values()) {
        sources.slice(1).forEach((source, index) => {
          const before = sources[index];
          expect(distance[source.kind]).toBeGreaterThanOrEqual(distance[before?.kind ?? 'peer']);
          expect(source.afterSec).toBeGreaterThanOrEqual(before?.afterSec ?? 0);
        });
      }
    });
  });
});

describe('fill masters', () => {
  const cluster: SourceCluster = {
    id: 'c',
    appliances: ['a', 'b', 'd'].map((id, index) => ({
      id,
      baseUrl: `http://${id}`,
      fillBitsPerSec: index === 2 ? 2e6 : 1e6,
    })),
  };
  const rendition = (id: string, sizeBytes: number, holders = ['a', 'b', 'd']): SourceRendition => ({
    id,
    sizeBytes,
    originUrl: 'http://o',
    holders: new Map([['c', holders]]),
  });

  test('a master stays while it holds the rendition, whatever else changes', () => {
    const first = chooseMasters([cluster], [rendition('x', 10), rendition('y', 20)], new Map());
    const second = chooseMasters([cluster], [rendition('x', 10), rendition('y', 2000), rendition('z', 5)], first);
    expect(second.get(masterKey('c', 'x'))).toBe(first.get(masterKey('c', 'x')));
    expect(second.get(masterKey('c', 'y'))).toBe(first.get(masterKey('c', 'y')));
  });

  test('a master that no longer holds it is replaced by one that does', () => {
    const masters = chooseMasters([cluster], [rendition('x', 10, ['b'])], new Map([[masterKey('c', 'x'), 'a']]));
    expect(masters.get(masterKey('c', 'x'))).toBe('b');
  });

  test('what masters fetch is shared in proportion to their rates', () => {
    const many = Array.from({ length: 400 }, (_, index) => rendition(`r${index}`, 1000 + (index % 13)));
    const masters = chooseMasters([cluster], many, new Map());
    const counts = Object.groupBy(masters.values(), (id) => id);
    expect(counts['a']?.length).toBeGreaterThan(95);
    expect(counts['b']?.length).toBeGreaterThan(95);
    expect(counts['d']?.length).toBeGreaterThan(190);
  });
});
