import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeNumber } from '../../../../appliance/fast-path/answers/write-number.ts';

test('a number is written as it is printed', () => {
  const written = (value: number): string => {
    const into = Buffer.alloc(24, 'x');
    const end = writeNumber(into, 3, value);
    expect(into.subarray(0, 3).toString()).toBe('xxx');
    expect(into.subarray(end).every((byte) => byte === 0x78)).toBe(true);
    return into.toString('latin1', 3, end);
  };
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(2000)), (value) => {
      expect(written(value)).toBe(String(value));
    }),
    { numRuns: 1000 },
  );
  for (const value of [0, 9, 10, 99, 100, 2 ** 31, 2 ** 32, 10 ** 15, Number.MAX_SAFE_INTEGER]) {
    expect(written(value)).toBe(String(value));
  }
});
