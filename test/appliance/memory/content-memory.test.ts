import { expect, test } from 'vitest';
import { defaultContentMemory } from '../../../appliance/memory/content-memory.ts';

const GIB = 2 ** 30;
const NO_LIMIT = 2 ** 63;

test.each([
  ['a machine', 64 * GIB, 0, 16 * GIB],
  ['a machine whose limit is none', 64 * GIB, NO_LIMIT, 16 * GIB],
  ['a container on it', 64 * GIB, 2 * GIB, GIB / 2],
  ['one that is too small', 64 * GIB, 100, 64 * 2 ** 20],
])('%s gives a quarter of what it has', (_what, machineBytes, limitBytes, expected) => {
  expect(defaultContentMemory(machineBytes, limitBytes)).toBe(expected);
});

test('it is a whole number of MiB, as people write it', () => {
  expect(defaultContentMemory(23 * GIB + 12_345, 0) % 2 ** 20).toBe(0);
});
