import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectNext, fitDecay, type LevelFacts } from '../../../../fill-planner/demand/models/age-decay.ts';
import { expectDensity, fitDensity, type TitleFacts } from '../../../../fill-planner/demand/models/cold-start.ts';
import { chanceOf, fitListChances, type ListFacts } from '../../../../fill-planner/demand/models/regional-list.ts';

const level = (at: number, ageWeeks: number, scale = 1): LevelFacts => ({
  level: at * scale,
  before: [],
  firstLevel: at * scale,
  peakLevel: at * scale,
  ageWeeks,
  firstAgeWeeks: ageWeeks,
  weeksSince: 1,
  weeksSeen: 1,
  isSeries: ageWeeks % 2 === 0,
  isMainLanguage: true,
  list: {
    rank: 5,
    median: 5 * scale,
    lowest: scale,
    highest: 10 * scale,
    below: 4 * scale,
    newTitles: 3,
    secondWeekTitles: 2,
    newTitlesAbove: 1,
    change: 1,
    changeOfAll: 1,
  },
  isHolidayAhead: false,
});

/** Series halve, films fall to a fifth. */
const falling = (scale = 1) =>
  Array.from({ length: 400 }, (_, index) => {
    const facts = level(1 + (index % 9), 1 + (index % 6), scale);
    return { facts, next: facts.level * (facts.isSeries ? 0.5 : 0.2) };
  });

const title = (facts: Partial<TitleFacts>): TitleFacts => ({
  isSeries: false,
  isGlobal: true,
  season: 0,
  runtimeHours: 2,
  standsAlone: true,
  show: { others: 0, coming: 0, seasons: 1, behind: 0 },
  ...facts,
});

describe('age decay', () => {
  test('learns who halves and who falls to a fifth', () => {
    const model = fitDecay(falling());
    expect(expectNext(model, level(4, 2))).toBeCloseTo(2, 1);
    expect(expectNext(model, level(4, 3))).toBeCloseTo(0.8, 1);
  });

  test('gives the same shares whatever the unit', () => {
    const one = fitDecay(falling());
    const other = fitDecay(falling(1e6));
    for (let age = 1; age < 20; age++) {
      const ratio = expectNext(other, level(4, age, 1e6)) / 1e6 / expectNext(one, level(4, age));
      expect(Math.abs(ratio - 1)).toBeLessThan(1e-6);
    }
  });

  test('is positive and finite for any facts', () => {
    const model = fitDecay(falling());
    const any = fc.double({ min: 1e-3, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(any, any, fc.integer({ min: 1, max: 500 }), (now, before, age) => {
        const expected = expectNext(model, { ...level(now, age), before: [before, undefined, now] });
        expect(Number.isFinite(expected)).toBe(true);
        expect(expected).toBeGreaterThan(0);
      }),
    );
  });

  test('without anything to learn from expects what was', () => {
    expect(expectNext(fitDecay([]), level(4, 1))).toBe(4);
  });

  test('a title that nobody watched any more is a sample like others', () => {
    const gone = falling().map((sample) => ({ ...sample, next: 0 }));
    expect(expectNext(fitDecay(gone), level(4, 2))).toBeLessThan(0.05);
  });
});

describe('density of the coming period', () => {
  const samples = Array.from({ length: 400 }, (_, index) => ({
    facts: title({ lastDensity: 1 + (index % 10), ageYears: 1 + (index % 4) }),
    density: (1 + (index % 10)) / 2,
  }));

  test('rises with the last density', () => {
    const model = fitDensity(samples);
    const at = [1, 3, 5, 8].map((lastDensity) => expectDensity(model, title({ lastDensity, ageYears: 2 })));
    expect(at).toEqual(at.toSorted((a, b) => a - b));
    expect(at[3]).toBeGreaterThan(2 * (at[0] ?? 0));
  });

  test('of a new season is higher where the show was watched more', () => {
    const season = (best: number): TitleFacts =>
      title({ ageYears: -0.1, season: 2, show: { others: 1, best, mean: best, coming: 0, seasons: 2, behind: 0 } });
    const model = fitDensity(
      Array.from({ length: 400 }, (_, index) => ({
        facts: season(1 + (index % 10)),
        density: 2 * (1 + (index % 10)),
      })),
    );
    expect(expectDensity(model, season(9))).toBeGreaterThan(2 * expectDensity(model, season(2)));
  });

  test('is the last one, and nothing for a new title, before anything was learned', () => {
    const model = fitDensity([]);
    expect(expectDensity(model, title({ lastDensity: 3 }))).toBe(3);
    expect(expectDensity(model, title({}))).toBe(0);
  });
});

test('the chance of a regional list learns that the upper half stays', () => {
  const facts = (rank: number): ListFacts => ({
    isSeries: false,
    own: { ranks: [rank], bestRank: rank, ageWeeks: 1, weeksListed: 1, newTitles: 1, keptShare: 0.6 },
    world: {
      strengths: [0.2, 0.2, 0.2],
      counts: [5, 5, 5],
      firstRanks: 0,
      ageWeeks: 1,
      weeksSinceFirst: 0,
    },
    nearby: {
      strength: 0.2,
      strengthBefore: 0.2,
      closest: 0.2,
      thisWeek: 0.2,
      listed: 0.2,
      listedBefore: 0.2,
      entered: 0,
      left: 0,
    },
  });
  const samples = Array.from({ length: 1000 }, (_, index) => ({
    facts: facts(1 + (index % 10)),
    isOnNextList: index % 10 < 5,
  }));
  const model = fitListChances(samples);
  expect(chanceOf(model, facts(1))).toBeGreaterThan(0.8);
  expect(chanceOf(model, facts(10))).toBeLessThan(0.2);
});
