import type { ExpectedDemand, Launch } from '../../calendar/calendar-facts.ts';
import { type AgeCurve, curveAt } from './age-curve.ts';
import type { CatalogueShape } from './catalogue-shape.ts';
import { learnedFactor, remainingVariance } from './shrinkage.ts';
import { DAY_WEIGHTS, type DemandTally, HISTORY_DAYS } from './tally-demand.ts';

/**
 * Level of every title in every region: bytes of a day at age zero, from which the curve of ages leads to any day.
 *
 *   opinion   the region's mean per stored byte, by old and young titles; or what the calendar says of a launch
 *   world     corrected by what all regions together asked for of the title
 *   region    corrected again by what this region asked for of it
 *
 * Each correction goes as far as sessions were to be expected (shrinkage.ts): a small region borrows from the rest of
 * the world until its own viewers have spoken.
 */
export interface TitleLevels {
  /** By region, then by title: bytes per day at age zero. */
  readonly levels: readonly Float64Array[];
  /** By region, then by title: relative variance of the level. */
  readonly variances: readonly Float64Array[];
  /** By region, then by title: days of demand, weighed by curve and recency, that the tally covers. */
  readonly exposures: readonly Float64Array[];
}

export interface LevelInput {
  readonly catalogue: CatalogueShape;
  readonly tally: DemandTally;
  readonly curve: AgeCurve;
  /** By region, then by title: age now in days; negative for what has not started. */
  readonly ages: readonly Float64Array[];
  readonly regions: readonly string[];
  readonly launches: readonly Launch[];
  /** Of each title, see rendition-mix. */
  readonly sessionBytes: Float64Array;
}

/** Before any demand: every stored byte asked for once in ten days, at age zero. */
const FALLBACK_DENSITY = 0.1;
/** How much the mean of a wider group weighs against counts, in sessions. */
const OPINION_SESSIONS = 5;
const YOUNG_DAYS = HISTORY_DAYS;
const FIRST_DAY_MIDDLE = 0.5;
/** Titles differ by a factor of four or so from their group's mean, launches from what was said of them by two. */
const TITLE_VARIANCE = 10;
const STATED_VARIANCE = 0.7;
const REGION_VARIANCE = 0.5;

export function learnLevels(input: LevelInput): TitleLevels {
  const { catalogue, tally, regions } = input;
  const exposures = input.ages.map((ages, at) => exposuresOf(ages, tally.watchedDays[at] ?? 0, input.curve));
  const seen = regions.map((_, at) => sumByTitle(tally.recentBytes[at], catalogue));
  const densities = densitiesOf(input, seen, exposures);
  const titles = catalogue.titleIds.length;
  const levels = regions.map(() => new Float64Array(titles));
  const variances = regions.map(() => new Float64Array(titles));
  const stated = statedLaunches(input.launches);
  const settle = (title: number, opinions: readonly number[], variance: number): void => {
    settleTitle({ title, opinions, variance, seen, exposures, levels, variances }, input.sessionBytes[title] ?? 1);
  };
  const alike: { title: number; launches: readonly StatedLaunch[] }[] = [];
  for (const [title, id] of catalogue.titleIds.entries()) {
    const usual = densities.map((densityOf) => densityOf(title) * (catalogue.titleSizes[title] ?? 0));
    const launches = stated.get(id);
    if (launches === undefined) settle(title, usual, TITLE_VARIANCE);
    else if (launches.some(({ expected }) => expected.by === 'like')) {
      settle(title, usual, TITLE_VARIANCE);
      alike.push({ title, launches });
    } else settle(title, statedLevels(launches, usual, input), STATED_VARIANCE);
  }
  // After the others, so that a title can be like any of them.
  const titleIndex = new Map(catalogue.titleIds.map((id, index) => [id, index]));
  const likes = alike.map(({ title, launches }) => {
    const usual = levels.map((ofRegion) => ofRegion[title] ?? 0);
    const levelLike = (other: string, at: number): number | undefined => {
      const index = titleIndex.get(other);
      if (index === undefined || index === title) return undefined;
      return ((levels[at]?.[index] ?? 0) / (catalogue.titleSizes[index] ?? 1)) * (catalogue.titleSizes[title] ?? 0);
    };
    return { title, opinions: statedLevels(launches, usual, input, levelLike) };
  });
  for (const { title, opinions } of likes) settle(title, opinions, STATED_VARIANCE);
  return { levels, variances, exposures };
}

/** Weighted days that the tally covers of a title of each age: its demand in the tally is its level times this. */
function exposuresOf(ages: Float64Array, watchedDays: number, curve: AgeCurve): Float64Array {
  return ages.map((age) => {
    let sum = 0;
    for (let daysAgo = 0; daysAgo < HISTORY_DAYS; daysAgo++) {
      const share = Math.min(1, age - daysAgo, watchedDays - daysAgo);
      if (share <= 0) break;
      const middle = Math.max(0, age - daysAgo - share / 2);
      sum += share * (DAY_WEIGHTS[daysAgo] ?? 0) * (curve.dayFactors[daysAgo] ?? 1) * curveAt(curve, middle);
    }
    return sum;
  });
}

