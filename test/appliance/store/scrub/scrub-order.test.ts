import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockMap } from '../../../../appliance/store/block-map.ts';
import { type ScrubItem, ScrubOrder } from '../../../../appliance/store/scrub/scrub-order.ts';
import { IdRoster } from '../../../../appliance/store/scrub/scrub-roster.ts';
import { seededRandom } from '../../../support/fake-world.ts';

interface Item extends ScrubItem {
  forgotten: boolean;
  readonly blocks: BlockMap;
}

function item(id: number, blockCount: number, held?: readonly number[]): Item {
  const blocks = new BlockMap(blockCount);
  for (const block of held ?? Array.from({ length: blockCount }, (_, index) => index)) blocks.add(block, 0);
  return { id, forgotten: false, blocks };
}

function rosterOf(items: readonly Item[]): IdRoster<Item> {
  const roster = new IdRoster<Item>();
  roster.addAll(items);
  return roster;
}

const nameOf = (id: number, block: number): string => `${id}:${block}`;

/** Checks until the pass ends; `isGood` says what is found. */
function runPass(
  order: ScrubOrder<Item>,
  isGood = (_name: string): boolean => true,
  onCheck: (name: string, index: number) => void = () => undefined,
): string[] {
  const checked: string[] = [];
  for (let next = order.next(); next !== 'pass-ended'; next = order.next()) {
    if (next === 'unfinished') continue;
    const name = nameOf(next.item.id, next.block);
    checked.push(name);
    onCheck(name, checked.length);
    order.found(next.item.id, next.block, isGood(name));
  }
  return checked;
}

const arbitraryItems = fc
  .uniqueArray(
    fc.record({
      // Neighbours, and far apart.
      id: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 2 ** 40 })),
      blockCount: fc.integer({ min: 1, max: 700 }),
    }),
    {
      selector: ({ id }) => id,
      maxLength: 30,
    },
  )
  .chain((items) =>
    fc.tuple(
      ...items.map(({ id, blockCount }) =>
        fc
          .uniqueArray(fc.integer({ min: 0, max: blockCount - 1 }), { maxLength: 60 })
          .map((held) => item(id, blockCount, held)),
      ),
    ),
  );

const allOf = (items: readonly Item[]): string[] =>
  items.flatMap(({ id, blocks }) => [...blocks.held()].map((block) => nameOf(id, block))).sort();

