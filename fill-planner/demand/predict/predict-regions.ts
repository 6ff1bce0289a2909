import { EMPTY_CALENDAR, type Launch, launchOf } from '../../calendar/calendar-facts.ts';
import type { RegionDemand, RenditionFacts } from '../../plan/plan-facts.ts';
import { type AgeCurve, curveAt, fitAgeCurve } from './age-curve.ts';
import { type CatalogueShape, shapeCatalogue } from './catalogue-shape.ts';
import { learnMix, type RenditionMix, SESSION_SHARE } from './rendition-mix.ts';
import { learnedFactor, remainingVariance } from './shrinkage.ts';
import { type DemandRow, DemandTallier, type DemandTally, HISTORY_DAYS } from './tally-demand.ts';
import { learnLevels, type TitleLevels } from './title-levels.ts';

/**
 * What every region will ask for of every rendition within the next day, how sure that is, and the busiest hour of it.
 *
 * Problem: most cells of renditions x regions have seen a handful of sessions or none, and what is watched most is
 * young and falling. An average of each cell alone is late for every launch and blind for every new title.
 * Idea: expected = level of the title in the region x age x busy day x the rendition's part of its title, each learned
 * where it shows best and drawn to the wider one while its own counts are few:
 *
 *   age, day    over all titles and regions                                        age-curve
 *   level       of a launch's facts or the group's mean, the world, the region     title-levels
 *   part        by size and class of rates; world, region, then the cell itself    rendition-mix, and here
 *
 * What launches within two days is predicted for its first day, so that it can be filled before; later launches are
 * nothing yet. Limits: a title's hours are those of its region; a title of which history has forgotten everything is as
 * any of its age. Cost: one pass over history, one over renditions x regions.
 *
 * In two steps for who has much history: the rows are added up as they are read, in `tallierOf`, and what comes of them
 * are arrays that may go to another thread, `predictTallied`.
 */
export interface RegionsInput {
  /** Start of an hour: finer time only makes plans differ that are the same. */
  readonly nowMs: number;
  readonly renditions: readonly RenditionFacts[];
  readonly regions: readonly string[];
  readonly history: Iterable<DemandRow>;
  /** Of the calendar. */
  readonly launches?: readonly Launch[] | undefined;
}

const DAY_MS = 86_400_000;
const LAUNCH_AHEAD_DAYS = 2;
/** A rendition's part of its title may differ from its class by half. */
const PART_VARIANCE = 0.25;
/** Levels move from one day to the next by a fifth or so. */
const DRIFT_VARIANCE = 0.05;
/** The busiest hour's share of a day, before a region's hours are known, and how many sessions that weighs. */
const USUAL_PEAK_SHARE = 0.09;
const PEAK_SESSIONS = 200;

/** By region. Arrays over the renditions in their order; bytes, all finite and at least 0. */
export function predictRegions(input: RegionsInput): ReadonlyMap<string, RegionDemand> {
  const { nowMs, renditions, regions, launches = EMPTY_CALENDAR.launches } = input;
  const catalogue = shapeCatalogue(renditions);
  const tallier = tallierOf(catalogue, input);
  for (const row of input.history) tallier.add(row);
  return predictTallied({ nowMs, catalogue, tally: tallier.tally, regions, launches });
}

/** Adds up history for `predictTallied`. */
export function tallierOf(
  { titleOf, titleIds }: CatalogueShape,
  { nowMs, renditions, regions }: Pick<RegionsInput, 'nowMs' | 'renditions' | 'regions'>,
): DemandTallier {
  const renditionIds = renditions.map(({ id }) => id);
  return new DemandTallier({ nowMs, renditionIds, titleOf, titleCount: titleIds.length, regions });
}

/** What is left to know once history is added up: columns, and a few words. */
export interface TalliedRegions {
  readonly nowMs: number;
  readonly catalogue: CatalogueShape;
  readonly tally: DemandTally;
  readonly regions: readonly string[];
  readonly launches: readonly Launch[];
}

/** As `predictRegions`. */
export function predictTallied(input: TalliedRegions): ReadonlyMap<string, RegionDemand> {
  const { nowMs, catalogue, tally, regions, launches } = input;
  const ages = regions.map((region, at) =>
    agedByDemand(agesOf(catalogue, region, nowMs, launches), catalogue, tally, tally.recentBytes[at]),
  );
  const curve = fitAgeCurve(tally.titleDays, oldestOf(ages, catalogue), Math.max(0, ...tally.watchedDays));
  const mix = learnMix(catalogue, tally.recentBytes);
  const { sessionBytes } = mix;
  const levels = learnLevels({ catalogue, tally, curve, ages, regions, launches, sessionBytes });
  const parts = { catalogue, tally, curve, mix, levels };
  return new Map(regions.map((region, at) => [region, predictRegion(at, ages[at] ?? new Float64Array(), parts)]));
}

