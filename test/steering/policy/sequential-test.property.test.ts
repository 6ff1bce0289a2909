import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countBad, evidence, NEW_TEST, type SequentialTest } from '../../../steering/policy/sequential-test.ts';
import { seededRandom } from '../../support/fake-world.ts';

interface Trial {
  readonly share: number;
  readonly allowedRatio: number;
  /** How many times as often the cohort's sessions really go bad. */
  readonly ratio: number;
  readonly badSessions: number;
}

/** Looks after each bad session. @returns after how many it rolled back, or undefined */
function alarmAfter({ share, allowedRatio, ratio, badSessions }: Trial, seed: number, alpha: number) {
  const random = seededRandom(seed);
  const chance = (share * ratio) / (share * ratio + 1 - share);
  let state: SequentialTest = NEW_TEST;
  for (let at = 1; at <= badSessions; at += 1) {
    state = countBad(state, random.next() < chance, { share, allowedRatio });
    if (evidence(state) >= 1 / alpha) return at;
  }
  return undefined;
}

const alarmsOf = (trial: Trial, alpha: number, replays: number): number[] =>
  Array.from({ length: replays }, (_, seed) => alarmAfter(trial, seed + 1, alpha)).filter((at) => at !== undefined);

test('1,000 cohorts that are no worse, looked at after each of 2,000 bad sessions: at most one in a hundred alarms', () => {
  for (const share of [0.05, 0.5])
    expect(alarmsOf({ share, allowedRatio: 1.25, ratio: 1, badSessions: 2000 }, 0.01, 1000).length).toBeLessThanOrEqual(
      10,
    );
});

test('also when they are as bad as is tolerated, the worst case of what is no reason', () => {
  // The bound is 10 of 1,000; the margin is three standard deviations of counting so few.
  for (const share of [0.05, 0.5])
    expect(
      alarmsOf({ share, allowedRatio: 1.25, ratio: 1.25, badSessions: 2000 }, 0.01, 1000).length,
    ).toBeLessThanOrEqual(20);
});

test('with a cohort that is not worse, one more bad session never strengthens the evidence on average', () => {
  const shares = fc.double({ min: 0.001, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(
      shares,
      fc.double({ min: 1, max: 5, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.boolean(), { maxLength: 50 }),
      (share, allowedRatio, part, before) => {
        const comparison = { share, allowedRatio };
        const state = before.reduce((test, isCohort) => countBad(test, isCohort, comparison), NEW_TEST);
        const ratio = allowedRatio * part;
        const chance = (share * ratio) / (share * ratio + 1 - share);
        const expected =
          chance * evidence(countBad(state, true, comparison)) +
          (1 - chance) * evidence(countBad(state, false, comparison));
        expect(expected).toBeLessThanOrEqual(evidence(state) * (1 + 1e-9));
      },
    ),
    { numRuns: 2000 },
  );
});

test('what a naive test of two shares does with the same looks: more than one in ten alarms', () => {
  let alarms = 0;
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = seededRandom(seed);
    let ofCohort = 0;
    for (let at = 1; at <= 2000; at += 1) {
      ofCohort += Number(random.next() < 0.5);
      if (at >= 20 && (ofCohort - at / 2) / Math.sqrt(at / 4) > 2.326) {
        alarms += 1;
        break;
      }
    }
  }
  expect(alarms).toBeGreaterThan(30);
});

test('a cohort that goes bad three times as often is found within 200 bad sessions, nearly always', () => {
  const found = alarmsOf({ share: 0.5, allowedRatio: 1.25, ratio: 3, badSessions: 200 }, 0.01, 200);
  expect(found.length).toBeGreaterThanOrEqual(190);
});

test('a cohort that is better never alarms, however long it is looked at', () => {
  expect(alarmsOf({ share: 0.5, allowedRatio: 1.25, ratio: 0.8, badSessions: 5000 }, 0.01, 100)).toEqual([]);
});
