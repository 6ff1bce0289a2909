import { fitTrees, scoreByTrees, type TreeModel, type TreeOptions } from './trees/boosted-trees.ts';

/**
 * What a title that was watched this week will be watched next week.
 *
 * Problem: launches decay, so the last week is too high and a smoothed level is worse still. A table of median ratios by
 * group and age knows the average title, but a film that has just halved and one that still grows get the same ratio.
 * Idea: next = level x exp(score of trees), from age, group, the last movements, where the title stands on its list and
 * what else is on it, runtime and whether episodes were added. Fitted to the median, each pair weighing level^0.7 x
 * root of its ratio: the sum of absolute errors itself (power 1) listens to a handful of hits only.
 *
 * A straight line through 31 such facts and their products, which stood here first, erred by 0.288 where these trees
 * err by 0.27 (published weekly lists, last 30 % of the weeks); number and size of the trees were chosen on the weeks before.
 * Limits: days within the launch week are unknown here; a title that leaves the list was never seen to leave it.
 */
export interface LevelFacts {
  /** Demand of this week, above 0, in any unit. */
  readonly level: number;
  /** One, two and three weeks before, where the title was seen. */
  readonly before: readonly (number | undefined)[];
  /** In the first week that the title was seen, and the highest of all. */
  readonly firstLevel: number;
  readonly peakLevel: number;
  /** 1 in the launch week. */
  readonly ageWeeks: number;
  readonly firstAgeWeeks: number;
  /** Weeks since it was first seen, this one included, and in how many of them it was. */
  readonly weeksSince: number;
  readonly weeksSeen: number;
  readonly isSeries: boolean;
  readonly isMainLanguage: boolean;
  readonly runtimeHours?: number | undefined;
  readonly previousRuntimeHours?: number | undefined;
  readonly list: ListState;
  /** Whether the week ahead holds the year's end. */
  readonly isHolidayAhead: boolean;
}

/** The group's list of this week, as this title meets it. */
export interface ListState {
  /** 1 for the most watched. */
  readonly rank: number;
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** Level of the title one rank below; its own for the last. */
  readonly below: number;
  /** Titles in their first and second week, and how many of the first stand above this one. */
  readonly newTitles: number;
  readonly secondWeekTitles: number;
  readonly newTitlesAbove: number;
  /** Sum of the list, and of all groups' lists, relative to the week before; 1 when that is not known. */
  readonly change: number;
  readonly changeOfAll: number;
}

export interface LevelSample {
  readonly facts: LevelFacts;
  readonly next: number;
}

export interface DecayModel {
  readonly trees: TreeModel;
}

const TREES: TreeOptions = {
  loss: 'absolute',
  rounds: 200,
  leaves: 16,
  minRows: 20,
  ridge: 1,
  rate: 0.05,
  rowShare: 0.7,
  factShare: 0.5,
};
const WEIGHT_POWER = 0.7;
/** A title that nobody watches next week counts as this part of its level: the logarithm has no zero. */
const LEAST_RATIO = 1e-3;

export function fitDecay(samples: readonly LevelSample[]): DecayModel {
  const total = samples.reduce((sum, { facts }) => sum + facts.level, 0);
  const unit = total / Math.max(1, samples.length);
  const rows = samples.map(({ facts, next }) => {
    const target = Math.max(LEAST_RATIO, next / facts.level);
    return { facts: factsOf(facts), target, weight: (facts.level / unit) ** WEIGHT_POWER * Math.sqrt(target) };
  });
  return { trees: fitTrees(rows, TREES) };
}

export function expectNext(model: DecayModel, facts: LevelFacts): number {
  return facts.level * Math.exp(scoreByTrees(model.trees, factsOf(facts)));
}

function factsOf(facts: LevelFacts): number[] {
  const { level, before, list, runtimeHours = Number.NaN, previousRuntimeHours = Number.NaN } = facts;
  const [last, second, third] = [0, 1, 2].map((at) => before[at] ?? Number.NaN);
  const moved = (to = Number.NaN, from = Number.NaN): number => Math.log(to / from);
  const flag = (is: boolean): number => (is ? 1 : 0);
  return [
    flag(facts.isSeries),
    flag(facts.isMainLanguage),
    2 * flag(facts.isSeries) + flag(facts.isMainLanguage),
    list.rank,
    facts.ageWeeks,
    facts.weeksSince,
    facts.weeksSeen,
    facts.ageWeeks - facts.weeksSeen,
    facts.firstAgeWeeks,
    flag(facts.ageWeeks === 1 && facts.weeksSince === 1),
    moved(level, last),
    moved(last, second),
    moved(second, third),
    moved(level, second),
    moved(level, list.median),
    moved(level, list.lowest),
    moved(level, list.highest),
    moved(level, list.below),
    moved(level, facts.peakLevel),
    facts.weeksSince > 1 ? moved(facts.firstLevel, level) : Number.NaN,
    Math.log(runtimeHours),
    moved(level, list.median) - Math.log(runtimeHours),
    runtimeHours - previousRuntimeHours,
    flag(facts.isHolidayAhead),
    list.newTitles,
    list.newTitlesAbove,
    list.secondWeekTitles,
    Math.log(list.change),
    Math.log(list.changeOfAll),
  ];
}
