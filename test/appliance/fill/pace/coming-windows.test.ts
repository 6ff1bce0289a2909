import { describe, expect, it } from 'vitest';
import { comingWindows } from '../../../../appliance/fill/pace/coming-windows.ts';
import { openWindow } from '../../../../appliance/fill/pace/fill-window.ts';
import { localStartTimes } from '../../../../src/world/local-times.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const nightMs = Date.UTC(2030, 0, 10, 2);
const nights = (count: number) =>
  Array.from({ length: count }, (_, day) => ({
    startsAtMs: nightMs + day * DAY_MS,
    endsAtMs: nightMs + day * DAY_MS + 6 * HOUR_MS,
    fillBitsPerSec: 1e9,
  }));
const isOpen = (windows: ReturnType<typeof nights>, ms: number, days = 7): boolean =>
  openWindow(comingWindows({ windows }, ms, days), ms) !== undefined;

describe('the windows of an appliance', () => {
  it("are the plan's own as long as it has any to come", () => {
    expect(comingWindows({ windows: nights(3) }, nightMs, 7)).toEqual(nights(3));
    expect(comingWindows(undefined, nightMs, 7)).toEqual([]);
    expect(comingWindows({ windows: [] }, nightMs, 7)).toEqual([]);
  });

  it('repeat the last day for some days and no longer, an hour shorter at both ends', () => {
    const windows = nights(2);
    const inNight = (day: number, hour: number): number => nightMs + day * DAY_MS + hour * HOUR_MS;
    expect([0.5, 1.5, 3, 4.5, 5.5].map((hour) => isOpen(windows, inNight(4, hour)))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    expect([1, 2, 8, 9].map((day) => isOpen(windows, inNight(day, 3)))).toEqual([true, true, true, false]);
    expect(isOpen(windows, inNight(3, 3), 0)).toBe(false);
  });

  it("are never open outside the site's hours, in the nights in which clocks jump either", () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Tokyo']) {
      const starts = localStartTimes(zone, '02:30', Date.UTC(2030, 0, 1), 365);
      for (let day = 0; day + 9 < starts.length; day += 1) {
        const windows = starts.slice(day, day + 1).map((startsAtMs) => ({
          startsAtMs,
          endsAtMs: startsAtMs + 5 * HOUR_MS,
          fillBitsPerSec: 1,
        }));
        const later = comingWindows({ windows }, starts[day + 6]! - HOUR_MS, 7).slice(1);
        for (const window of later) {
          const real = starts.find(
            (startMs) => startMs <= window.startsAtMs && window.startsAtMs < startMs + DAY_MS / 2,
          );
          expect(real).toBeDefined();
          expect(window.endsAtMs).toBeLessThanOrEqual(real! + 5 * HOUR_MS);
        }
        expect(later.length).toBeGreaterThan(0);
      }
    }
  });

  it('leave nothing of hours that are too short to be sure of, such as those opened by hand', () => {
    const [night] = nights(1);
    expect(isOpen([{ ...night!, endsAtMs: nightMs + 2 * HOUR_MS }], nightMs + DAY_MS + HOUR_MS)).toBe(false);
  });
});
