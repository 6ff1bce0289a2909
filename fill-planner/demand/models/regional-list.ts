import { fitTrees, scoreByTrees, type TreeModel, type TreeOptions } from './trees/boosted-trees.ts';

/**
 * How likely a title is among the ten most watched of a region in the coming week.
 *
 * Problem: regions differ, so one list for all is worse than each region's own last list; but the own list keeps what
 * sank to the last ranks, while a title that has just entered next door is on its way, and a title that three launches
 * stand above falls sooner than one that stands above them.
 * Idea: the chance by trees over the title's places here, everywhere, and in regions that have listed the same titles
 * for weeks. One fit for all regions, so a small one borrows from the rest.
 * A straight line over twenty such facts reached 0.615 where the own list has 0.607. Limits: what no region lists yet
 * cannot be named: three in ten of next week's titles are launches that no list of this week shows.
 */
export interface ListFacts {
  readonly isSeries: boolean;
  readonly own: OwnPlaces;
  readonly world: WorldPlaces;
  readonly nearby: NearbyPlaces;
}

/** Of the title on the region's own lists. */
export interface OwnPlaces {
  /** Now, one and two weeks ago: 1 to 10; absent when it is not listed. */
  readonly ranks: readonly (number | undefined)[];
  readonly bestRank?: number | undefined;
  /** 1 in the first week; 0 when it is not listed. */
  readonly ageWeeks: number;
  readonly weeksListed: number;
  /** Titles in their first week: on the list, and above this one; absent when it is not listed. */
  readonly newTitles: number;
  readonly newTitlesAbove?: number | undefined;
  /** Share of its titles that the region's list kept from week to week. */
  readonly keptShare: number;
}

/** Of the title on all regions' lists. Strength is 1 for the first rank, 0.1 for the tenth, 0 off the list. */
export interface WorldPlaces {
  /** Mean over regions, now, one and two weeks ago. */
  readonly strengths: readonly number[];
  /** Regions that list it. */
  readonly counts: readonly number[];
  /** Of the regions that listed it a week ago: the share that still does, and by how many ranks it rose there. */
  readonly keptShare?: number | undefined;
  readonly rise?: number | undefined;
  readonly firstRanks: number;
  readonly ageWeeks: number;
  readonly meanAgeWeeks?: number | undefined;
  readonly weeksSinceFirst: number;
  /** Hours on the list of the whole world, now and a week ago, in any unit. */
  readonly hours?: number | undefined;
  readonly hoursBefore?: number | undefined;
  readonly isMainLanguage?: boolean | undefined;
}

/** Means over other regions, each weighing by a power of how alike the lists of the last weeks were. */
export interface NearbyPlaces {
  readonly strength: number;
  readonly strengthBefore: number;
  /** By the most alike only, and by this week's likeness only. */
  readonly closest: number;
  readonly thisWeek: number;
  /** Share that lists it now and a week ago, that has just begun to and just ceased to. */
  readonly listed: number;
  readonly listedBefore: number;
  readonly entered: number;
  readonly left: number;
}

export interface ListSample {
  readonly facts: ListFacts;
  readonly isOnNextList: boolean;
}

const TREES: TreeOptions = {
  loss: 'chance',
  rounds: 150,
  leaves: 31,
  minRows: 100,
  ridge: 1,
  rate: 0.05,
  rowShare: 0.5,
  factShare: 0.5,
};

export function fitListChances(samples: readonly ListSample[]): TreeModel {
  const rows = samples.map(({ facts, isOnNextList }) => ({
    facts: factsOf(facts),
    target: isOnNextList ? 1 : 0,
    weight: 1,
  }));
  return fitTrees(rows, TREES);
}

/** @returns 0 to 1 */
export function chanceOf(model: TreeModel, facts: ListFacts): number {
  return 1 / (1 + Math.exp(-scoreByTrees(model, factsOf(facts))));
}

function factsOf({ isSeries, own, world, nearby }: ListFacts): number[] {
  const flag = (is: boolean | undefined): number => (is === undefined ? Number.NaN : Number(is));
  const known = (value: number | undefined): number => value ?? Number.NaN;
  const [rank, lastRank, rankBefore] = [0, 1, 2].map((at) => known(own.ranks[at])) as [number, number, number];
  const [now, last, before] = world.strengths as [number, number, number];
  const [count, lastCount, countBefore] = world.counts as [number, number, number];
  const logHours = Math.log(known(world.hours));
  return [
    flag(isSeries),
    rank,
    lastRank,
    rankBefore,
    lastRank - rank,
    rankBefore - lastRank,
    known(own.bestRank),
    own.ageWeeks,
    own.weeksListed,
    own.newTitles,
    known(own.newTitlesAbove),
    own.keptShare,
    own.ageWeeks / (world.weeksSinceFirst + 1),
    now,
    now - last,
    last - before,
    count,
    count - lastCount,
    countBefore,
    known(world.keptShare),
    known(world.rise),
    world.firstRanks,
    world.ageWeeks,
    known(world.meanAgeWeeks),
    world.weeksSinceFirst,
    logHours,
    logHours - Math.log(known(world.hoursBefore)),
    flag(world.isMainLanguage),
    nearby.strength,
    nearby.strength - nearby.strengthBefore,
    nearby.closest,
    nearby.thisWeek,
    nearby.listed,
    nearby.listed - nearby.listedBefore,
    nearby.entered,
    nearby.left,
  ];
}
