import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shareCap } from '../../../fill-planner/schedule/link-caps.ts';

const HOUR_MS = 3_600_000;
const MONTH = { sinceMs: 0, untilMs: 30 * 24 * HOUR_MS };

test('through a month of changes nobody gets less than before, and all together never more than the cap', () => {
  const day = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.nat(5_000_000), fc.array(day, { minLength: 1, maxLength: 40 }), (maxBytes, days) => {
      let given: number[] = [];
      let lostBytes = 0;
      for (const [at, lackingBytes] of days.entries()) {
        // Appliances come and go; what the last ones of the list were given is lost with them.
        lostBytes += given.slice(lackingBytes.length).reduce((sum, bytes) => sum + bytes, 0);
        const before = lackingBytes.map((_, member) => given[member] ?? 0);
        const nowMs = at * 18 * HOUR_MS;
        given = shareCap({ maxBytes, ...MONTH, nowMs, lackingBytes, givenBytes: before, lostBytes });
        given.forEach((bytes, member) => {
          expect(bytes).toBeGreaterThanOrEqual(before[member] ?? 0);
          expect(Number.isInteger(bytes)).toBe(true);
        });
        expect(given.reduce((sum, bytes) => sum + bytes, lostBytes)).toBeLessThanOrEqual(maxBytes);
      }
    }),
  );
});

test('a night is shared at once by what each lacks, a month a day at a time', () => {
  const question = { maxBytes: 300, nowMs: 0, lackingBytes: [100, 200, 300], givenBytes: [0, 0, 0], lostBytes: 0 };
  expect(shareCap({ ...question, sinceMs: 0, untilMs: 12 * HOUR_MS })).toEqual([50, 100, 150]);
  expect(shareCap({ ...question, ...MONTH })).toEqual([1, 3, 5]);
  expect(shareCap({ ...question, ...MONTH, nowMs: 29 * 24 * HOUR_MS })).toEqual([50, 100, 150]);
});

test('who lacks nothing gets nothing, and nobody more than he lacks', () => {
  const period = { sinceMs: 0, untilMs: 12 * HOUR_MS, nowMs: 0 };
  expect(shareCap({ maxBytes: 1000, ...period, lackingBytes: [0, 70], givenBytes: [5, 0], lostBytes: 0 })).toEqual([
    5, 70,
  ]);
});
