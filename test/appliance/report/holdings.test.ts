import { beforeEach, describe, expect, it } from 'vitest';
import { findMissing, HEAD_BLOCKS, takeInventory } from '../../../appliance/report/holdings.ts';
import type { FillPlan, FillPlanFile } from '../../../src/contracts/fill-plan.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { FakeStore } from '../../support/fake-store.ts';
import { originSource } from '../../support/sample-plan.ts';

const MIB = 2 ** 20;
let store: FakeStore;

beforeEach(() => {
  store = new FakeStore();
});

const rootOf = (path: string): string => Buffer.from(path).toString('hex').padEnd(64, '0').slice(0, 64);

const file = (path: string, blocks: number, rendition: number): FillPlanFile => ({
  path,
  sizeBytes: blocks * MIB,
  root: rootOf(path),
  rendition,
  priority: 0,
  reason: '',
  expectedBytes: 0,
  sources: [originSource],
});

const planOf = (files: FillPlanFile[], renditionCount: number): FillPlan => ({
  version: 1,
  planVersion: 1,
  applianceId: 'a1',
  createdAtMs: 0,
  renditions: Array.from({ length: renditionCount }, (_, index) => `t/r${index}`),
  windows: [],
  files,
  keyId: 'k',
  signature: '',
});

const levelOf = (blocks: number, held: readonly number[] | undefined): string | undefined => {
  const wanted = file('/f', blocks, 0);
  if (held !== undefined) store.put('/f', wanted.root, wanted.sizeBytes, held);
  return takeInventory(planOf([wanted], 1), store).levels[0];
};

describe('the level of a rendition', () => {
  it('is none without an object, and with one that holds nothing', () => {
    expect(levelOf(10, undefined)).toBe('none');
    expect(levelOf(10, [])).toBe('none');
  });

  it('is head with its first block and not much more', () => {
    expect(levelOf(10, [0])).toBe('head');
    expect(
      levelOf(
        10,
        Array.from({ length: HEAD_BLOCKS }, (_, index) => index),
      ),
    ).toBe('head');
  });

  it('is part with more than a head, or with blocks from the middle', () => {
    expect(
      levelOf(
        10,
        Array.from({ length: HEAD_BLOCKS + 1 }, (_, index) => index),
      ),
    ).toBe('part');
    expect(levelOf(10, [5])).toBe('part');
  });

  it('is whole with every block', () => {
    expect(levelOf(3, [0, 1, 2])).toBe('whole');
  });

  it('is whole for an empty file once its object is there', () => {
    expect(levelOf(0, undefined)).toBe('none');
    expect(levelOf(0, [])).toBe('whole');
  });

  it('speaks of all files of a rendition together', () => {
    const files = [file('/s1', 1, 0), file('/s2', 1, 0), file('/other', 1, 1)];
    const plan = planOf(files, 3);
    store.put('/s1', rootOf('/s1'), MIB);
    store.put('/other', rootOf('/other'), MIB);
    expect(takeInventory(plan, store).levels).toEqual(['head', 'whole', 'none']);
    store.put('/s2', rootOf('/s2'), MIB);
    expect(takeInventory(plan, store).levels).toEqual(['whole', 'whole', 'none']);
  });

  it('does not count the same path with other bytes', () => {
    store.put('/f', 'e'.repeat(64), MIB);
    expect(levelOf(1, undefined)).toBe('none');
  });
});

describe('a file of which the plan wants the head', () => {
  const headOf = (blocks: number, headBytes: number): FillPlanFile => ({ ...file('/f', blocks, 0), headBytes });
  const lookAt = (wanted: FillPlanFile, held: readonly number[]) => {
    store.put('/f', wanted.root, wanted.sizeBytes, held);
    const plan = planOf([wanted], 1);
    const { levels, heldFileCount, heldBytes, planBytes } = takeInventory(plan, store);
    return {
      level: levels[0],
      heldFileCount,
      heldBytes,
      planBytes,
      isMissing: atOnce(findMissing(plan, store)).length === 1,
    };
  };
  const full = { planBytes: 2 * MIB, heldBytes: 2 * MIB, heldFileCount: 1, isMissing: false };

  it('is held with the blocks that cover it, and counts as head', () => {
    expect(lookAt(headOf(10, MIB + 1), [0, 1])).toEqual({ ...full, level: 'head' });
  });

  it('is missing while one of these lacks, whatever else is there', () => {
    expect(lookAt(headOf(10, MIB + 1), [0, 5, 6])).toMatchObject({ heldFileCount: 0, isMissing: true });
    expect(lookAt(headOf(10, MIB + 1), [])).toMatchObject({ level: 'none', heldBytes: 0, isMissing: true });
  });

  it('counts no more bytes than the plan wants when viewers fetched the rest, and is whole then', () => {
    expect(lookAt(headOf(3, MIB + 1), [0, 1, 2])).toEqual({ ...full, level: 'whole' });
  });

  it('is a part when viewers fetched some of the rest', () => {
    expect(lookAt(headOf(10, 2 * MIB), [0, 1, 4, 5, 6])).toEqual({ ...full, level: 'part' });
  });

  it('is a head also where it is longer than a head usually is', () => {
    expect(lookAt(headOf(20, 6 * MIB), [0, 1, 2, 3, 4, 5])).toMatchObject({ level: 'head', heldFileCount: 1 });
  });

  it('is no whole rendition when it goes on in files that the plan does not name', () => {
    const beginning = [
      { ...file('/init', 1, 0), headBytes: MIB },
      { ...file('/s1', 2, 0), headBytes: 2 * MIB },
    ];
    store.put('/init', rootOf('/init'), MIB);
    store.put('/s1', rootOf('/s1'), 2 * MIB);
    const { levels, heldFileCount } = takeInventory(planOf(beginning, 1), store);
    expect([levels[0], heldFileCount]).toEqual(['head', 2]);
  });
});

describe('the inventory of a plan', () => {
  it('counts files and bytes that are wanted and held', () => {
    const files = [file('/a', 2, 0), file('/b', 3, 0)];
    store.put('/a', rootOf('/a'), 2 * MIB);
    store.put('/b', rootOf('/b'), 3 * MIB, [1]);
    store.put('/unplanned', rootOf('/u'), 50 * MIB);
    expect(takeInventory(planOf(files, 1), store)).toMatchObject({
      fileCount: 2,
      heldFileCount: 1,
      planBytes: 5 * MIB,
      heldBytes: 3 * MIB,
    });
  });

  it('finds the files that are not whole', () => {
    const files = [file('/a', 2, 0), file('/b', 3, 0), file('/c', 1, 0)];
    store.put('/a', rootOf('/a'), 2 * MIB);
    store.put('/b', rootOf('/b'), 3 * MIB, [0, 1]);
    const missing = atOnce(findMissing(planOf(files, 1), store));
    expect(missing.map(({ path }) => path)).toEqual(['/b', '/c']);
  });

  it('asks once for a path that two renditions have in common, and counts it for both', () => {
    const files = [file('/a', 2, 0), file('/a', 2, 1)];
    expect(atOnce(findMissing(planOf(files, 2), store))).toHaveLength(1);
    store.put('/a', rootOf('/a'), 2 * MIB);
    expect(takeInventory(planOf(files, 2), store).levels).toEqual(['whole', 'whole']);
    expect(atOnce(findMissing(planOf(files, 2), store))).toEqual([]);
  });
});
