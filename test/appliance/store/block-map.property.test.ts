import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCKS_PER_PAGE, BlockMap, pageOf } from '../../../appliance/store/block-map.ts';

interface Change {
  readonly block: number;
  readonly checksum: number;
  readonly add: boolean;
}

const scenario = fc.integer({ min: 1, max: 3 * BLOCKS_PER_PAGE + 5 }).chain((blockCount) =>
  fc.record({
    blockCount: fc.constant(blockCount),
    changes: fc.array(
      fc.record({
        block: fc.nat(blockCount - 1),
        checksum: fc.nat(0xffffffff),
        add: fc.boolean(),
      }),
      { maxLength: 60 },
    ),
  }),
);

function apply(map: BlockMap, changes: readonly Change[]): Map<number, number> {
  const model = new Map<number, number>();
  for (const { block, checksum, add } of changes) {
    if (add) {
      map.add(block, checksum);
      model.set(block, checksum);
    } else expect(map.delete(block)).toBe(model.delete(block));
  }
  return model;
}

function expectSame(map: BlockMap, model: ReadonlyMap<number, number>): void {
  expect(map.heldCount).toBe(model.size);
  const blocks = [...model.keys()].sort((a, b) => a - b);
  expect([...map.held()]).toEqual(blocks);
  const from = map.blockCount >> 1;
  expect([...map.held(from)]).toEqual(blocks.filter((block) => block >= from));
  for (let block = 0; block < map.blockCount + 40; block += 1) expect(map.has(block)).toBe(model.has(block));
  for (const [block, checksum] of model) expect(map.checksum(block)).toBe(checksum);
}

describe('a block map', () => {
  it('knows after any changes what a plain map knows', () => {
    fc.assert(
      fc.property(scenario, ({ blockCount, changes }) => {
        const map = new BlockMap(blockCount);
        expectSame(map, apply(map, changes));
      }),
    );
  });

  it('is the same again when its pages are loaded, and has no page that holds nothing', () => {
    fc.assert(
      fc.property(scenario, ({ blockCount, changes }) => {
        const map = new BlockMap(blockCount);
        const model = apply(map, changes);
        const loaded = new BlockMap(blockCount);
        for (let page = 0; page <= pageOf(blockCount - 1); page += 1) {
          const bytes = map.page(page);
          const used = [...model.keys()].some((block) => pageOf(block) === page);
          expect(bytes !== undefined).toBe(used);
          if (bytes !== undefined) expect(loaded.loadPage(page, Buffer.from(bytes))).toBe(true);
        }
        expectSame(loaded, model);
      }),
    );
  });

  it('never believes a page that is not its own', () => {
    fc.assert(
      fc.property(
        fc.nat(300),
        fc.integer({ min: -2, max: 5 }),
        fc.uint8Array({ maxLength: 600 }),
        (count, page, bytes) => {
          const map = new BlockMap(count);
          const loaded = map.loadPage(page, bytes);
          expect(map.heldCount > 0).toBe(loaded);
          for (const block of map.held()) expect(block).toBeLessThan(count);
          expect([...map.held()]).toHaveLength(map.heldCount);
        },
      ),
    );
  });

  it('has no block beyond its end and no checksum of a block that it does not hold', () => {
    const map = new BlockMap(2);
    expect(() => map.add(2, 1)).toThrow(RangeError);
    expect(() => map.add(-1, 1)).toThrow(RangeError);
    expect(() => map.add(0.5, 1)).toThrow(RangeError);
    expect(() => map.checksum(1)).toThrow(RangeError);
    expect([map.has(-1), map.has(0.5), map.has(2), map.has(Number.NaN)]).toEqual([false, false, false, false]);
  });
});
