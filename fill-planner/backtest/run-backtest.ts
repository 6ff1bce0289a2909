import type { History } from './history.ts';
import { type Plot, plotLines } from './plot-lines.ts';
import { PREFILL_METHODS, type PrefillScore, replayPrefill } from './replay-prefill.ts';
import { REGION_METHODS, replayRegions } from './replay-regions.ts';
import { replayTown, type TownScore } from './replay-town.ts';
import { replayWeeks, WEEK_METHODS, type WeekForecast } from './replay-weeks.ts';
import { scoreOfWeeks, type WeekSum } from './score.ts';

/** What the backtest found: tables of text, and plots as SVG. */
export interface BacktestReport {
  readonly source: string;
  readonly tables: readonly ReportTable[];
  readonly plots: readonly string[];
}

export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The last part of the weeks is what is reported; parameters were chosen on the part before. */
const REPORTED_SHARE = 0.3;
const CAPACITY_SHARES = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
const TABLE_SHARES = new Set([0.05, 0.1, 0.2, 0.3]);
/** Weeks that one point of the error plot covers. */
const PLOTTED_WEEKS = 8;
const WEEKS_SHARE = 0.2;

/** Replays all three questions. @param random 0 to 1, for the intervals @param progress share and what is done */
export function runBacktest(
  history: History,
  random: () => number,
  progress: (share: number, step: string) => void,
): BacktestReport {
  const weeks = replayWeeks(history.weekly, (share) => {
    progress(share * WEEKS_SHARE, 'one week ahead');
  });
  const regions = replayRegions(history.regional, history.weekly, (share) => {
    progress(WEEKS_SHARE + share * (0.8 - WEEKS_SHARE), 'regional lists');
  });
  progress(0.8, 'half-year prefill');
  const prefill = replayPrefill(history.periods, CAPACITY_SHARES);
  const town = replayTown(random);
  const interval = (sums: readonly WeekSum[]): string => {
    if (sums.length === 0) return '-';
    const { value, low, high } = scoreOfWeeks(sums, random);
    return `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  };
  const regionSums = regions.map(({ weekIndex, precision }) => ({
    weekIndex,
    sums: precision.map((top) => ({ top, bottom: 1 })),
  }));
  const titleSums = errorsByWeek(weeks);
  return {
    source: history.source,
    tables: [
      compare('One week ahead, WAPE, titles on both lists (lower is better)', WEEK_METHODS, titleSums, interval),
      compare('Regional lists, precision@10 (higher is better)', REGION_METHODS, regionSums, interval),
      prefillTable(prefill),
      townTable(town),
    ],
    plots: [servedPlot(prefill), errorPlot(titleSums), churnPlot(prefill)].map(plotLines),
  };
}

interface WeekSums {
  readonly weekIndex: number;
  /** By method. */
  readonly sums: readonly WeekSum[];
}

function errorsByWeek(forecasts: readonly WeekForecast[]): WeekSums[] {
  const byWeek = Map.groupBy(forecasts, ({ weekIndex }) => weekIndex);
  return [...byWeek].map(([weekIndex, ofWeek]) => ({
    weekIndex,
    sums: WEEK_METHODS.map((_, at) => ({
      top: ofWeek.reduce((sum, { foreseen, actual }) => sum + Math.abs((foreseen[at] ?? 0) - actual), 0),
      bottom: ofWeek.reduce((sum, { actual }) => sum + actual, 0),
    })),
  }));
}

function compare(
  title: string,
  methods: readonly string[],
  weeks: readonly WeekSums[],
  interval: (sums: readonly WeekSum[]) => string,
): ReportTable {
  const last = Math.max(...weeks.map(({ weekIndex }) => weekIndex));
  const isReported = ({ weekIndex }: WeekSums): boolean => weekIndex > last * (1 - REPORTED_SHARE);
  const column = (at: number, reported: boolean): string =>
    interval(weeks.filter((week) => isReported(week) === reported).flatMap(({ sums }) => sums[at] ?? []));
  return {
    title,
    head: ['method', 'last 30 % of weeks', 'weeks before (tuning)'],
    rows: methods.map((method, at) => [method, column(at, true), column(at, false)]),
  };
}

function townTable(scores: readonly TownScore[]): ReportTable {
  return {
    title: 'One day ahead by rendition and region, as the plan cycle predicts (a generated town, the truth is known)',
    head: ['method', 'WAPE', 'without launches of the day', 'served at 10 % of capacity'],
    rows: scores.map(({ method, error, errorOfKnown, served }) => [
      method,
      error.toFixed(3),
      errorOfKnown.toFixed(3),
      served.toFixed(3),
    ]),
  };
}

function prefillTable(scores: readonly PrefillScore[]): ReportTable {
  return {
    title: 'Half-year prefill: share of the hours served from what is held (the last period is the one reported)',
    head: ['period', 'capacity', ...PREFILL_METHODS, 'of oracle', 'replaced'],
    rows: scores
      .filter(({ capacityShare }) => TABLE_SHARES.has(capacityShare))
      .map(({ period, capacityShare, served, churn }) => [
        period,
        `${(100 * capacityShare).toFixed(0)} %`,
        ...served.map((share) => share.toFixed(3)),
        `${((100 * (served[2] ?? 0)) / (served[3] ?? 1)).toFixed(1)} %`,
        `${(100 * (churn[2] ?? 0)).toFixed(0)} %`,
      ]),
  };
}

const lastPeriod = (scores: readonly PrefillScore[]): readonly PrefillScore[] =>
  scores.filter(({ period }) => period === scores.at(-1)?.period);

function servedPlot(scores: readonly PrefillScore[]): Plot {
  return {
    title: `Served demand over capacity, ${scores.at(-1)?.period}`,
    xName: 'capacity, share of the catalogue by runtime',
    yName: 'share of hours served',
    lines: PREFILL_METHODS.map((name, at) => ({
      name,
      points: lastPeriod(scores).map(({ capacityShare, served }) => [capacityShare, served[at] ?? 0]),
    })),
  };
}

function churnPlot(scores: readonly PrefillScore[]): Plot {
  return {
    title: `Churn against efficiency, ${scores.at(-1)?.period}: each point is a capacity`,
    xName: 'share of the held bytes replaced since the last period',
    yName: 'share of hours served',
    lines: PREFILL_METHODS.map((name, at) => ({
      name,
      points: lastPeriod(scores).map(({ churn, served }) => [churn[at] ?? 0, served[at] ?? 0]),
    })),
  };
}

function errorPlot(weeks: readonly WeekSums[]): Plot {
  const spans = [...Map.groupBy(weeks, ({ weekIndex }) => Math.floor(weekIndex / PLOTTED_WEEKS))];
  return {
    title: `Forecast error over time, ${PLOTTED_WEEKS} weeks to a point`,
    xName: 'week',
    yName: 'WAPE',
    lines: WEEK_METHODS.map((name, at) => ({
      name,
      points: spans.map(([span, ofSpan]): readonly [number, number] => {
        const total = (side: 'top' | 'bottom'): number =>
          ofSpan.reduce((sum, { sums }) => sum + (sums[at]?.[side] ?? 0), 0);
        return [span * PLOTTED_WEEKS, total('top') / total('bottom')];
      }),
    })),
  };
}
