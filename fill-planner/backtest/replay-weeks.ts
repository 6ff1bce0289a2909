import {
  type DecayModel,
  expectNext,
  fitDecay,
  type LevelFacts,
  type LevelSample,
} from '../demand/models/age-decay.ts';
import type { WeeklyRow } from './history.ts';

/** One title of one week with what was foreseen and what came, titles on both lists only. */
export interface WeekForecast {
  readonly weekIndex: number;
  readonly actual: number;
  /** In the order of `WEEK_METHODS`. */
  readonly foreseen: readonly number[];
  readonly isInside: boolean;
}

export const WEEK_METHODS = ['persistence', 'smoothing', 'median decay', 'this model'] as const;
/** Weeks that are only learned from. */
const LEARNING_WEEKS = 30;
const SMOOTHING = 0.5;

interface Seen extends LevelSample {
  readonly group: string;
  readonly weekIndex: number;
  readonly smoothed: number;
}

/** Rolling origin: the forecast for week w + 1 is fitted on pairs whose second week is w at the latest. */
export function replayWeeks(rows: readonly WeeklyRow[], progress: (share: number) => void): WeekForecast[] {
  const weeks = [...new Set(rows.map(({ week }) => week))].toSorted();
  const pairs = pairsOf(rows, weeks);
  const forecasts: WeekForecast[] = [];
  let model: DecayModel | undefined;
  for (let now = LEARNING_WEEKS; now < weeks.length - 1; now++) {
    const past = pairs.filter(({ weekIndex }) => weekIndex < now);
    model = fitDecay(past, model);
    for (const pair of pairs) {
      if (pair.weekIndex !== now) continue;
      const { expected, low, high } = expectNext(model, pair.facts);
      forecasts.push({
        weekIndex: now + 1,
        actual: pair.next,
        foreseen: [pair.facts.level, pair.smoothed, pair.facts.level * medianRatio(past, pair), expected],
        isInside: pair.next >= low && pair.next <= high,
      });
    }
    progress((now - LEARNING_WEEKS) / (weeks.length - LEARNING_WEEKS));
  }
  return forecasts;
}

function medianRatio(past: readonly Seen[], { group, facts }: Seen): number {
  const age = (weeks: number): number => Math.min(8, weeks);
  const ratios = past
    .filter((other) => other.group === group && age(other.facts.ageWeeks) === age(facts.ageWeeks))
    .map(({ next, facts: { level } }) => next / level)
    .toSorted((a, b) => a - b);
  return ratios[ratios.length >> 1] ?? 1;
}

function pairsOf(rows: readonly WeeklyRow[], weeks: readonly string[]): Seen[] {
  const byTitle = new Map<string, Map<number, WeeklyRow>>();
  const byGroup = new Map<string, number[]>();
  const indexOf = new Map(weeks.map((week, index) => [week, index]));
  for (const row of rows) {
    const key = `${row.group} ${row.title}`;
    byTitle.set(key, (byTitle.get(key) ?? new Map<number, WeeklyRow>()).set(indexOf.get(row.week) ?? 0, row));
    const list = `${row.week} ${row.group}`;
    byGroup.set(list, [...(byGroup.get(list) ?? []), row.hours]);
  }
  const pairs: Seen[] = [];
  for (const seen of byTitle.values()) {
    let smoothed: number | undefined;
    for (const [weekIndex, row] of [...seen].toSorted(([a], [b]) => a - b)) {
      smoothed = smoothed === undefined ? row.hours : SMOOTHING * row.hours + (1 - SMOOTHING) * smoothed;
      const next = seen.get(weekIndex + 1);
      if (next === undefined) continue;
      const list = (byGroup.get(`${row.week} ${row.group}`) ?? []).toSorted((a, b) => a - b);
      const facts = factsOf(row, seen.get(weekIndex - 1), seen.get(weekIndex - 2), medianOf(list));
      pairs.push({ facts, next: next.hours, group: row.group, weekIndex, smoothed });
    }
  }
  return pairs;
}

const medianOf = (sorted: readonly number[]): number =>
  ((sorted[(sorted.length - 1) >> 1] ?? 1) + (sorted[sorted.length >> 1] ?? 1)) / 2;

function factsOf(
  row: WeeklyRow,
  previous: WeeklyRow | undefined,
  earlier: WeeklyRow | undefined,
  groupLevel: number,
): LevelFacts {
  const day = row.week.slice(5);
  return {
    level: row.hours,
    previousLevel: previous?.hours,
    earlierLevel: earlier?.hours,
    ageWeeks: row.ageWeeks,
    isSeries: row.group.startsWith('TV'),
    isMainLanguage: !row.group.includes('Non'),
    runtimeHours: row.runtimeHours,
    previousRuntimeHours: previous?.runtimeHours,
    groupLevel,
    isHolidayAhead: day >= '12-18' && day <= '12-27',
    isHoliday: day >= '12-18' || day < '01-02',
  };
}