describe('the order of a scrub', () => {
  it('takes every held block exactly once in a clean pass, and again in the next', () => {
    fc.assert(
      fc.property(arbitraryItems, (items) => {
        const order = new ScrubOrder(rosterOf(items));
        for (let pass = 0; pass < 2; pass += 1) expect(runPass(order).sort()).toEqual(allOf(items));
      }),
      { numRuns: 60 },
    );
  });

  it('goes on after a restart where it stood', () => {
    fc.assert(
      fc.property(arbitraryItems, fc.nat(500), (items, stopAfter) => {
        const first = new ScrubOrder(rosterOf(items));
        const checked: string[] = [];
        for (let next = first.next(); checked.length < stopAfter && next !== 'pass-ended'; next = first.next()) {
          if (next !== 'unfinished') checked.push(nameOf(next.item.id, next.block));
        }
        if (first.cursor.round === 0 && first.cursor.id === 0) return;
        // `next` was asked once more than counted.
        const cursor = first.cursor;
        const rest = runPass(new ScrubOrder(rosterOf(items), cursor));
        const again = runPass(new ScrubOrder(rosterOf(items), cursor));
        expect(again).toEqual(rest);
        expect(new Set(rest).size).toBe(rest.length);
        for (const name of rest) expect(checked).not.toContain(name);
        expect(rest.length + checked.length).toBeGreaterThanOrEqual(allOf(items).length - 1);
      }),
      { numRuns: 60 },
    );
  });

  it('takes what is new within the pass, and leaves out what is forgotten', () => {
    const items = [item(10, 300), item(20, 300), item(30, 300)];
    const roster = rosterOf(items);
    const order = new ScrubOrder(roster);
    const checked = runPass(order, undefined, (_name, index) => {
      if (index !== 5) return;
      items[1]!.forgotten = true;
      roster.noteGone();
      roster.add(item(40, 100));
    });
    expect(checked.filter((name) => name.startsWith('20:')).length).toBeLessThanOrEqual(5);
    expect(checked.filter((name) => name.startsWith('40:')).length).toBeGreaterThan(95);
    expect(checked.filter((name) => name.startsWith('30:')).length).toBe(300);
  });

  it('looks at the neighbours of a hit at once, in both directions and across files, until they are good', () => {
    const items = [item(1, 50), item(2, 40), item(3, 50)];
    const bad = new Set([...Array.from({ length: 20 }, (_, at) => nameOf(1, 30 + at)), nameOf(2, 0), nameOf(2, 1)]);
    const order = new ScrubOrder(rosterOf(items));
    let firstHit = 0;
    const found = new Map<string, number>();
    runPass(
      order,
      (name) => !bad.has(name),
      (name, index) => {
        if (!bad.has(name) || found.has(name)) return;
        found.set(name, index);
        if (firstHit === 0) firstHit = index;
      },
    );
    expect(found.size).toBe(bad.size);
    // Twenty-two bad ones and thirty-two good ones on each side.
    expect(Math.max(...found.values()) - firstHit).toBeLessThanOrEqual(22 + 2 * 32 + 2);
    expect(order.isSearching).toBe(false);
  });

  it('follows a hit that a viewer met', () => {
    const order = new ScrubOrder(rosterOf([item(1, 100)]));
    order.found(1, 50, false);
    expect(order.isSearching).toBe(true);
    const next = Array.from({ length: 4 }, () => order.next()).map((pick) =>
      typeof pick === 'string' ? pick : pick.block,
    );
    expect(next.map(Number).toSorted((a, b) => a - b)).toEqual([48, 49, 51, 52]);
  });

  it('ends its searches on a disk that is bad everywhere', () => {
    const items = [item(1, 300), item(2, 300)];
    const checked = runPass(
      new ScrubOrder(rosterOf(items)),
      () => false,
      // What is found bad is held no longer.
      (name) => {
        const [id, block] = name.split(':').map(Number);
        items[id! - 1]!.blocks.delete(block!);
      },
    );
    expect(checked.length).toBe(600);
  });

  it('looks at a bounded number of places in one call', () => {
    const sparse = item(5, 2 ** 20, [2 ** 20 - 1]);
    const order = new ScrubOrder(rosterOf([sparse, ...Array.from({ length: 30_000 }, (_, at) => item(10 + at, 1))]));
    const first = [order.next(), order.next(), order.next(), order.next()];
    expect(first.some((pick) => pick === 'unfinished') || first.some((pick) => typeof pick !== 'string')).toBe(true);
    expect(runPass(order).length + first.filter((pick) => typeof pick !== 'string').length).toBe(30_001);
  });

  it('shows how far it is', () => {
    const order = new ScrubOrder(rosterOf([item(1, 1000)]));
    expect(order.progress).toBe(0);
    const seen: number[] = [];
    runPass(order, undefined, () => seen.push(order.progress));
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
    expect(seen.at(-1)).toBeGreaterThan(0.95);
    expect(order.progress).toBe(0);
  });
});

/** A volume of films and of many small files, and one burst somewhere: how many checks until each bad block is found. */
describe('a burst of errors, simulated', () => {
  function volume(random: () => number): Item[] {
    const items: Item[] = [];
    for (let id = 1; id <= 60; id += 1) {
      if (random() < 0.5) items.push(item(id * 1000, 50 + Math.floor(random() * 400)));
      else
        for (let small = 0; small < 100; small += 1) items.push(item(id * 1000 + small, 1 + Math.floor(random() * 3)));
    }
    return items;
  }

  it.each([8, 20, 60])(
    'of about %i blocks is found in at most a quarter of the mean time of a plain pass',
    (burstBlocks) => {
      const random = seededRandom(11);
      let staggered = 0;
      let plain = 0;
      let blocks = 0;
      for (let run = 0; run < 25; run += 1) {
        const items = volume(() => random.next());
        const places = items.flatMap(({ id, blocks: map }) => [...map.held()].map((block) => nameOf(id, block)));
        const start = Math.floor(random.next() * (places.length - 2 * burstBlocks));
        // Half of what lies within the burst is bad.
        const bad = new Set(places.slice(start, start + 2 * burstBlocks).filter(() => random.next() < 0.5));
        bad.add(places[start]!);
        const found = new Map<string, number>();
        runPass(
          new ScrubOrder(rosterOf(items)),
          (name) => !bad.has(name),
          (name, index) => {
            if (bad.has(name) && !found.has(name)) found.set(name, index / places.length);
          },
        );
        expect(found.size).toBe(bad.size);
        for (const [name, at] of found) {
          staggered += at;
          plain += places.indexOf(name) / places.length;
          blocks += 1;
        }
      }
      expect(plain / blocks).toBeGreaterThan(0.35);
      expect(staggered / blocks).toBeLessThanOrEqual(plain / blocks / 4);
    },
  );
});
