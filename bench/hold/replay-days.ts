import type { History, WeeklyRow } from '../../fill-planner/backtest/history.ts';
import { EMPTY_CALENDAR } from '../../fill-planner/calendar/calendar-facts.ts';
import { chooseHold } from '../../fill-planner/hold/choose-hold.ts';
import { economyOf } from '../../fill-planner/hold/fill-economy.ts';
import { HELD } from '../../fill-planner/hold/held.ts';
import { DEFAULT_HOLD_SETTINGS, type HoldSettings } from '../../fill-planner/hold/hold-input.ts';
import type { HoldItem, RegionDemand, RenditionFacts } from '../../fill-planner/plan/plan-facts.ts';

/**
 * Days of one site that fills every night by `chooseHold` and serves the day after. Titles and hours are those of the
 * weekly lists, with a tail of falling hours after they leave them; each has six rungs. Views come by chance around what
 * the site's share of the hours is, so a small site has the noise that it has in life. The forecast is last week's hours
 * times the usual decay, and for launches the mean of earlier ones: worse than the planner's own.
 */
export interface DaysScore {
  /** Of the bytes asked for: served from what is held, and fetched for the plan. */
  readonly servedShare: number;
  readonly fetchedShare: number;
  /** What crossed the link, plan and misses together, against no plan at all. */
  readonly crossedShare: number;
  /** Fetched per day, as a share of the disk. */
  readonly churn: number;
  readonly localStartShare: number;
  /** Days on which more was planned to be fetched than was expected to be served. */
  readonly daysOverExpected: number;
}

export interface Site {
  readonly viewsPerDay: number;
  /** Of the bytes of all titles that are watched at a time. */
  readonly diskShare: number;
}

export interface Rule {
  readonly settings: Partial<HoldSettings>;
  /** Ranks as if nothing were held already, as a plain list by popularity does. */
  readonly isForgetful?: boolean;
}

const RUNGS = [
  { bitsPerSec: 0.4e6, share: 0.05 },
  { bitsPerSec: 0.8e6, share: 0.1 },
  { bitsPerSec: 1.5e6, share: 0.2 },
  { bitsPerSec: 3e6, share: 0.3 },
  { bitsPerSec: 5e6, share: 0.25 },
  { bitsPerSec: 8e6, share: 0.1 },
] as const;
const WATCHED_SHARE = 0.5;
const PEAK_HOUR_SHARE = 0.1;
const USUAL_DECAY = 0.65;
const TAIL_DECAY = 0.8;
const TAIL_WEEKS = 26;
const HEAD_SEC = 8;
const BLOCK_BYTES = 2 ** 20;
const DAY_MS = 86_400_000;
const FORECAST_ERROR = 0.5;
const WARM_UP_WEEKS = 4;

export function replayDays(history: History, weeks: number, site: Site, rule: Rule, random: () => number): DaysScore {
  const world = worldOf(history.weekly, weeks);
  const { facts } = world;
  const settings = { ...DEFAULT_HOLD_SETTINGS, ...rule.settings };
  const diskBytes = site.diskShare * world.liveBytes;
  let held = new Uint8Array(facts.length);
  const sum = { asked: 0, served: 0, fetched: 0, missed: 0, starts: 0, localStarts: 0, over: 0, days: 0 };
  for (let day = 0; day < weeks * 7; day++) {
    const week = Math.floor(day / 7);
    const demand = forecastOf(world, week, site.viewsPerDay);
    const choice = chooseHold({
      facts,
      demand,
      regionShare: 1,
      heldNow: rule.isForgetful === true ? new Uint8Array(facts.length) : held,
      cluster: { clusterId: 'c', siteId: 's', region: 'r' },
      calendar: EMPTY_CALENDAR,
      nowMs: world.startMs + day * DAY_MS,
      plannedBytes: diskBytes,
      maxItemBytes: diskBytes,
      fetchedLatelyBytes: 0,
      economy: economyOf({
        transit: undefined,
        expectedBytes: total(demand.expectedBytes),
        peakHourBytes: total(demand.peakHourBytes),
        wornShare: 0,
      }),
      settings,
    });
    const next = heldOf(choice.items, facts.length);
    const fetched = fetchedBytes(facts, held, next);
    held = next;
    const seen = watch(world, week, site.viewsPerDay, held, random);
    if (week < WARM_UP_WEEKS) continue;
    sum.days += 1;
    sum.fetched += fetched;
    sum.over += fetched > choice.servedBytes ? 1 : 0;
    sum.asked += seen.asked;
    sum.served += seen.served;
    sum.missed += seen.asked - seen.served;
    sum.starts += seen.starts;
    sum.localStarts += seen.localStarts;
  }
  return {
    servedShare: sum.served / sum.asked,
    fetchedShare: sum.fetched / sum.asked,
    crossedShare: (sum.fetched + sum.missed) / sum.asked,
    churn: sum.fetched / sum.days / diskBytes,
    localStartShare: sum.localStarts / sum.starts,
    daysOverExpected: sum.over,
  };
}

interface World {
  readonly facts: readonly RenditionFacts[];
  /** Hours by title and week, and the first week of each title. */
  readonly hours: readonly Float64Array[];
  readonly firstWeek: readonly number[];
  readonly hoursPerDay: Float64Array;
  readonly startMs: number;
  readonly liveBytes: number;
}

