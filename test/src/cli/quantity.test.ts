import { expect, test } from 'vitest';
import { formatBitRate, formatBytes, formatTime } from '../../../src/cli/quantity.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [4_693_194, '4.69 MB'],
  [40e12, '40.0 TB'],
  [999_999, '1.00 MB'],
  [99_960, '100 kB'],
  [9996, '10.0 kB'],
  [17.3, '17 B'],
  [5e18, '5000 PB'],
])('%d bytes are written %s', (sizeBytes, text) => {
  expect(formatBytes(sizeBytes)).toBe(text);
});

test('times are written in UTC to the minute', () => {
  expect(formatTime(Date.UTC(2027, 2, 28, 1, 30, 59))).toBe('2027-03-28 01:30Z');
});

test('rates are written with their unit', () => {
  expect(formatBitRate(1.2e9)).toBe('1.20 Gbit/s');
  expect(formatBitRate(100e6)).toBe('100 Mbit/s');
});
