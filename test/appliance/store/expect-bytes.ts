import { expect } from 'vitest';

/** As `toEqual`, which takes a tenth of a second for a block. */
export function expectBytes(actual: Uint8Array | undefined, expected: Buffer): void {
  if (actual === undefined || !expected.equals(actual))
    expect(actual?.subarray(0, 64)).toEqual(expected.subarray(0, 64));
  expect(actual?.length).toBe(expected.length);
}