/** Days since each title started in the region; negative before. */
function agesOf(catalogue: CatalogueShape, region: string, nowMs: number, launches: readonly Launch[]): Float64Array {
  const byTitle = Map.groupBy(launches, ({ titleId }) => titleId);
  return catalogue.startsAtMs.map((startsAtMs, title) => {
    const own = launchOf(byTitle.get(catalogue.titleIds[title] ?? '') ?? [], catalogue.titleIds[title] ?? '', region);
    return (nowMs - (own?.startsAtMs ?? startsAtMs)) / DAY_MS;
  });
}

/**
 * A title that was watched before it began (a catalogue that was made anew, a preview) is as old as its demand: counts
 * of days that it is not known to have lived would make its level as large as one likes.
 */
function agedByDemand(
  ages: Float64Array,
  { titleOf, titleIds }: CatalogueShape,
  { titleDays }: DemandTally,
  recentBytes: Float64Array | undefined,
): Float64Array {
  const isWatched = new Uint8Array(titleIds.length);
  for (const [rendition, title] of titleOf.entries()) if ((recentBytes?.[rendition] ?? 0) > 0) isWatched[title] = 1;
  return ages.map((age, title) => {
    if (isWatched[title] !== 1) return age;
    const days = titleDays.subarray(title * HISTORY_DAYS, (title + 1) * HISTORY_DAYS);
    return Math.max(age, days.findLastIndex((bytes) => bytes > 0) + 1);
  });
}

function oldestOf(ages: readonly Float64Array[], { titleIds }: CatalogueShape): Float64Array {
  const oldest = new Float64Array(titleIds.length).fill(Number.NEGATIVE_INFINITY);
  for (const ofRegion of ages)
    for (const [title, age] of ofRegion.entries()) oldest[title] = Math.max(oldest[title] ?? age, age);
  return oldest;
}

interface Learned {
  readonly catalogue: CatalogueShape;
  readonly tally: DemandTally;
  readonly curve: AgeCurve;
  readonly mix: RenditionMix;
  readonly levels: TitleLevels;
}

function predictRegion(at: number, ages: Float64Array, learned: Learned): RegionDemand {
  const { titleOf, sizes, classes } = learned.catalogue;
  const { catalogue, tally, curve, mix, levels } = learned;
  const preferences = mix.preferences[at] ?? new Float64Array();
  const parts = partsOf(catalogue, preferences);
  const days = ages.map((age) => dayAhead(curve, age));
  const seen = tally.recentBytes[at] ?? new Float64Array();
  const [ofLevel, ofVariance, exposures] = [levels.levels[at], levels.variances[at], levels.exposures[at]];
  const expectedBytes = new Float64Array(sizes.length);
  const deviationBytes = new Float64Array(sizes.length);
  for (let index = 0; index < sizes.length; index++) {
    const title = titleOf[index] ?? 0;
    const size = sizes[index] ?? 0;
    const part = (size * (preferences[classes[index] ?? 0] ?? 1)) / (parts[title] ?? 1);
    const level = (ofLevel?.[title] ?? 0) * part;
    const sessionBytes = SESSION_SHARE * size;
    const opinion = { expectedBytes: level * (exposures?.[title] ?? 0), variance: PART_VARIANCE, sessionBytes };
    const expected = level * learnedFactor(opinion, seen[index] ?? 0) * (days[title] ?? 0);
    const variance = (ofVariance?.[title] ?? 0) + remainingVariance(opinion) + DRIFT_VARIANCE;
    expectedBytes[index] = expected;
    deviationBytes[index] = Math.sqrt(expected * expected * variance + expected * sessionBytes);
  }
  const peakShare = peakShareOf(tally.hours[at] ?? new Float64Array(24), meanOf(mix.sessionBytes));
  return { expectedBytes, deviationBytes, peakHourBytes: expectedBytes.map((bytes) => bytes * peakShare) };
}

/** Of each title: sizes of its renditions times their preference, so that parts add up to one. */
function partsOf({ titleOf, sizes, classes, titleIds }: CatalogueShape, preferences: Float64Array): Float64Array {
  const sums = new Float64Array(titleIds.length);
  for (let index = 0; index < sizes.length; index++) {
    const title = titleOf[index] ?? 0;
    sums[title] = (sums[title] ?? 0) + (sizes[index] ?? 0) * (preferences[classes[index] ?? 0] ?? 1);
  }
  return sums;
}

/** What the level is to be multiplied with for the day ahead, or for the first day of what launches soon. */
function dayAhead(curve: AgeCurve, ageDays: number): number {
  if (ageDays < -LAUNCH_AHEAD_DAYS) return 0;
  return curveAt(curve, Math.max(0, ageDays) + 0.5) * curve.nextDayFactor;
}

const meanOf = (values: Float64Array): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function peakShareOf(hours: Float64Array, sessionBytes: number): number {
  const total = hours.reduce((sum, bytes) => sum + bytes, 0);
  const weight = PEAK_SESSIONS * Math.max(1, sessionBytes);
  return (Math.max(...hours) + USUAL_PEAK_SHARE * weight) / (total + weight);
}
