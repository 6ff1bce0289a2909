import { fitLinear, scoreOf } from './fit-linear.ts';

/**
 * What a title that was watched this week will be watched next week.
 *
 * Problem: launches decay, so the last week is too high and a smoothed level is worse still. A table of median ratios by
 * group and age knows the average title, but a film that has just halved and one that still grows get the same ratio.
 * Idea: next = level x exp(score), the score linear in age, group, last movement, how far the title stands above its
 * list, runtime and whether episodes were added; fitted for the absolute error, each row weighing level^0.7: the sum of
 * absolute errors itself (power 1) listens to a handful of hits only.
 *
 * The interval is the spread of past errors of the same age: quantiles of actual over expected, level by level.
 * Limits: days within the launch week are unknown here; a title that leaves the list was never seen to leave it.
 */
export interface LevelFacts {
  /** Demand of this week, above 0, in any unit. */
  readonly level: number;
  /** The weeks before, where the title was seen. */
  readonly previousLevel?: number | undefined;
  readonly earlierLevel?: number | undefined;
  /** 1 in the launch week. */
  readonly ageWeeks: number;
  readonly isSeries: boolean;
  readonly isMainLanguage: boolean;
  readonly runtimeHours?: number | undefined;
  readonly previousRuntimeHours?: number | undefined;
  /** Median level of the group in this week. */
  readonly groupLevel: number;
  /** Whether the week ahead, and this one, hold the year's end. */
  readonly isHolidayAhead: boolean;
  readonly isHoliday: boolean;
}

export interface LevelSample {
  readonly facts: LevelFacts;
  readonly next: number;
}

export interface DecayModel {
  readonly coefficients: readonly number[];
  /** By age in weeks, up to the last: low and high factor on the expectation, 80 % of outcomes between. */
  readonly spread: readonly (readonly [number, number])[];
}

export interface Expected {
  readonly expected: number;
  readonly low: number;
  readonly high: number;
}

const RIDGE = 3;
const WEIGHT_POWER = 0.7;
const FIRST_ROUNDS = 25;
const NEXT_ROUNDS = 6;
const SPREAD_AGES = 5;
const LEVEL_UNIT = 1e6;

/** @param last the fit of the period before, to start from */
export function fitDecay(samples: readonly LevelSample[], last?: DecayModel): DecayModel {
  const total = samples.reduce((sum, { facts }) => sum + facts.level, 0);
  const unit = samples.length === 0 ? LEVEL_UNIT : total / samples.length;
  const rows = samples.map(({ facts, next }) => ({
    facts: factsOf(facts),
    target: next / facts.level,
    weight: 6 * (facts.level / unit) ** WEIGHT_POWER,
  }));
  const coefficients = fitLinear(rows, rows[0]?.facts.length ?? 0, {
    loss: 'absolute',
    ridge: RIDGE,
    rounds: last === undefined ? FIRST_ROUNDS : NEXT_ROUNDS,
    start: last === undefined || last.coefficients.length === 0 ? undefined : last.coefficients,
  });
  const errors = Array.from({ length: SPREAD_AGES }, (): number[] => []);
  for (const [index, row] of rows.entries()) {
    const age = Math.min(SPREAD_AGES, samples[index]?.facts.ageWeeks ?? 1);
    errors[age - 1]?.push(row.target / Math.exp(scoreOf(coefficients, row.facts)));
  }
  return { coefficients, spread: errors.map(spreadOf) };
}

export function expectNext(model: DecayModel, facts: LevelFacts): Expected {
  const expected = facts.level * Math.exp(scoreOf(model.coefficients, factsOf(facts)));
  const [low, high] = model.spread[Math.min(SPREAD_AGES, Math.max(1, facts.ageWeeks)) - 1] ?? WIDE;
  return { expected, low: expected * low, high: expected * high };
}

const WIDE = [0.25, 4] as const;
const FEW_ERRORS = 20;

function spreadOf(errors: readonly number[]): readonly [number, number] {
  if (errors.length < FEW_ERRORS) return WIDE;
  const sorted = errors.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 1;
  return [at(0.1), at(0.9)];
}

function factsOf(facts: LevelFacts): number[] {
  const { ageWeeks: age, level, previousLevel, earlierLevel, runtimeHours, previousRuntimeHours } = facts;
  const flag = (is: boolean): number => (is ? 1 : 0);
  const series = flag(facts.isSeries);
  const main = flag(facts.isMainLanguage);
  const first = flag(age === 1);
  const moved = previousLevel === undefined ? 0 : Math.log(level / previousLevel);
  const movedBefore =
    previousLevel === undefined || earlierLevel === undefined ? 0 : Math.log(previousLevel / earlierLevel);
  const above = Math.log(level / facts.groupLevel);
  const runtime = runtimeHours === undefined ? 0 : Math.log(runtimeHours);
  const grew = flag(
    runtimeHours !== undefined && previousRuntimeHours !== undefined && runtimeHours > previousRuntimeHours,
  );
  return [
    1,
    series,
    main,
    series * main,
    first,
    flag(age === 2),
    flag(age === 3),
    flag(age === 4),
    flag(age >= 8),
    first * series,
    first * main,
    flag(age === 2) * series,
    flag(age === 2) * main,
    flag(age === 3) * series,
    moved * flag(age === 2),
    moved * flag(age === 3),
    moved * flag(age > 3),
    flag(previousLevel !== undefined && age > 1),
    movedBefore,
    above,
    above * first,
    above * flag(age === 2),
    Math.max(above - 1, 0) * first,
    grew,
    grew * moved,
    runtime * series,
    runtime * series * first,
    runtime * (1 - series),
    flag(runtimeHours !== undefined),
    flag(facts.isHolidayAhead),
    flag(facts.isHoliday),
  ];
}
