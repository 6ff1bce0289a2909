import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type EfficiencyHour,
  evidenceAgainst,
  judgeHour,
  NEW_EFFICIENCY_TEST,
} from '../../../fill-planner/rollout/efficiency-test.ts';

const TOLERANCE = 0.01;
const ALPHA = 0.01;

/** A generator of its own, so that a thousand replays cost no time and are the same on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** An hour of two plans that are equally good on average: what differs comes in lumps of a few titles. */
function fairHour(random: () => number): EfficiencyHour {
  const servedBytes = 1e12 * (0.1 + random());
  const lump = servedBytes * 0.2 * random() ** 3;
  const isLoss = random() < 0.5;
  return { servedBytes, lostBytes: isLoss ? lump : 0, wonBytes: isLoss ? 0 : lump };
}

/** Hours until it is proven, of at most so many. */
function provenAfter(hours: number, hourOf: () => EfficiencyHour): number | undefined {
  let judged = NEW_EFFICIENCY_TEST;
  for (let hour = 1; hour <= hours; hour += 1) {
    judged = judgeHour(judged, hourOf(), TOLERANCE);
    if (evidenceAgainst(judged) >= 1 / ALPHA) return hour;
  }
  return undefined;
}

describe('the test of efficiency', () => {
  test('looked at every hour for a month, goes back from equal plans at most once in a hundred times', () => {
    const returns = Array.from({ length: 1000 }, (_, seed) => {
      const random = randomFrom(seed + 1);
      return provenAfter(720, () => fairHour(random));
    }).filter((hour) => hour !== undefined);
    expect(returns.length).toBeLessThanOrEqual(10);
  });

  test('a comparison of shares that is looked at as often would go back from nearly all of them', () => {
    let returns = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomFrom(seed);
      let [losses, hours] = [0, 0];
      for (let hour = 0; hour < 720; hour += 1) {
        const { lostBytes, wonBytes } = fairHour(random);
        losses += Number(lostBytes > wonBytes);
        hours += 1;
        // One-sided at one per cent, from the tenth hour on.
        if (hours >= 10 && (losses - hours / 2) / Math.sqrt(hours / 4) > 2.33) {
          returns += 1;
          break;
        }
      }
    }
    expect(returns / 200).toBeGreaterThan(0.05);
  });

  test('finds a plan that loses a fifth of the bytes within twelve hours, and a twentieth within a day', () => {
    const losing = (share: number) => () => ({ servedBytes: 1e12, lostBytes: share * 1e12, wonBytes: 0 });
    expect(provenAfter(12, losing(0.2))).toBeLessThanOrEqual(12);
    expect(provenAfter(24, losing(0.05))).toBeLessThanOrEqual(24);
  });

  test('never speaks against a plan that loses no more than it wins and the tolerance together', () => {
    const shares = fc.record({
      lost: fc.double({ min: 0, max: 1, noNaN: true }),
      won: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(shares, { minLength: 1, maxLength: 50 }), (hours) => {
        let judged = NEW_EFFICIENCY_TEST;
        for (const { lost, won } of hours) {
          const wonBytes = Math.max(won, lost - TOLERANCE) * 1e9;
          judged = judgeHour(judged, { servedBytes: 1e9, lostBytes: lost * 1e9, wonBytes }, TOLERANCE);
        }
        expect(evidenceAgainst(judged)).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  test('is not moved by an hour without traffic', () => {
    const quiet = judgeHour(NEW_EFFICIENCY_TEST, { servedBytes: 0, lostBytes: 0, wonBytes: 0 }, TOLERANCE);
    expect(quiet).toBe(NEW_EFFICIENCY_TEST);
    expect(evidenceAgainst(quiet)).toBe(1);
  });
});
