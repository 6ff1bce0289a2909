import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Launch } from '../../../../fill-planner/calendar/calendar-facts.ts';
import { predictRegions, type RegionsInput } from '../../../../fill-planner/demand/predict/predict-regions.ts';
import type { DemandRow } from '../../../../fill-planner/demand/predict/tally-demand.ts';
import type { RenditionFacts } from '../../../../fill-planner/plan/plan-facts.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.UTC(2030, 0, 20);
const RATE = 4e6;
const SIZE = 1e9;

const rendition = (id: string, ageDays: number, change: Partial<RenditionFacts> = {}): RenditionFacts => ({
  id,
  titleId: id.split('/')[0] ?? id,
  isManifest: false,
  sizeBytes: SIZE,
  bitsPerSec: RATE,
  durationSec: (SIZE * 8) / RATE,
  headBytes: 0,
  availableAtMs: NOW_MS - ageDays * DAY_MS,
  ...change,
});

/** Rows by the hour, as many bytes in each. */
const hours = (renditionId: string, region: string, days: number, servedBytes: number, daysAgo = 0): DemandRow[] =>
  Array.from({ length: days * 24 }, (_, index) => ({
    renditionId,
    region,
    startMs: NOW_MS - daysAgo * DAY_MS - (index + 1) * HOUR_MS,
    spanHours: 1,
    servedBytes,
  }));

const predict = (change: Partial<RegionsInput>) => {
  const input: RegionsInput = { nowMs: NOW_MS, renditions: [], regions: ['de'], history: [], ...change };
  const predicted = predictRegions(input);
  return (region: string, id: string): number =>
    predicted.get(region)?.expectedBytes[input.renditions.findIndex((each) => each.id === id)] ?? Number.NaN;
};

const launch = (titleId: string, change: Partial<Launch> = {}): Launch => ({
  titleId,
  region: undefined,
  startsAtMs: NOW_MS + 12 * HOUR_MS,
  expected: undefined,
  isEmbargoed: false,
  ...change,
});

describe('the day ahead', () => {
  test('of steady demand for an old title is close to the days before', () => {
    const perHour = SIZE;
    const of = predict({ renditions: [rendition('x/1', 600)], history: hours('x/1', 'de', 28, perHour) });
    expect(of('de', 'x/1')).toBeGreaterThan(0.93 * 24 * perHour);
    expect(of('de', 'x/1')).toBeLessThan(1.07 * 24 * perHour);
  });

  test('of titles that were added after they were watched (a catalogue made anew) is close to what was watched', () => {
    const names = ['x/1', 'y/1', 'z/1'];
    const renditions = names.map((id) => rendition(id, 0));
    const of = predict({ renditions, history: names.flatMap((id) => hours(id, 'de', 2, SIZE)) });
    for (const id of names) {
      expect(of('de', id)).toBeGreaterThan(0.5 * 24 * SIZE);
      expect(of('de', id)).toBeLessThan(1.5 * 24 * SIZE);
    }
  });

  test('of a title that halves every week goes on falling, where others of its age did', () => {
    const names = Array.from({ length: 60 }, (_, index) => `t${index}/1`);
    const history = names.flatMap((id, index) =>
      Array.from({ length: 14 + (index % 12) }, (_day, daysAgo) =>
        hours(id, 'de', 1, 40 * SIZE * 2 ** ((daysAgo - 14 - (index % 12)) / 7), daysAgo),
      ).flat(),
    );
    const renditions = names.map((id, index) => rendition(id, 14 + (index % 12)));
    const of = predict({ renditions, history });
    const lastDay = 24 * 40 * SIZE * 2 ** (-20 / 7);
    const expected = lastDay * 2 ** (-1 / 7);
    expect(of('de', 't6/1') / expected).toBeGreaterThan(0.9);
    expect(of('de', 't6/1') / expected).toBeLessThan(1.2);
  });

  test('of a small region borrows from the others, and of a region that disagrees does not', () => {
    const renditions = ['hit/1', 'flop/1', 'base/1'].map((id) => rendition(id, 100));
    const history = [
      ...['big', 'other', 'small'].flatMap((region) => hours('base/1', region, 28, SIZE / 500)),
      ...hours('hit/1', 'big', 28, 20 * SIZE),
      ...hours('flop/1', 'other', 28, 5 * SIZE),
    ];
    const of = predict({ renditions, regions: ['big', 'small', 'other'], history });
    expect(of('small', 'hit/1')).toBeGreaterThan(1.3 * of('small', 'flop/1'));
    expect(of('other', 'flop/1')).toBeGreaterThan(10 * of('other', 'hit/1'));
  });

  test('follows the weekday', () => {
    const names = Array.from({ length: 40 }, (_, index) => `t${index}/1`);
    const renditions = names.map((id) => rendition(id, 600));
    const weekly = names.flatMap((id) =>
      Array.from({ length: 28 }, (_, daysAgo) => ({
        renditionId: id,
        region: 'de',
        startMs: NOW_MS - (daysAgo + 1) * DAY_MS,
        spanHours: 24,
        servedBytes: (daysAgo % 7 === 6 ? 300 : 100) * SIZE,
      })),
    );
    const of = predict({ renditions, history: weekly });
    expect(of('de', 't0/1')).toBeGreaterThan(250 * SIZE);
  });
});

