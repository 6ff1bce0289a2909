import { describe, expect, test } from 'vitest';
import { billRates, shareCaps, stepsWithin } from '../../../fill-planner/schedule/site-pace.ts';

const SLOT_MS = 300_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK = 2016;

/** A link that carries 2 Gbit/s at night until six and 9 in the day, measured for five weeks up to now. */
function measured(nowMs: number): Float64Array {
  const slots = 5 * WEEK;
  return Float64Array.from({ length: slots }, (_, at) => {
    const hour = new Date(nowMs - (slots - at) * SLOT_MS).getUTCHours();
    return hour < 6 ? 2e9 : 9e9;
  });
}

describe('rates that keep the bill', () => {
  const nowMs = Date.UTC(2026, 2, 30, 12);
  const windows = [1, 2, 3].map((day) => ({
    startsAtMs: Date.UTC(2026, 2, 30 + day, 2),
    endsAtMs: Date.UTC(2026, 2, 30 + day, 8),
  }));

  test('fill the valley up to the level of the bill, and stop where the day begins, over the end of a month', () => {
    const steps = billRates({ keepsBill: true }, measured(nowMs), windows, 5e9, nowMs) ?? [];
    for (const window of windows) {
      const within = stepsWithin(steps, window, 0.1);
      expect(within.map(({ fromMs }) => (fromMs - window.startsAtMs) / HOUR_MS)).toEqual([0, 4]);
      expect(within[0]?.fillBitsPerSec).toBe(5e8);
      expect(within[1]?.fillBitsPerSec).toBe(0);
    }
  });

  test('are not set where nobody asked for them', () => {
    expect(billRates({}, measured(nowMs), windows, 5e9, nowMs)).toBeUndefined();
  });

  test('allow nothing on a link that was never measured, but for what is committed', () => {
    const none = billRates({ keepsBill: true }, new Float64Array(0), windows, 5e9, nowMs);
    expect(none?.map(({ fillBitsPerSec }) => fillBitsPerSec)).toEqual([0]);
  });
});

describe('caps', () => {
  const nowMs = Date.UTC(2026, 2, 31, 1);
  const windows = [
    { startsAtMs: nowMs + HOUR_MS, endsAtMs: nowMs + 5 * HOUR_MS },
    { startsAtMs: nowMs + DAY_MS + HOUR_MS, endsAtMs: nowMs + DAY_MS + 5 * HOUR_MS },
  ];
  const appliances = [
    { id: 'a', linkBytes: 1000 },
    { id: 'b', linkBytes: 3000 },
  ];

  test('are shared for each window and each month by what each has to take', () => {
    const caps = shareCaps({ maxBytesPerWindow: 400, maxBytesPerMonth: 620 }, windows, appliances, [], nowMs);
    expect(caps.map(({ applianceId, maxBytes }) => [applianceId, maxBytes])).toEqual([
      ['a', 100],
      ['b', 300],
      ['a', 100],
      ['b', 300],
      // The whole of March is left for its last night, a thirtieth of April for the first.
      ['a', 155],
      ['b', 465],
      ['a', expect.any(Number)],
      ['b', expect.any(Number)],
    ]);
  });

  test('count what was given to those that are gone', () => {
    const [first] = windows;
    const given = [
      { sinceMs: first?.startsAtMs ?? 0, untilMs: first?.endsAtMs ?? 0, applianceId: 'gone', maxBytes: 300 },
      { sinceMs: first?.startsAtMs ?? 0, untilMs: first?.endsAtMs ?? 0, applianceId: 'a', maxBytes: 60 },
    ];
    const caps = shareCaps({ maxBytesPerWindow: 400 }, windows.slice(0, 1), appliances, given, nowMs);
    expect(caps.map(({ maxBytes }) => maxBytes)).toEqual([70, 30]);
  });
});
