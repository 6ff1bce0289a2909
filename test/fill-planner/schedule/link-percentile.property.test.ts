import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { forecastLink } from '../../../fill-planner/schedule/link-forecast.ts';
import {
  allowedFill,
  billedLevel,
  billedRate,
  type LinkMonth,
} from '../../../fill-planner/schedule/link-percentile.ts';

const WEEK = 2016;
const DAY = 288;

/** A link's use over five minutes: an evening peak, a deep night, days that differ, noise. */
function linkUse(slots: number, options: { seed: number; noise: number; trend?: number }): Float64Array {
  let state = options.seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let daily = 1;
  return Float64Array.from({ length: slots }, (_, slot) => {
    if (slot % DAY === 0) daily = 1 + options.noise * (next() + next() - 1);
    const hour = (slot % DAY) / 12;
    const shape = 0.3 + 0.7 * Math.exp(-(((hour - 21 + 24) % 24 > 12 ? hour + 3 : hour - 21) ** 2) / 18);
    const drift = 1 + (options.trend ?? 0) * (slot / (4 * WEEK));
    return 8e9 * shape * daily * drift * (1 + options.noise * (next() - 0.5));
  });
}

describe('the billed level', () => {
  test('is the highest rate after the highest twentieth', () => {
    expect(billedRate(Float64Array.from({ length: 100 }, (_, at) => at + 1))).toBe(95);
    expect(billedRate(Float64Array.from([7]))).toBe(7);
    expect(billedRate(new Float64Array(0))).toBe(0);
  });

  test('does not rise by fill, whatever the month is like, when its own use comes as expected at the worst', () => {
    const slots = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(slots, fc.nat(200), fc.integer({ min: 0, max: 100 }), (use, cut, spread) => {
        const own = Float64Array.from(use);
        const now = Math.min(cut, own.length);
        const expected = own.slice(now);
        const deviation = expected.map(() => spread);
        // The use itself is anywhere within three deviations of what was expected.
        const real = own.map((each, at) =>
          at < now ? each : Math.max(0, each + ((at * 7919) % (6 * spread + 1)) - 3 * spread),
        );
        const month: LinkMonth = {
          past: own.slice(0, now),
          expected,
          deviation,
          committedBitsPerSec: 0,
          capacityBitsPerSec: 1e9,
        };
        const fill = allowedFill(month);
        const filled = real.map((each, at) => each + (at < now ? 0 : (fill[at - now] ?? 0)));
        expect(billedRate(filled)).toBe(billedRate(real));
      }),
    );
  });

  test('leaves what is committed free to use, and no more than fits through the link', () => {
    const month: LinkMonth = {
      past: new Float64Array(0),
      expected: Float64Array.from([10, 50, 0]),
      deviation: new Float64Array(3),
      committedBitsPerSec: 100,
      capacityBitsPerSec: 60,
    };
    expect([...allowedFill(month)]).toEqual([50, 10, 60]);
  });

  test('of a month of which nothing is known nothing is filled', () => {
    const { expected, deviation } = forecastLink(new Float64Array(0), 5);
    const month = {
      past: new Float64Array(3).fill(Number.NaN),
      expected,
      deviation,
      committedBitsPerSec: 0,
      capacityBitsPerSec: 1e9,
    };
    expect([...allowedFill(month)]).toEqual([0, 0, 0, 0, 0]);
  });

  test.each([1, 4, 6])(
    'is kept through a noisy month, planned anew every third day, and the nights are used (%i)',
    (seed) => {
      const all = linkUse(8 * WEEK, { seed, noise: 0.15 });
      const start = 4 * WEEK;
      const slots = 30 * DAY;
      const own = all.slice(start, start + slots);
      const filled = own.slice();
      let fillBits = 0;
      for (let now = 0; now < slots; now += 3 * DAY) {
        const forecast = forecastLink(all.slice(0, start + now), slots - now);
        const fill = allowedFill({
          past: own.slice(0, now),
          ...forecast,
          committedBitsPerSec: 0,
          capacityBitsPerSec: 10e9,
        });
        for (let slot = now; slot < Math.min(slots, now + 3 * DAY); slot += 1) {
          filled[slot] = (own[slot] ?? 0) + (fill[slot - now] ?? 0);
          fillBits += (fill[slot - now] ?? 0) * 300;
        }
      }
      expect(billedRate(filled)).toBeLessThanOrEqual(billedRate(own));
      // Half of what a link with these nights has to give.
      const billed = billedRate(own);
      const room = own.reduce((sum, use) => sum + Math.max(0, billed - use) * 300, 0);
      expect(fillBits / room).toBeGreaterThan(0.5);
    },
  );

  test('is surer the more of the month is over', () => {
    const own = linkUse(30 * DAY, { seed: 5, noise: 0.1 });
    const levels = [5, 15, 25].map((day) =>
      billedLevel({
        past: own.slice(0, day * DAY),
        expected: own.slice(day * DAY),
        deviation: own.slice(day * DAY).map((use) => use * 0.3),
        committedBitsPerSec: 0,
        capacityBitsPerSec: 10e9,
      }),
    );
    expect(levels).toEqual(levels.toSorted((a, b) => a - b));
    expect(levels[2]).toBeLessThanOrEqual(billedRate(own));
  });
});

describe('the forecast of a link', () => {
  test('is the median of the same slot of the weeks before', () => {
    const history = Float64Array.from({ length: 3 * WEEK }, (_, slot) => [100, 900, 110][Math.floor(slot / WEEK)] ?? 0);
    const { expected, deviation } = forecastLink(history, 2);
    expect([...expected]).toEqual([110, 110]);
    expect(deviation[0]).toBeCloseTo(14.8, 1);
  });

  test('of a slot that was never measured is the highest use that ever was', () => {
    const history = new Float64Array(WEEK).fill(5);
    history[0] = Number.NaN;
    history[9] = 70;
    expect([...forecastLink(history, 2).expected]).toEqual([70, 5]);
  });
});