describe('what has no history', () => {
  const known = Array.from({ length: 8 }, (_, index) => rendition(`old${index}/1`, 10 + index));
  const history = known.flatMap(({ id }, index) => hours(id, 'de', 9, (1 + index) * SIZE));

  test('launches as titles of the region do, from two days before its start', () => {
    const renditions = [...known, rendition('soon/1', -1), rendition('later/1', -5)];
    const of = predict({ renditions, history });
    expect(of('de', 'later/1')).toBe(0);
    expect(of('de', 'soon/1')).toBeGreaterThan(of('de', 'old0/1'));
  });

  test('is what the calendar says, divided as the regions are', () => {
    const renditions = [...known, rendition('new/1', -0.5)];
    const both = [...history, ...hours('old1/1', 'fr', 9, 8 * SIZE)];
    const launches = [launch('new', { expected: { by: 'bytes', bytesPerDay: 500 * SIZE } })];
    const of = predict({ renditions, regions: ['de', 'fr'], history: both, launches });
    expect((of('de', 'new/1') + of('fr', 'new/1')) / (500 * SIZE)).toBeCloseTo(1, 0);
    expect(of('de', 'new/1')).toBeGreaterThan(of('fr', 'new/1'));
    const named = [launch('new', { region: 'fr', expected: { by: 'bytes', bytesPerDay: 900 * SIZE } })];
    const ofFrance = predict({ renditions, regions: ['de', 'fr'], history: both, launches: named });
    expect(ofFrance('fr', 'new/1') / (900 * SIZE)).toBeCloseTo(1, 0);
  });

  test('is like the title that the calendar names, per stored byte', () => {
    const renditions = [...known, rendition('new/1', -0.5, { sizeBytes: 2 * SIZE })];
    const like = (titleId: string, factor: number) =>
      predict({
        renditions,
        history,
        launches: [launch('new', { expected: { by: 'like', titleId, factor } })],
      })('de', 'new/1');
    expect(like('old7', 1) / like('old0', 1)).toBeGreaterThan(4);
    expect(like('old7', 3) / like('old7', 1)).toBeCloseTo(3, 5);
    expect(like('nobody', 3)).toBe(predict({ renditions, history })('de', 'new/1'));
  });

  test('is believed less than counts, once there are some', () => {
    const renditions = [...known, rendition('new/1', 2)];
    const launches = [
      launch('new', { startsAtMs: NOW_MS - 2 * DAY_MS, expected: { by: 'bytes', bytesPerDay: 1e4 * SIZE } }),
    ];
    const of = predict({ renditions, history: [...history, ...hours('new/1', 'de', 2, SIZE)], launches });
    expect(of('de', 'new/1')).toBeLessThan(50 * SIZE);
  });

  test('ranks its rungs as viewers of the region use them', () => {
    const ladder = (title: string, age: number) =>
      [1, 2, 3].map((rung) => rendition(`${title}/${rung}`, age, { bitsPerSec: 1e6 * 2 ** rung }));
    const renditions = [...ladder('a', 30), ...ladder('b', -0.5)];
    const of = predict({
      renditions,
      history: [...hours('a/1', 'de', 20, SIZE), ...hours('a/2', 'de', 20, 9 * SIZE), ...hours('a/3', 'de', 20, SIZE)],
    });
    expect(of('de', 'b/2')).toBeGreaterThan(3 * of('de', 'b/1'));
    expect(of('de', 'b/2')).toBeGreaterThan(3 * of('de', 'b/3'));
  });
});

