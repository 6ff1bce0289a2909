import { describe, expect, it } from 'vitest';
import { forecastFill, type MissingFile } from '../../../../appliance/fill/pace/forecast-fill.ts';
import type { FillWindow } from '../../../../src/contracts/fill-plan.ts';

const MB = 1e6;
/** 1 MB a second. */
const RATE = 8e6;
const window = (fromSec: number, toSec: number, more: Partial<FillWindow> = {}): FillWindow => ({
  startsAtMs: fromSec * 1000,
  endsAtMs: toSec * 1000,
  fillBitsPerSec: RATE,
  ...more,
});
const files = (...given: readonly [number, number][]): MissingFile[] =>
  given.map(([mb, value], priority) => ({ priority, bytes: mb * MB, value }));
const forecast = (windows: FillWindow[], missing: MissingFile[], measuredBytesPerSec?: number) =>
  forecastFill({ nowMs: 0, windows, measuredBytesPerSec, missing });

describe('the forecast of a fill', () => {
  it('ends when the bytes are through at the rate that was measured', () => {
    expect(forecast([window(-10, 100)], files([20, 5], [10, 1]), 0.5 * MB)).toEqual({
      endsAtMs: 60_000,
      window: { endsAtMs: 100_000, bytes: 30 * MB, value: 6 },
      isMeasured: true,
    });
  });

  it('never promises more than the window allows, and says when nothing was measured', () => {
    expect(forecast([window(0, 100)], files([30, 1]), 9 * MB).endsAtMs).toBe(30_000);
    expect(forecast([window(0, 100)], files([30, 1]))).toMatchObject({ endsAtMs: 30_000, isMeasured: false });
  });

  it('says what is there when the window closes on it: the best first, and files by their part', () => {
    const { endsAtMs, window: first } = forecast([window(0, 25)], files([20, 90], [10, 8], [10, 2]));
    expect(endsAtMs).toBeUndefined();
    expect(first?.endsAtMs).toBe(25_000);
    expect(first?.bytes).toBeCloseTo(25 * MB);
    expect(first?.value).toBeCloseTo(94);
  });

  it('goes on in the windows after it', () => {
    expect(forecast([window(0, 10), window(100, 110), window(200, 300)], files([25, 1])).endsAtMs).toBe(205_000);
  });

  it('follows rates that change within a window, and what comes from peers beside the link', () => {
    const rates = [
      { fromMs: 10_000, fillBitsPerSec: 0 },
      { fromMs: 30_000, fillBitsPerSec: 2 * RATE },
    ];
    expect(forecast([window(0, 100, { rates })], files([20, 1])).endsAtMs).toBe(35_000);
    expect(forecast([window(0, 100, { rates, peerBitsPerSec: RATE / 2 })], files([20, 1])).endsAtMs).toBe(20_000);
  });

  it('counts only what is urgent in a window for that', () => {
    const windows = [window(0, 100, { lastPriority: 0 }), window(200, 300)];
    expect(forecast(windows, files([10, 1], [10, 1]))).toMatchObject({
      endsAtMs: 210_000,
      window: { bytes: 10 * MB },
    });
  });

  it('is over at once when nothing is missing, and not in sight without windows', () => {
    expect(forecast([window(0, 9)], []).endsAtMs).toBe(0);
    expect(forecast([], files([1, 1]))).toEqual({ endsAtMs: undefined, window: undefined, isMeasured: false });
  });
});
