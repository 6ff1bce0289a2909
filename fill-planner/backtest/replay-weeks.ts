import { expectNext, fitDecay, type LevelFacts, type LevelSample, type ListState } from '../demand/models/age-decay.ts';
import type { WeeklyRow } from './history.ts';

/** One title of one week with what was foreseen and what came, titles on both lists only. */
export interface WeekForecast {
  readonly weekIndex: number;
  readonly actual: number;
  /** In the order of `WEEK_METHODS`. */
  readonly foreseen: readonly number[];
}

export const WEEK_METHODS = ['persistence', 'smoothing', 'median decay', 'this model'] as const;
/** Weeks that are only learned from. */
const LEARNING_WEEKS = 30;
/** Weeks that one fit serves: it is a little older than it need be for most of them. */
const WEEKS_PER_FIT = 6;
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
  let model = fitDecay([]);
  for (let now = LEARNING_WEEKS; now < weeks.length - 1; now++) {
    const past = pairs.filter(({ weekIndex }) => weekIndex < now);
    if ((now - LEARNING_WEEKS) % WEEKS_PER_FIT === 0) model = fitDecay(past);
    for (const pair of pairs) {
      if (pair.weekIndex !== now) continue;
      const { level } = pair.facts;
      forecasts.push({
        weekIndex: now + 1,
        actual: pair.next,
        foreseen: [level, pair.smoothed, level * medianRatio(past, pair), expectNext(model, pair.facts)],
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
  const indexOf = new Map(weeks.map((week, index) => [week, index]));
  const byTitle = new Map<string, Map<number, WeeklyRow>>();
  for (const row of rows) {
    const key = `${row.group} ${row.title}`;
    byTitle.set(key, (byTitle.get(key) ?? new Map<number, WeeklyRow>()).set(indexOf.get(row.week) ?? 0, row));
  }
  const lists = new ListsOfWeeks(rows, indexOf);
  const pairs: Seen[] = [];
  for (const seen of byTitle.values()) {
    const past: [number, WeeklyRow][] = [];
    let smoothed: number | undefined;
    for (const [weekIndex, row] of [...seen].toSorted(([a], [b]) => a - b)) {
      past.push([weekIndex, row]);
      smoothed = smoothed === undefined ? row.hours : SMOOTHING * row.hours + (1 - SMOOTHING) * smoothed;
      const next = seen.get(weekIndex + 1);
      if (next === undefined) continue;
      const facts = factsOf(past, weekIndex, row, lists.stateOf(weekIndex, row));
      pairs.push({ facts, next: next.hours, group: row.group, weekIndex, smoothed });
    }
  }
  return pairs;
}

function factsOf(
  past: readonly (readonly [number, WeeklyRow])[],
  weekIndex: number,
  row: WeeklyRow,
  list: ListState,
): LevelFacts {
  const at = (weeksAgo: number): WeeklyRow | undefined => past.find(([index]) => index === weekIndex - weeksAgo)?.[1];
  const [firstIndex, first] = past[0] ?? [weekIndex, row];
  const day = row.week.slice(5);
  return {
    level: row.hours,
    before: [at(1)?.hours, at(2)?.hours, at(3)?.hours],
    firstLevel: first.hours,
    peakLevel: Math.max(...past.map(([, { hours }]) => hours)),
    ageWeeks: row.ageWeeks,
    firstAgeWeeks: first.ageWeeks,
    weeksSince: weekIndex - firstIndex + 1,
    weeksSeen: past.length,
    isSeries: row.group.startsWith('TV'),
    isMainLanguage: !row.group.includes('Non'),
    runtimeHours: row.runtimeHours,
    previousRuntimeHours: at(1)?.runtimeHours,
    list,
    isHolidayAhead: day >= '12-18' && day <= '12-27',
  };
}

/** The lists by week and group, most watched first. */
class ListsOfWeeks {
  readonly #lists: ReadonlyMap<string, readonly WeeklyRow[]>;
  readonly #sums = new Map<string, number>();

  constructor(rows: readonly WeeklyRow[], indexOf: ReadonlyMap<string, number>) {
    this.#lists = new Map(
      [...Map.groupBy(rows, ({ week, group }) => `${indexOf.get(week) ?? 0} ${group}`)].map(([key, list]) => [
        key,
        list.toSorted((a, b) => b.hours - a.hours),
      ]),
    );
    for (const { week, group, hours } of rows)
      for (const key of [`${indexOf.get(week) ?? 0} ${group}`, `${indexOf.get(week) ?? 0}`])
        this.#sums.set(key, (this.#sums.get(key) ?? 0) + hours);
  }

  stateOf(weekIndex: number, { group, title, hours }: WeeklyRow): ListState {
    const list = this.#lists.get(`${weekIndex} ${group}`) ?? [];
    const rank = list.findIndex((row) => row.title === title);
    const at = (place: number): number => list[place]?.hours ?? hours;
    return {
      rank: rank + 1,
      median: (at((list.length - 1) >> 1) + at(list.length >> 1)) / 2,
      lowest: at(list.length - 1),
      highest: at(0),
      below: at(rank + 1),
      newTitles: list.filter(({ ageWeeks }) => ageWeeks === 1).length,
      secondWeekTitles: list.filter(({ ageWeeks }) => ageWeeks === 2).length,
      newTitlesAbove: list.filter(({ ageWeeks }, place) => ageWeeks === 1 && place < rank).length,
      change: this.#changeOf(weekIndex, ` ${group}`),
      changeOfAll: this.#changeOf(weekIndex, ''),
    };
  }

  #changeOf(weekIndex: number, which: string): number {
    const last = this.#sums.get(`${weekIndex - 1}${which}`);
    return last === undefined ? 1 : (this.#sums.get(`${weekIndex}${which}`) ?? last) / last;
  }
}
