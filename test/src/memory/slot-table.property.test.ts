import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlotTable } from '../../../src/memory/slot-table.ts';

const key = fc.integer({ min: 0, max: 2 ** 32 - 1 });

test('what was claimed last of few is found, and each has a slot of its own', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 8 }), (keys) => {
      const table = new SlotTable(8);
      const slots = keys.map((each, at) => table.claim(each, at));
      expect(keys.map((each) => table.find(each))).toEqual(slots);
      expect(new Set(slots).size).toBe(keys.length);
    }),
  );
});

test('a full table forgets only what is older than all it could forget instead', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key, { minLength: 100, maxLength: 300 }), (keys) => {
      const table = new SlotTable(64);
      for (const [at, each] of keys.entries()) table.claim(each, at);
      expect(keys.filter((each) => table.find(each) !== -1).length).toBeLessThanOrEqual(64);
      // Whatever came last is always known: there were seven older ones beside it.
      expect(table.find(keys.at(-1) ?? 0)).not.toBe(-1);
    }),
  );
});

test('what is as new as is asked for makes no room, and what is older is not found', () => {
  const table = new SlotTable(8);
  for (let each = 0; each < 8; each += 1) expect(table.claim(each, 5, 5)).not.toBe(-1);
  expect(table.claim(8, 5, 5)).toBe(-1);
  expect(table.find(3, 6)).toBe(-1);
  expect(table.claim(8, 6, 6)).not.toBe(-1);
});

test('a key of zero is not there before it was claimed', () => {
  expect(new SlotTable(8).find(0)).toBe(-1);
});
