import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOT_PACED, pacingBytesPerSec } from '../../../../appliance/fast-path/wire/pacing.ts';

/** 8000 kbit/s are a million bytes per second. */
const TOP = 1_000_000;
/** Rates go up in steps of a quarter of a doubling. */
const STEP = 2 ** 0.25;

describe('how fast a player is sent to', () => {
  it.each<[string, string, number]>([
    ['an empty buffer gets three times the bitrate', 'br=8000,bl=0', 3 * TOP],
    ['a full one half as much', 'br=8000,bl=30000', 1.5 * TOP],
    ['more than full is full', 'br=8000,bl=90000', 1.5 * TOP],
    ['in between, in between', 'br=8000,bl=15000', 2.25 * TOP],
    ['one that ran empty is empty', 'br=8000,bl=20000,bs', 3 * TOP],
    ['so is one that starts', 'br=8000,bl=20000,su', 3 * TOP],
    ['what the player wants at most counts', 'br=8000,bl=0,rtp=16000', 2 * TOP],
    ['but not below what playing needs', 'br=8000,bl=20000,rtp=100', 1.5 * TOP],
    ['nor when the buffer ran empty', 'br=8000,bs,rtp=100', 3 * TOP],
    ['it counts without a bitrate, too', 'rtp=8000', TOP],
  ])('%s', (_what, cmcd, bytesPerSec) => {
    const rate = pacingBytesPerSec(cmcd);
    expect(rate).toBeGreaterThanOrEqual(bytesPerSec);
    expect(rate).toBeLessThanOrEqual(bytesPerSec * STEP + 1);
  });

  it.each([undefined, '', 'bl=1000', 'br="x', 'br=0', 'v=9,br=8000'])('nothing is known from %j', (cmcd) => {
    expect(pacingBytesPerSec(cmcd)).toBe(NOT_PACED);
  });

  it('is a number that the kernel takes, whatever the player says, and never below its bitrate', () => {
    const number = fc.integer({ min: 0, max: 999_999_999_999 });
    fc.assert(
      fc.property(number, number, number, fc.boolean(), (br, rtp, bl, isStarved) => {
        const rate = pacingBytesPerSec(`br=${br},rtp=${rtp},bl=${bl}${isStarved ? ',bs' : ''}`);
        expect(Number.isInteger(rate)).toBe(true);
        expect(rate).toBeGreaterThan(0);
        expect(rate).toBeLessThanOrEqual(NOT_PACED);
        expect(rate).toBeGreaterThanOrEqual(Math.min(NOT_PACED, br * 125));
      }),
    );
  });
});
