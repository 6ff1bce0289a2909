import { describe, expect, it } from 'vitest';
import { type ScrubPaceInput, scrubLimit, scrubRate } from '../../../../appliance/store/scrub/scrub-pace.ts';

const DAY_MS = 86_400_000;
const input: ScrubPaceInput = {
  heldBytes: 8e12,
  progress: 0,
  passBeganMsAgo: 0,
  periodMs: 30 * DAY_MS,
  sequentialBytesPerSec: 200e6,
  bulkShare: 1,
  isUrgent: false,
};

describe('the pace of a scrub', () => {
  it('is what a pass within nine tenths of its period takes', () => {
    expect(scrubRate(input)).toBeCloseTo(8e12 / (27 * 86_400), 0);
    expect(scrubRate({ ...input, progress: 0.5, passBeganMsAgo: 13.5 * DAY_MS })).toBeCloseTo(8e12 / (27 * 86_400), 0);
  });

  it('makes good for what viewers took, up to a twentieth of what the disk reads in a row', () => {
    expect(scrubRate({ ...input, progress: 0.1, passBeganMsAgo: 13 * DAY_MS })).toBeGreaterThan(scrubRate(input));
    expect(scrubRate({ ...input, progress: 0.1, passBeganMsAgo: 26.9 * DAY_MS })).toBe(10e6);
    expect(scrubRate({ ...input, progress: 0.1, passBeganMsAgo: 40 * DAY_MS })).toBe(10e6);
  });

  it('is the whole twentieth after a hit, of which viewers may take all', () => {
    expect(scrubRate({ ...input, isUrgent: true })).toBe(10e6);
    expect(scrubRate({ ...input, isUrgent: true, bulkShare: 0.25 })).toBe(2.5e6);
    expect(scrubRate({ ...input, isUrgent: true, bulkShare: 0 })).toBe(0);
    expect(scrubRate({ ...input, bulkShare: 0 })).toBe(0);
  });

  it('assumes a slow disk before one is measured, and spares the processor with a very quick one', () => {
    expect(scrubLimit(undefined)).toBe(4e6);
    expect(scrubLimit(7e9)).toBe(32 * 2 ** 20);
  });
});