describe('how sure it is', () => {
  test('grows with what was counted', () => {
    const sureness = (perHour: number): number => {
      const predicted = predictRegions({
        nowMs: NOW_MS,
        renditions: [rendition('x/1', 60), rendition('y/1', 60)],
        regions: ['de'],
        history: [...hours('x/1', 'de', 20, perHour), ...hours('y/1', 'de', 20, perHour)],
      }).get('de');
      return (predicted?.deviationBytes[0] ?? Number.NaN) / (predicted?.expectedBytes[0] ?? Number.NaN);
    };
    expect(sureness(20 * SIZE)).toBeLessThan(0.3 * sureness(SIZE / 100));
    expect(sureness(20 * SIZE)).toBeGreaterThan(0.1);
  });

  test('the busiest hour is that of the region', () => {
    const evening = Array.from({ length: 20 }, (_, day) => ({
      renditionId: 'x/1',
      region: 'de',
      startMs: NOW_MS - (day + 1) * DAY_MS + 20 * HOUR_MS,
      spanHours: 1,
      servedBytes: 1e4 * SIZE,
    }));
    const predicted = predictRegions({
      nowMs: NOW_MS,
      renditions: [rendition('x/1', 60)],
      regions: ['de', 'fr'],
      history: evening,
    });
    const share = (region: string): number =>
      (predicted.get(region)?.peakHourBytes[0] ?? 0) / (predicted.get(region)?.expectedBytes[0] ?? 1);
    expect(share('de')).toBeGreaterThan(0.9);
    expect(share('fr')).toBeCloseTo(0.09, 5);
  });
});

test('rows of other regions, of the future and of what is gone change nothing', () => {
  const renditions = [rendition('a/1', 30), rendition('b/1', 3)];
  const own = hours('a/1', 'de', 20, SIZE);
  const noise = [
    ...hours('a/1', 'unknown', 20, 9 * SIZE),
    ...hours('gone/1', 'de', 20, 9 * SIZE),
    ...hours('b/1', 'de', 2, 9 * SIZE, -3),
  ];
  const input = { nowMs: NOW_MS, renditions, regions: ['de'] };
  expect(predictRegions({ ...input, history: [...own, ...noise] })).toEqual(predictRegions({ ...input, history: own }));
});

test('any history gives numbers', () => {
  const names = ['a/1', 'a/2', 'b/1', 'gone/1'];
  const row = fc.record({
    renditionId: fc.constantFrom(...names),
    region: fc.constantFrom('de', 'fr', 'unknown'),
    startMs: fc.integer({ min: -50, max: 900 }).map((hoursAgo) => NOW_MS - hoursAgo * HOUR_MS),
    spanHours: fc.constantFrom(1, 24),
    servedBytes: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 50 })),
  });
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 60 }),
      fc.double({ min: -10, max: 3000, noNaN: true }),
      fc.integer({ min: 0, max: 2 ** 45 }),
      (history, age, sizeBytes) => {
        const renditions = [
          rendition('a/1', age),
          rendition('a/2', age, { isManifest: true, sizeBytes, bitsPerSec: 0 }),
          rendition('b/1', 3),
        ];
        const predicted = predictRegions({ nowMs: NOW_MS, renditions, regions: ['de', 'fr', 'empty'], history });
        for (const { expectedBytes, deviationBytes, peakHourBytes } of predicted.values())
          for (const bytes of [...expectedBytes, ...deviationBytes, ...peakHourBytes]) {
            expect(Number.isFinite(bytes)).toBe(true);
            expect(bytes).toBeGreaterThanOrEqual(0);
          }
      },
    ),
    { numRuns: 60 },
  );
});