function worldOf(rows: readonly WeeklyRow[], weeks: number): World {
  const dates = [...new Set(rows.map(({ week }) => week))].sort().slice(-weeks);
  const startMs = Date.parse(dates[0] ?? '');
  const byTitle = Map.groupBy(
    rows.filter(({ week }) => week >= (dates[0] ?? '')),
    ({ title }) => title,
  );
  const hours: Float64Array[] = [];
  const firstWeek: number[] = [];
  const facts: RenditionFacts[] = [];
  for (const [titleId, ofTitle] of [...byTitle].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const its = new Float64Array(weeks);
    for (const row of ofTitle) its[dates.indexOf(row.week)] = (its[dates.indexOf(row.week)] ?? 0) + row.hours;
    const first = its.findIndex((value) => value > 0);
    for (let week = first + 1; week < Math.min(weeks, first + TAIL_WEEKS); week++)
      its[week] = Math.max(its[week] ?? 0, (its[week - 1] ?? 0) * (its[week] === 0 ? TAIL_DECAY : 0));
    hours.push(its);
    firstWeek.push(first);
    const durationSec = Math.min(20, ofTitle[0]?.runtimeHours ?? 2) * 3600;
    for (const [rung, { bitsPerSec }] of RUNGS.entries())
      facts.push({
        id: `${titleId}/${rung}`,
        titleId,
        isManifest: false,
        sizeBytes: (durationSec * bitsPerSec) / 8,
        bitsPerSec,
        durationSec,
        headBytes: Math.ceil((bitsPerSec * HEAD_SEC) / 8 / BLOCK_BYTES) * BLOCK_BYTES,
        availableAtMs: startMs + first * 7 * DAY_MS,
      });
  }
  const hoursPerDay = Float64Array.from(dates, (_, week) => hours.reduce((sum, its) => sum + (its[week] ?? 0), 0) / 7);
  const last = weeks - 1;
  const liveBytes = facts.reduce(
    (sum, { sizeBytes }, index) => sum + ((hours[Math.floor(index / RUNGS.length)]?.[last] ?? 0) > 0 ? sizeBytes : 0),
    0,
  );
  return { facts, hours, firstWeek, hoursPerDay, startMs, liveBytes };
}

/** Views of a rendition per day, from hours of its title within a week. */
function viewsOf({ hoursPerDay }: World, hours: number, week: number, rung: number, viewsPerDay: number): number {
  return (hours / 7 / (hoursPerDay[week] ?? 1)) * viewsPerDay * (RUNGS[rung]?.share ?? 0);
}

function forecastOf(world: World, week: number, viewsPerDay: number): RegionDemand {
  const launches = world.hours.flatMap((its, title) => {
    const first = world.firstWeek[title] ?? 0;
    return first > 0 && first < week ? [its[first] ?? 0] : [];
  });
  const usualLaunch = launches.length === 0 ? 0 : launches.reduce((sum, each) => sum + each, 0) / launches.length;
  const expectedBytes = Float64Array.from(world.facts, ({ sizeBytes }, index) => {
    const title = Math.floor(index / RUNGS.length);
    const isLaunch = world.firstWeek[title] === week;
    const hours = isLaunch ? usualLaunch : USUAL_DECAY * (world.hours[title]?.[week - 1] ?? 0);
    return viewsOf(world, hours, week, index % RUNGS.length, viewsPerDay) * WATCHED_SHARE * sizeBytes;
  });
  return {
    expectedBytes,
    deviationBytes: expectedBytes.map((bytes) => bytes * FORECAST_ERROR),
    peakHourBytes: expectedBytes.map((bytes) => bytes * PEAK_HOUR_SHARE),
  };
}

function watch(world: World, week: number, viewsPerDay: number, held: Uint8Array, random: () => number) {
  const seen = { asked: 0, served: 0, starts: 0, localStarts: 0 };
  for (const [index, { sizeBytes, headBytes }] of world.facts.entries()) {
    const hours = world.hours[Math.floor(index / RUNGS.length)]?.[week] ?? 0;
    if (hours === 0) continue;
    const views = poisson(viewsOf(world, hours, week, index % RUNGS.length, viewsPerDay), random);
    const bytes = views * WATCHED_SHARE * sizeBytes;
    seen.asked += bytes;
    seen.starts += views;
    if (held[index] !== HELD.nothing) seen.localStarts += views;
    if (held[index] === HELD.whole) seen.served += bytes;
    if (held[index] === HELD.head) seen.served += Math.min(bytes, views * headBytes);
  }
  return seen;
}

/** Above 30 the normal distribution is near enough. */
function poisson(mean: number, random: () => number): number {
  if (mean > 30) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const floor = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > floor; product *= random()) count += 1;
  return count;
}

function heldOf(items: readonly HoldItem[], count: number): Uint8Array<ArrayBuffer> {
  const held = new Uint8Array(count);
  for (const { rendition, part } of items) held[rendition] = part === 'whole' ? HELD.whole : HELD.head;
  return held;
}

function fetchedBytes(facts: readonly RenditionFacts[], before: Uint8Array, after: Uint8Array): number {
  const bytes = (part: number, { sizeBytes, headBytes }: RenditionFacts): number =>
    part === HELD.whole ? sizeBytes : part === HELD.head ? headBytes : 0;
  return facts.reduce(
    (sum, each, index) => sum + Math.max(0, bytes(after[index] ?? 0, each) - bytes(before[index] ?? 0, each)),
    0,
  );
}

const total = (values: Float64Array): number => values.reduce((sum, each) => sum + each, 0);
