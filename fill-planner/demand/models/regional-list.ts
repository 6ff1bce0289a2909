import { fitLinear, scoreOf } from './fit-linear.ts';

/**
 * How likely a title is among the ten most watched of a region in the coming week.
 *
 * Problem: regions differ, so one list for all is worse than each region's own last list; but the own list keeps what
 * sank to the last ranks, while a title that has just entered next door is on its way.
 * Idea: the chance from the own rank now and a week ago, age, the share of regions that list it, whether that share
 * grows, and the neighbours: regions weigh by how much of their list this one shared. One fit for all regions, so a
 * small one borrows from the rest. Limits: what no region lists yet cannot be named: launches of the coming week.
 */
export interface ListFacts {
  /** 1 to 10; absent when it is not on the region's list. */
  readonly rank?: number | undefined;
  readonly lastRank?: number | undefined;
  readonly ageWeeks: number;
  readonly isSeries: boolean;
  /** Mean strength (1 for the first rank, 0.1 for the tenth, 0 off the list) over all regions, now and a week ago. */
  readonly everywhere: number;
  readonly everywhereBefore: number;
  /** The same over similar regions, each by its similarity. */
  readonly nearby: number;
}

export interface ListSample {
  readonly facts: ListFacts;
  readonly isOnNextList: boolean;
}

const RIDGE = 1;
const FIRST_ROUNDS = 15;
const NEXT_ROUNDS = 3;

export function fitListChances(samples: readonly ListSample[], last?: readonly number[]): readonly number[] {
  const rows = samples.map(({ facts, isOnNextList }) => ({
    facts: factsOf(facts),
    target: isOnNextList ? 1 : 0,
    weight: 1,
  }));
  return fitLinear(rows, rows[0]?.facts.length ?? 0, {
    loss: 'chance',
    ridge: RIDGE,
    rounds: last === undefined ? FIRST_ROUNDS : NEXT_ROUNDS,
    start: last,
  });
}

/** @returns 0 to 1 */
export function chanceOf(coefficients: readonly number[], facts: ListFacts): number {
  return 1 / (1 + Math.exp(-scoreOf(coefficients, factsOf(facts))));
}

function factsOf({ rank, lastRank, ageWeeks, isSeries, everywhere, everywhereBefore, nearby }: ListFacts): number[] {
  const flag = (is: boolean): number => (is ? 1 : 0);
  const strength = rank === undefined ? 0 : (11 - rank) / 10;
  const listed = flag(rank !== undefined);
  const rising = rank === undefined || lastRank === undefined ? 0 : (lastRank - rank) / 10;
  const series = flag(isSeries);
  const age = Math.log(ageWeeks);
  return [
    1,
    listed,
    strength,
    strength ** 2,
    flag(lastRank !== undefined),
    rising,
    age,
    age * listed,
    flag(ageWeeks === 1),
    flag(ageWeeks === 1) * strength,
    flag(ageWeeks === 2) * listed,
    everywhere,
    Math.sqrt(everywhere),
    everywhere - everywhereBefore,
    nearby,
    Math.sqrt(nearby),
    nearby * listed,
    series,
    series * age,
    series * strength,
  ];
}
