import { HISTORY_DAYS } from './tally-demand.ts';

/**
 * How demand falls with age, and which days are busy: what remains of a day's bytes once each title's own level is
 * taken out.
 *
 * Problem: a title that was added three days ago has its launch in its average, so the average promises too much; and
 * Sunday's bytes promise too much for Monday. The decay differs from catalogue to catalogue (a soap and a film archive).
 * Idea: bytes of a title on a day = its level x curve(age) x factor of the weekday, all three fitted in turn, each title
 * weighing the root of its bytes so that one hit does not set the curve. The curve starts as (1 + age / 7 days)^-1.3,
 * close to the medians of published weekly lists (0.52 from the first to the second week, 0.65, 0.72, 0.77), and moves
 * from there as far as the data weighs.
 * Weekdays and not days: where titles are of one age, free days would take the decay for bad days and see it end tomorrow.
 * Limits: holidays are days like others. Age and level are not wholly apart; the pull to the start settles that, and
 * their product is what a prediction uses.
 */
export interface AgeCurve {
  /** Correction of the starting curve by span of age. */
  readonly corrections: readonly number[];
  /** Of the days of history, by days ago. */
  readonly dayFactors: readonly number[];
  /** Of the day to come. */
  readonly nextDayFactor: number;
}

/** Ends of the spans of age, in days; the last is open. */
const SPAN_ENDS = [1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 28, 42, 70, 120, 365] as const;
const SPAN_MIDDLES = [...SPAN_ENDS, 1000].map((end, span) => (end + (SPAN_ENDS[span - 1] ?? 0)) / 2);
const DECAY_DAYS = 7;
const DECAY_POWER = 1.3;
const ROUNDS = 12;
/** How much the start weighs, in days of a title of usual weight. */
const START_TITLE_DAYS = 10;
const WEEK = 7;

/** Demand of an age relative to that of the first moment; between the middles of two spans, between their corrections. @param ageDays at least 0 */
export function curveAt({ corrections }: Pick<AgeCurve, 'corrections'>, ageDays: number): number {
  const span = spanOf(ageDays);
  const middle = SPAN_MIDDLES[span] ?? ageDays;
  const other = ageDays < middle ? Math.max(0, span - 1) : Math.min(SPAN_MIDDLES.length - 1, span + 1);
  const apart = Math.abs((SPAN_MIDDLES[other] ?? middle) - middle);
  const share = apart === 0 ? 0 : Math.min(1, Math.abs(ageDays - middle) / apart);
  return startAt(ageDays) * (corrections[span] ?? 1) ** (1 - share) * (corrections[other] ?? 1) ** share;
}

const startAt = (ageDays: number): number => (1 + ageDays / DECAY_DAYS) ** -DECAY_POWER;

function spanOf(ageDays: number): number {
  const span = SPAN_ENDS.findIndex((end) => ageDays < end);
  return span < 0 ? SPAN_ENDS.length : span;
}

/**
 * @param titleDays bytes, index title x HISTORY_DAYS + days ago
 * @param agesDays age of each title now; negative for what has not started
 * @param watchedDays for how long anybody counted
 */
export function fitAgeCurve(titleDays: Float64Array, agesDays: Float64Array, watchedDays: number): AgeCurve {
  const cells = cellsOf(titleDays, agesDays, Math.min(HISTORY_DAYS, Math.floor(watchedDays)));
  const corrections = Array.from({ length: SPAN_ENDS.length + 1 }, () => 1);
  const weekdays = Array.from({ length: WEEK }, () => 1);
  const total = cells.bytes.reduce((sum, bytes) => sum + bytes, 0);
  if (total === 0) return withWeekdays(corrections, weekdays);
  const pull = (START_TITLE_DAYS * total) / cells.bytes.length;
  for (let round = 0; round < ROUNDS; round++) {
    const levels = levelsOf(cells, corrections, weekdays);
    refit(corrections, cells, cells.span, pull, (at) => (levels[at] ?? 0) * (weekdays[cells.weekday[at] ?? 0] ?? 1));
    refit(weekdays, cells, cells.weekday, pull, (at) => (levels[at] ?? 0) * (corrections[cells.span[at] ?? 0] ?? 1));
  }
  return withWeekdays(corrections, weekdays);
}

