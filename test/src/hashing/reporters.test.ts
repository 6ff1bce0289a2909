import { expect, test } from 'vitest';
import { KeyedHash } from '../../../src/hashing/keyed-hash.ts';
import { ReporterCap } from '../../../src/hashing/reporter-cap.ts';

const hashOf = (...key: number[]): KeyedHash => new KeyedHash(Uint8Array.from(key));
const HASH = hashOf(1, 2, 3, 4, 5, 6, 7, 8);

test('the same text has one number under a key, and another under another key', () => {
  expect(HASH.ofText('203.0.113.1')).toBe(HASH.ofText('203.0.113.1'));
  expect(HASH.ofText('203.0.113.1')).not.toBe(hashOf(1, 2, 3, 4, 5, 6, 7, 9).ofText('203.0.113.1'));
  expect(HASH.ofWords(1, 2)).not.toBe(HASH.ofWords(2, 1));
});

test('neighbours spread evenly, to the last bits', () => {
  const numbers = Array.from({ length: 4096 }, (_, at) => HASH.ofText(`203.0.${at >> 8}.${at & 255}`));
  expect(new Set(numbers).size).toBe(4096);
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number & 31, (counts.get(number & 31) ?? 0) + 1);
  for (let bucket = 0; bucket < 32; bucket += 1) {
    expect(counts.get(bucket)).toBeGreaterThan(80);
    expect(counts.get(bucket)).toBeLessThan(180);
  }
});

test('a reporter counts so often in a window, and hardly ever less for others that report', () => {
  const cap = new ReporterCap(60_000);
  const taken = (name: string, times: number, nowMs: number): number =>
    Array.from({ length: times }, () => cap.take(HASH.ofText(name), 3, nowMs)).filter(Boolean).length;
  expect(taken('liar', 1000, 0)).toBe(3);
  let full = 0;
  for (let reporter = 0; reporter < 20_000; reporter += 1) full += Number(taken(`viewer-${reporter}`, 3, 1000) === 3);
  expect(full).toBeGreaterThan(19_000);
  expect(taken('liar', 10, 59_999)).toBe(0);
  expect(taken('liar', 10, 60_000)).toBe(3);
});