function sumByTitle(bytes: Float64Array | undefined, { titleOf, titleIds }: CatalogueShape): Float64Array {
  const sums = new Float64Array(titleIds.length);
  for (const [at, title] of titleOf.entries()) sums[title] = (sums[title] ?? 0) + (bytes?.[at] ?? 0);
  return sums;
}

/** By region: bytes per stored byte and day at age zero that a title of that age has on average. */
function densitiesOf(
  { catalogue: { titleSizes }, ages, sessionBytes }: LevelInput,
  seen: readonly Float64Array[],
  exposures: readonly Float64Array[],
): ((title: number) => number)[] {
  const groups = seen.map((ofRegion, at) => {
    const [bytes, stored] = [
      [0, 0],
      [0, 0],
    ];
    for (const [title, size] of titleSizes.entries()) {
      const group = (ages[at]?.[title] ?? 0) < YOUNG_DAYS ? 0 : 1;
      bytes[group] = (bytes[group] ?? 0) + (ofRegion[title] ?? 0);
      stored[group] = (stored[group] ?? 0) + size * (exposures[at]?.[title] ?? 0);
    }
    return { bytes, stored };
  });
  const total = (of: 'bytes' | 'stored', group: number): number =>
    groups.reduce((sum, each) => sum + (each[of][group] ?? 0), 0);
  const usualBytes =
    sessionBytes.length === 0 ? 1 : sessionBytes.reduce((sum, each) => sum + each, 0) / sessionBytes.length;
  const drawn = (usual: number, stored: number, bytes: number): number => {
    const opinion = { expectedBytes: usual * stored, variance: 1 / OPINION_SESSIONS, sessionBytes: usualBytes };
    return usual * learnedFactor(opinion, bytes);
  };
  const world = drawn(FALLBACK_DENSITY, total('stored', 0) + total('stored', 1), total('bytes', 0) + total('bytes', 1));
  const byAge = [0, 1].map((group) => drawn(world, total('stored', group), total('bytes', group)));
  return groups.map(({ bytes, stored }, at) => {
    const own = drawn(world, (stored[0] ?? 0) + (stored[1] ?? 0), (bytes[0] ?? 0) + (bytes[1] ?? 0));
    const densities = byAge.map((density) => (density * own) / world);
    return (title) => densities[(ages[at]?.[title] ?? 0) < YOUNG_DAYS ? 0 : 1] ?? world;
  });
}

interface StatedLaunch extends Launch {
  readonly expected: ExpectedDemand;
}

function statedLaunches(launches: readonly Launch[]): Map<string, StatedLaunch[]> {
  const stated = launches.flatMap((launch) =>
    launch.expected === undefined ? [] : [{ ...launch, expected: launch.expected }],
  );
  return Map.groupBy(stated, ({ titleId }) => titleId);
}

/** By region: what the calendar says, where it says something that can be followed; else the usual. */
function statedLevels(
  launches: readonly StatedLaunch[],
  usual: readonly number[],
  { regions, curve }: LevelInput,
  levelLike?: (titleId: string, region: number) => number | undefined,
): number[] {
  const total = usual.reduce((sum, level) => sum + level, 0);
  return regions.map((region, at) => {
    const own = usual[at] ?? 0;
    const launch =
      launches.find((each) => each.region === region) ?? launches.find((each) => each.region === undefined);
    if (launch === undefined) return own;
    const { expected } = launch;
    if (expected.by === 'like') {
      const level = levelLike?.(expected.titleId, at);
      return level === undefined ? own : level * expected.factor;
    }
    const share = launch.region === undefined && total > 0 ? own / total : 1;
    return (expected.bytesPerDay * share) / curveAt(curve, FIRST_DAY_MIDDLE);
  });
}

interface Settling {
  readonly title: number;
  /** By region. */
  readonly opinions: readonly number[];
  readonly variance: number;
  readonly seen: readonly Float64Array[];
  readonly exposures: readonly Float64Array[];
  readonly levels: readonly Float64Array[];
  readonly variances: readonly Float64Array[];
}

/** Corrects the opinions of one title by the world's demand and then by each region's. */
function settleTitle(
  { title, opinions, variance, seen, exposures, levels, variances }: Settling,
  sessionBytes: number,
): void {
  let [worldSeen, worldExpected] = [0, 0];
  for (const [at, opinion] of opinions.entries()) {
    worldSeen += seen[at]?.[title] ?? 0;
    worldExpected += opinion * (exposures[at]?.[title] ?? 0);
  }
  const world = { expectedBytes: worldExpected, variance, sessionBytes };
  const factor = learnedFactor(world, worldSeen);
  const left = remainingVariance(world);
  for (const [at, opinion] of opinions.entries()) {
    const [ofLevels, ofVariances] = [levels[at], variances[at]];
    if (ofLevels === undefined || ofVariances === undefined) continue;
    const level = opinion * factor;
    const own = { expectedBytes: level * (exposures[at]?.[title] ?? 0), variance: REGION_VARIANCE, sessionBytes };
    ofLevels[title] = level * learnedFactor(own, seen[at]?.[title] ?? 0);
    ofVariances[title] = left + remainingVariance(own);
  }
}
