import { describe, expect, test } from 'vitest';
import { fillWindows, restartWindow } from '../../../fill-planner/schedule/fill-window.ts';
import { localStartTimes } from '../../../src/world/local-times.ts';

const HOUR_MS = 3_600_000;
const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC'];
// In the gap and in the repeated hour of every zone above, and ordinary times.
const WALL_TIMES = ['02:00', '02:15', '02:30', '01:30', '01:45', '00:00', '23:30', '03:00'];

interface WallClock {
  readonly date: string;
  readonly minutes: number;
}

/** What a clock on the wall shows: an oracle that shares nothing with the code under test. */
function wallClock(timeZone: string): (ms: number) => WallClock {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  return (ms) => {
    const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    return {
      date: `${part['year']}-${part['month']}-${part['day']}`,
      minutes: Number(part['hour']) * 60 + Number(part['minute']),
    };
  };
}

const minutesOf = (wallTime: string): number => Number(wallTime.slice(0, 2)) * 60 + Number(wallTime.slice(3));

/** How many minutes the clock jumped over just before this instant: 0 on all days but one. */
function jumpedMinutes(clock: (ms: number) => WallClock, ms: number): number {
  const before = clock(ms - 60_000);
  const at = clock(ms);
  return before.date === at.date ? at.minutes - before.minutes - 1 : 0;
}

describe.each(ZONES)('start times in %s', (timeZone) => {
  test.each(WALL_TIMES)('every local day of two years has exactly one start at %s', (wallTime) => {
    const clock = wallClock(timeZone);
    const startMs = Date.UTC(2027, 0, 1, 12);
    const starts = localStartTimes(timeZone, wallTime, startMs, 730);
    const days = starts.map((ms) => clock(ms).date);
    expect(new Set(days).size).toBe(730);
    const firstDayMs = Date.parse(`${days[0]}T00:00:00Z`);
    days.forEach((day, index) => {
      expect(Date.parse(`${day}T00:00:00Z`)).toBe(firstDayMs + index * 24 * HOUR_MS);
    });
    const wanted = minutesOf(wallTime);
    for (const ms of starts) {
      const shown = clock(ms).minutes;
      if (shown === wanted) continue;
      // Only where the clock skipped the wanted time, and then at the first minute after the gap.
      const skipped = jumpedMinutes(clock, ms);
      expect(skipped).toBeGreaterThan(0);
      expect(wanted).toBeGreaterThanOrEqual(shown - skipped);
      expect(wanted).toBeLessThan(shown);
    }
  });

  test('a time that the clock shows twice starts one window, at its first showing', () => {
    const clock = wallClock(timeZone);
    for (const wallTime of WALL_TIMES) {
      for (const ms of localStartTimes(timeZone, wallTime, Date.UTC(2027, 0, 1), 365)) {
        if (clock(ms).minutes !== minutesOf(wallTime)) continue;
        for (const shiftMinutes of [30, 60]) {
          expect(clock(ms - shiftMinutes * 60_000)).not.toEqual(clock(ms));
        }
      }
    }
  });

  test('every window of a year is as long in real time as it says', () => {
    const starts = localStartTimes(timeZone, '02:15', Date.UTC(2027, 0, 1), 366);
    const windows = fillWindows({ startsAtMs: starts, hours: 12, fillBitsPerSec: 1e6, nowMs: Date.UTC(2027, 0, 1) });
    expect(windows).toHaveLength(366);
    windows.forEach(({ startsAtMs, endsAtMs }) => {
      expect(endsAtMs - startsAtMs).toBe(12 * HOUR_MS);
    });
  });

  test('windows of a whole day follow each other without overlap, also on the short day', () => {
    const starts = localStartTimes(timeZone, '02:30', Date.UTC(2027, 0, 1), 366);
    const windows = fillWindows({ startsAtMs: starts, hours: 24, fillBitsPerSec: 1e6, nowMs: Date.UTC(2027, 0, 1) });
    windows.slice(1).forEach((window, index) => {
      expect(window.startsAtMs).toBeGreaterThanOrEqual(windows[index]?.endsAtMs ?? 0);
    });
  });
});

describe('windows', () => {
  const regular = { startsAtMs: [0, 24 * HOUR_MS], hours: 4, fillBitsPerSec: 5, nowMs: HOUR_MS };

  test('a window that is over is not planned, one that is open is', () => {
    expect(fillWindows({ ...regular, nowMs: HOUR_MS }).map(({ startsAtMs }) => startsAtMs)).toEqual([0, 24 * HOUR_MS]);
    expect(fillWindows({ ...regular, nowMs: 4 * HOUR_MS }).map(({ startsAtMs }) => startsAtMs)).toEqual([24 * HOUR_MS]);
  });

  test('a window opened by hand is cut out of the regular one around it', () => {
    const openedByHand = { startsAtMs: HOUR_MS, endsAtMs: 2 * HOUR_MS };
    const windows = fillWindows({ ...regular, openedByHand });
    expect(windows.map(({ startsAtMs, endsAtMs }) => [startsAtMs / HOUR_MS, endsAtMs / HOUR_MS])).toEqual([
      [1, 2],
      [2, 4],
      [24, 28],
    ]);
  });

  test('a window opened by hand that swallows regular ones replaces them', () => {
    const openedByHand = { startsAtMs: HOUR_MS, endsAtMs: 30 * HOUR_MS };
    expect(fillWindows({ ...regular, openedByHand })).toEqual([{ ...openedByHand, fillBitsPerSec: 5 }]);
  });

  test('a plan that changes in an open window restarts it and no other', () => {
    const windows = fillWindows(regular);
    const restarted = restartWindow(windows, 2 * HOUR_MS);
    expect(restarted[0]).toEqual({ startsAtMs: 2 * HOUR_MS, endsAtMs: 4 * HOUR_MS, fillBitsPerSec: 5 });
    expect(restarted.slice(1)).toEqual(windows.slice(1));
    expect(restartWindow(windows, 10 * HOUR_MS)).toEqual(windows);
  });
});