/** One cell per title and day on which it could be watched; bytes are weighted. */
interface Cells {
  readonly title: Int32Array;
  readonly span: Int32Array;
  /** Days ago, modulo seven. */
  readonly weekday: Int32Array;
  readonly bytes: Float64Array;
  readonly start: Float64Array;
}

function cellsOf(titleDays: Float64Array, agesDays: Float64Array, dayCount: number): Cells {
  const size = agesDays.length * dayCount;
  const title = new Int32Array(size);
  const [span, weekday] = [new Int32Array(size), new Int32Array(size)];
  const [bytes, start] = [new Float64Array(size), new Float64Array(size)];
  let count = 0;
  for (const [index, age] of agesDays.entries()) {
    const base = index * HISTORY_DAYS;
    const total = titleDays.subarray(base, base + dayCount).reduce((sum, of) => sum + of, 0);
    if (total === 0) continue;
    // Whole days only: the first hours of a launch are no day.
    for (let daysAgo = 0; daysAgo < dayCount && age - daysAgo >= 1; daysAgo++) {
      const middle = age - daysAgo - 0.5;
      title[count] = index;
      span[count] = spanOf(middle);
      weekday[count] = daysAgo % WEEK;
      bytes[count] = (titleDays[base + daysAgo] ?? 0) / Math.sqrt(total);
      start[count] = startAt(middle);
      count++;
    }
  }
  return {
    title: title.subarray(0, count),
    span: span.subarray(0, count),
    weekday: weekday.subarray(0, count),
    bytes: bytes.subarray(0, count),
    start: start.subarray(0, count),
  };
}

/** Expected bytes of each cell without the two factors: its title's level x the starting curve. */
function levelsOf(cells: Cells, corrections: readonly number[], weekdays: readonly number[]): Float64Array {
  const titles = (cells.title.at(-1) ?? 0) + 1;
  const [seen, exposed] = [new Float64Array(titles), new Float64Array(titles)];
  for (let at = 0; at < cells.bytes.length; at++) {
    const title = cells.title[at] ?? 0;
    const factor = (corrections[cells.span[at] ?? 0] ?? 1) * (weekdays[cells.weekday[at] ?? 0] ?? 1);
    seen[title] = (seen[title] ?? 0) + (cells.bytes[at] ?? 0);
    exposed[title] = (exposed[title] ?? 0) + (cells.start[at] ?? 0) * factor;
  }
  return cells.start.map((start, at) => {
    const title = cells.title[at] ?? 0;
    return (start * (seen[title] ?? 0)) / Math.max(1e-300, exposed[title] ?? 0);
  });
}

function refit(
  factors: number[],
  cells: Cells,
  groupOf: Int32Array,
  pull: number,
  expectedAt: (at: number) => number,
): void {
  const [seen, expected] = [new Float64Array(factors.length), new Float64Array(factors.length)];
  for (let at = 0; at < cells.bytes.length; at++) {
    const group = groupOf[at] ?? 0;
    seen[group] = (seen[group] ?? 0) + (cells.bytes[at] ?? 0);
    expected[group] = (expected[group] ?? 0) + expectedAt(at);
  }
  for (const group of factors.keys()) factors[group] = ((seen[group] ?? 0) + pull) / ((expected[group] ?? 0) + pull);
}

/** The day to come is of the same weekday as the one six days before yesterday. */
function withWeekdays(corrections: readonly number[], weekdays: readonly number[]): AgeCurve {
  return {
    corrections,
    dayFactors: Array.from({ length: HISTORY_DAYS }, (_, daysAgo) => weekdays[daysAgo % WEEK] ?? 1),
    nextDayFactor: weekdays[WEEK - 1] ?? 1,
  };
}
