import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { BoundedMap } from '../../../src/memory/bounded-map.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const KEYS = 300;

/** Sets every key. A function of its own: what a frame has had in its registers is not collected before it ends. */
function setAll(map: BoundedMap<number, object>): WeakRef<object>[] {
  return Array.from({ length: KEYS }, (_, key) => {
    const value = { key };
    map.set(key, value);
    return new WeakRef(value);
  });
}

test('a bounded map that is never full keeps nothing of what was set anew in it', async () => {
  const map = new BoundedMap<number, object>(10_000);
  const before = setAll(map);
  for (let round = 0; round < 10; round += 1) setAll(map);
  // What a WeakRef was asked or made for in a turn stays until its end.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(before.filter((value) => value.deref() !== undefined)).toHaveLength(0);
  expect(map.size).toBe(KEYS);
});

test.each([
  ['has room', 10_000],
  ['is full', KEYS],
])('a bounded map that %s takes no more memory however often its entries are used', (_name, maxEntries) => {
  const map = new BoundedMap<number, number>(maxEntries);
  for (let key = 0; key < KEYS; key += 1) map.set(key, key);
  collect();
  const before = process.memoryUsage().heapUsed;
  // A change leaves at least two words behind in a table that nobody can let go of: 16 MiB.
  for (let use = 0; use < 1_000_000; use += 1) map.use(use % KEYS);
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 * 2 ** 20);
  expect(map.size).toBe(KEYS);
});
