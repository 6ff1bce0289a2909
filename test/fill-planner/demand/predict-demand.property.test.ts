import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DemandHour, type PredictionInput, predictDemand } from '../../../fill-planner/demand/predict-demand.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.UTC(2030, 0, 20);

const file = (path: string, ageDays: number, sizeBytes = 1e6) => ({
  path,
  sizeBytes,
  addedAtMs: NOW_MS - ageDays * DAY_MS,
});

const hours = (path: string, region: string, days: number, servedBytes: number): DemandHour[] =>
  Array.from({ length: days * 24 }, (_, index) => ({
    path,
    region,
    hourStartMs: NOW_MS - (index + 1) * HOUR_MS,
    servedBytes,
  }));

const predict = (input: Partial<PredictionInput>) =>
  predictDemand({ nowMs: NOW_MS, files: [], regions: ['de'], history: [], ...input });

describe('predicted demand', () => {
  test('of a file with steady demand comes close to a day of it', () => {
    const predicted = predict({ files: [file('/x', 28)], history: hours('/x', 'de', 28, 5000) });
    expect(predicted.get('de')?.get('/x')).toBeGreaterThan(0.8 * 24 * 5000);
    expect(predicted.get('de')?.get('/x')).toBeLessThan(1.05 * 24 * 5000);
  });

  test('keeps regions apart and covers every file in every region', () => {
    const predicted = predict({
      files: [file('/x', 10), file('/y', 10)],
      regions: ['de', 'fr'],
      history: hours('/x', 'de', 10, 5000),
    });
    expect([...predicted.keys()]).toEqual(['de', 'fr']);
    for (const byPath of predicted.values()) expect([...byPath.keys()]).toEqual(['/x', '/y']);
    expect(predicted.get('de')?.get('/x')).toBeGreaterThan(predicted.get('fr')?.get('/x') ?? Number.POSITIVE_INFINITY);
  });

  test('of a new title is what titles of the region usually serve per stored byte', () => {
    const files = [file('/old', 28), file('/new', 0, 2e6)];
    const predicted = predict({ files, history: hours('/old', 'de', 28, 10_000) });
    const fresh = predicted.get('de')?.get('/new') ?? 0;
    expect(fresh).toBeGreaterThan(0);
    expect(fresh).toBeLessThan(2 * 24 * 10_000);
  });

  test('of a title that nobody asks for falls with its age and stays above zero', () => {
    const at = (ageDays: number): number =>
      predict({ files: [file('/x', ageDays)] })
        .get('de')
        ?.get('/x') ?? 0;
    const curve = [0, 1, 7, 30, 90].map(at);
    expect(curve).toEqual(curve.toSorted((a, b) => b - a));
    expect(curve[4]).toBeGreaterThan(0);
    expect(curve[4]).toBeLessThan((curve[0] ?? 0) / 100);
  });

  test('ranks the file that was asked for lately before the one that was asked for long ago', () => {
    const recent = hours('/recent', 'de', 2, 5000);
    const past = hours('/past', 'de', 2, 5000).map((hour) => ({
      ...hour,
      hourStartMs: hour.hourStartMs - 10 * DAY_MS,
    }));
    const predicted = predict({ files: [file('/recent', 28), file('/past', 28)], history: [...recent, ...past] });
    expect(predicted.get('de')?.get('/recent')).toBeGreaterThan(2 * (predicted.get('de')?.get('/past') ?? 0));
  });

  test('ignores what is not in the catalogue and regions without a site', () => {
    const noise = [...hours('/gone', 'de', 1, 1e9), ...hours('/x', 'unknown', 1, 1e9)];
    const files = [file('/x', 5)];
    expect(predict({ files, history: noise })).toEqual(predict({ files, history: [] }));
  });

  test('never falls when somebody asks for more, and is finite for any history', () => {
    const demand = fc.array(fc.tuple(fc.integer({ min: -2, max: 600 }), fc.integer({ min: 0, max: 2 ** 48 })), {
      maxLength: 50,
    });
    fc.assert(
      fc.property(
        demand,
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 1, max: 2 ** 40 }),
        (rows, age, extra) => {
          const history = rows.map(([hoursAgo, servedBytes]) => ({
            path: '/x',
            region: 'de',
            hourStartMs: NOW_MS - hoursAgo * HOUR_MS,
            servedBytes,
          }));
          const files = [file('/x', age)];
          const less = predict({ files, history }).get('de')?.get('/x') ?? Number.NaN;
          const more = predict({
            files,
            history: [...history, { path: '/x', region: 'de', hourStartMs: NOW_MS, servedBytes: extra }],
          });
          expect(less).toBeGreaterThanOrEqual(0);
          expect(more.get('de')?.get('/x')).toBeGreaterThanOrEqual(less);
        },
      ),
    );
  });
});
