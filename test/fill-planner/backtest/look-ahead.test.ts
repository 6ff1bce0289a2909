import { expect, test } from 'vitest';
import { seededRandom } from '../../../bench/workloads/trace.ts';
import { generateHistory } from '../../../fill-planner/backtest/generated-history.ts';
import { replayPrefill } from '../../../fill-planner/backtest/replay-prefill.ts';
import { replayRegions } from '../../../fill-planner/backtest/replay-regions.ts';
import { replayWeeks } from '../../../fill-planner/backtest/replay-weeks.ts';
import { runBacktest } from '../../../fill-planner/backtest/run-backtest.ts';
import { reportPage, tableText } from '../../../fill-planner/backtest/write-report.ts';

const WEEKS = 40;
const CHANGED_FROM = 37;
/** Regional lists learn from few weeks; these are enough, and quick. */
const REGIONAL_WEEKS = 13;
const REGIONS = new Set(['r0', 'r1', 'r2']);
const ignore = (): void => undefined;
const whole = generateHistory(WEEKS, seededRandom(7));
const weeks = [...new Set(whole.weekly.map(({ week }) => week))];
const history = {
  ...whole,
  regional: whole.regional.filter(({ week, region }) => week < (weeks[REGIONAL_WEEKS] ?? '') && REGIONS.has(region)),
};
const isFuture = (week: string): boolean => week >= (weeks[CHANGED_FROM] ?? '');

test('what comes later changes no forecast made before', () => {
  const shifted = history.weekly.map((row, index) =>
    isFuture(row.week) ? { ...row, hours: row.hours * (1 + (index % 7)) } : row,
  );
  const foreseenOf = (rows: typeof shifted): unknown[] =>
    replayWeeks(rows, ignore)
      .filter(({ weekIndex }) => weekIndex <= CHANGED_FROM)
      .map(({ foreseen, weekIndex }) => [weekIndex, foreseen]);
  expect(foreseenOf(shifted)).toEqual(foreseenOf([...history.weekly]));
  expect(foreseenOf(shifted).length).toBeGreaterThan(20);
  // The same change is seen by the forecasts made after it.
  expect(replayWeeks(shifted, ignore)).not.toEqual(replayWeeks(history.weekly, ignore));
});

test('what comes later changes no regional list named before', () => {
  const changedFrom = REGIONAL_WEEKS - 3;
  const shifted = history.regional.map((row) =>
    row.week >= (weeks[changedFrom] ?? '') ? { ...row, title: `other ${row.title}` } : row,
  );
  const [changed, plain] = [shifted, history.regional].map((rows) => replayRegions(rows, history.weekly, ignore));
  const before = (scores = plain): unknown[] =>
    scores?.filter(({ weekIndex }) => weekIndex < changedFrom).map(({ precision }) => precision) ?? [];
  expect(before(changed)).toEqual(before());
  expect(before().length).toBeGreaterThan(1);
  expect(changed).not.toEqual(plain);
});

test('hours of the coming period change what it serves, never what is held for it', () => {
  const constant = history.periods.map((period, index) =>
    index < history.periods.length - 1
      ? period
      : { ...period, titles: period.titles.map((row) => ({ ...row, hours: row.hours * 10 })) },
  );
  const churn = (periods: typeof constant): unknown[] =>
    replayPrefill(periods, [0.1, 0.3]).map((score) => score.churn.slice(0, 3));
  const reversed = constant.map((period, index) =>
    index < constant.length - 1
      ? period
      : {
          ...period,
          titles: period.titles.map((row, at) => ({ ...row, hours: period.titles.at(-1 - at)?.hours ?? 0 })),
        },
  );
  expect(churn(reversed)).toEqual(churn(constant));
  expect(replayPrefill(reversed, [0.1])).not.toEqual(replayPrefill(constant, [0.1]));
});

test('no method serves more than the oracle, and the report is whole', () => {
  for (const { served } of replayPrefill(history.periods, [0.05, 0.1, 0.3]))
    for (const share of served) expect(share).toBeLessThanOrEqual((served[3] ?? 0) + 0.01);
  const report = runBacktest(history, seededRandom(1), ignore);
  const page = reportPage(report);
  expect(page.match(/<svg/g)).toHaveLength(3);
  expect(`${page}${report.tables.map(tableText).join('')}`).not.toMatch(/NaN|undefined|Infinity/);
});
