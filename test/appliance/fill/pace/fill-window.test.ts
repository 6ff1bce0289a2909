import { describe, expect, it } from 'vitest';
import { openWindow, untilNextWindowMs } from '../../../../appliance/fill/pace/fill-window.ts';

const window = (startsAtMs: number, endsAtMs: number, fillBitsPerSec = 1e6) => ({
  startsAtMs,
  endsAtMs,
  fillBitsPerSec,
});

describe('the open fill window', () => {
  it('is open from its start until just before its end', () => {
    const windows = [window(100, 200)];
    expect(openWindow(windows, 99)).toBeUndefined();
    expect(openWindow(windows, 100)).toBe(windows[0]);
    expect(openWindow(windows, 199)).toBe(windows[0]);
    expect(openWindow(windows, 200)).toBeUndefined();
  });

  it('is the one that began last where several overlap', () => {
    const windows = [window(150, 300, 5), window(100, 400, 9)];
    expect(openWindow(windows, 200)).toBe(windows[0]);
    expect(openWindow(windows, 350)).toBe(windows[1]);
  });

  it('never opens when it ends before it begins', () => {
    expect(openWindow([window(200, 100)], 150)).toBeUndefined();
    expect(untilNextWindowMs([window(200, 100)], 50)).toBeUndefined();
  });
});

describe('the wait for the next fill window', () => {
  it('is until the nearest start that is still to come', () => {
    expect(untilNextWindowMs([window(100, 200), window(900, 950), window(500, 600)], 300)).toBe(200);
  });

  it('is nothing that can be told when no window is left', () => {
    expect(untilNextWindowMs([window(100, 200)], 300)).toBeUndefined();
  });
});
