import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectNext, fitDecay, type LevelFacts } from '../../../../fill-planner/demand/models/age-decay.ts';
import { expectDensity, fitDensity, type TitleFacts } from '../../../../fill-planner/demand/models/cold-start.ts';
import { chanceOf, fitListChances } from '../../../../fill-planner/demand/models/regional-list.ts';

const level = (at: number, ageWeeks: number, scale = 1): LevelFacts => ({
  level: at * scale,
  ageWeeks,
  isSeries: ageWeeks % 2 === 0,
  isMainLanguage: true,
  groupLevel: 5 * scale,
  isHolidayAhead: false,
  isHoliday: false,
});

const halving = (scale = 1) =>
  Array.from({ length: 60 }, (_, index) => ({
    facts: level(1 + (index % 9), 1 + (index % 6), scale),
    next: ((1 + (index % 9)) * scale) / 2,
  }));

const title = (facts: Partial<TitleFacts>): TitleFacts => ({
  isSeries: false,
  isGlobal: true,
  season: 0,
  hasNewSeason: false,
  runtimeHours: 2,
  ...facts,
});

describe('age decay', () => {
  test('learns that everything halves', () => {
    expect(expectNext(fitDecay(halving()), level(4, 3)).expected).toBeCloseTo(2, 1);
  });

  test('gives the same shares whatever the unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: -6, max: 9 }), fc.integer({ min: 1, max: 40 }), (power, age) => {
        const scale = 10 ** power;
        const one = expectNext(fitDecay(halving()), level(4, age)).expected;
        const other = expectNext(fitDecay(halving(scale)), level(4, age, scale)).expected / scale;
        expect(Math.abs(other / one - 1)).toBeLessThan(1e-6);
      }),
      { numRuns: 15 },
    );
  });

  test('is positive and finite, with the interval around it, for any facts', () => {
    const model = fitDecay(halving());
    const any = fc.double({ min: 1e-3, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(any, any, fc.integer({ min: 1, max: 500 }), fc.boolean(), (now, before, age, isHoliday) => {
        const { expected, low, high } = expectNext(model, {
          ...level(now, age),
          previousLevel: before,
          earlierLevel: now,
          isHoliday,
        });
        expect(Number.isFinite(expected)).toBe(true);
        expect(expected).toBeGreaterThan(0);
        expect(high).toBeGreaterThanOrEqual(low);
      }),
    );
  });

  test('without anything to learn from expects what was', () => {
    expect(expectNext(fitDecay([]), level(4, 1))).toEqual({ expected: 4, low: 1, high: 16 });
  });
});

describe('density of the coming period', () => {
  const samples = Array.from({ length: 80 }, (_, index) => ({
    facts: title({ lastDensity: 1 + (index % 10), ageYears: 1 + (index % 4) }),
    density: (1 + (index % 10)) / 2,
  }));

  test('rises with the last density', () => {
    const model = fitDensity(samples);
    const at = [1, 2, 4, 8].map((lastDensity) => expectDensity(model, title({ lastDensity, ageYears: 2 })));
    expect(at).toEqual(at.toSorted((a, b) => a - b));
    expect(at[0]).toBeLessThan(at[3] ?? 0);
  });

  test('of a new season is higher where the show was watched more', () => {
    const fresh = Array.from({ length: 80 }, (_, index) => ({
      facts: title({ ageYears: -0.1, season: 2, showDensity: 1 + (index % 10) }),
      density: 2 * (1 + (index % 10)),
    }));
    const model = fitDensity(fresh);
    const of = (showDensity: number): number => expectDensity(model, title({ ageYears: -0.1, season: 2, showDensity }));
    expect(of(9)).toBeGreaterThan(2 * of(2));
  });

  test('is the last one, and nothing for a new title, before anything was learned', () => {
    const model = fitDensity([]);
    expect(expectDensity(model, title({ lastDensity: 3 }))).toBe(3);
    expect(expectDensity(model, title({}))).toBe(0);
  });
});

test('the chance of a regional list learns that the upper half stays', () => {
  const facts = (rank: number) => ({
    rank,
    ageWeeks: 1,
    isSeries: false,
    everywhere: 0.2,
    everywhereBefore: 0.2,
    nearby: 0.2,
  });
  const samples = Array.from({ length: 100 }, (_, index) => ({
    facts: facts(1 + (index % 10)),
    isOnNextList: index % 10 < 5,
  }));
  const model = fitListChances(samples);
  expect(chanceOf(model, facts(1))).toBeGreaterThan(0.8);
  expect(chanceOf(model, facts(10))).toBeLessThan(0.2);
});
