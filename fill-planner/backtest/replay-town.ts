import { predictRegions } from '../demand/predict/predict-regions.ts';
import type { RegionDemand } from '../plan/plan-facts.ts';
import { generateTown, type Town } from './generated-town.ts';

const TOWN_METHODS = ['last day', 'half-life level', 'this model', 'with the calendar', 'oracle'] as const;

/** What the plan cycle's own prediction is worth, on a town whose true rates are known. In the order of `TOWN_METHODS`. */
export interface TownScore {
  readonly method: string;
  /** Sum of absolute errors over sum of the truth, over all cells of rendition and region. */
  readonly error: number;
  /** The same without what launches on the day itself, of which nothing has been counted yet. */
  readonly errorOfKnown: number;
  /** Share of the day's bytes that what is held would serve, with room for a tenth of the catalogue in each region. */
  readonly served: number;
}

const SIZE = { titles: 400, regions: 5, days: 49, sessionsPerDay: 10_000 };
const ORIGINS = [21, 25, 29, 33, 37, 41, 45, 48] as const;
const CAPACITY_SHARE = 0.1;
const DAY_MS = 86_400_000;
const HALF_LIFE_DAYS = 3;

type Cells = readonly Float64Array[];

/** @param random 0 to 1 */
export function replayTown(random: () => number): TownScore[] {
  const town = generateTown(SIZE, random);
  const sums = TOWN_METHODS.map(() => ({ error: 0, errorOfKnown: 0, served: 0 }));
  let [total, known] = [0, 0];
  for (const day of ORIGINS) {
    const truth = cellsOf(town, (region, rendition) => town.trueBytes(day, region, rendition));
    const isKnown = town.renditions.map(({ availableAtMs }) => availableAtMs < town.startMs + day * DAY_MS);
    const forecasts = [...forecastsOf(town, day), truth];
    for (const [method, forecast] of forecasts.entries()) {
      const sum = sums[method];
      if (sum === undefined) continue;
      for (const [region, cells] of truth.entries()) {
        const foreseen = forecast[region] ?? cells;
        for (const [at, bytes] of cells.entries()) {
          const error = Math.abs((foreseen[at] ?? 0) - bytes);
          sum.error += error;
          if (isKnown[at] === true) sum.errorOfKnown += error;
        }
        sum.served += servedBy(town, foreseen, cells);
      }
    }
    for (const cells of truth)
      for (const [at, bytes] of cells.entries()) {
        total += bytes;
        if (isKnown[at] === true) known += bytes;
      }
  }
  return sums.map(({ error, errorOfKnown, served }, at) => ({
    method: TOWN_METHODS[at] ?? '',
    error: error / total,
    errorOfKnown: errorOfKnown / known,
    served: served / total,
  }));
}

function cellsOf(town: Town, bytes: (region: number, rendition: number) => number): Cells {
  return town.regions.map((_, region) => Float64Array.from(town.renditions, (_rendition, at) => bytes(region, at)));
}

function forecastsOf(town: Town, day: number): Cells[] {
  const nowMs = town.startMs + day * DAY_MS;
  const history = town.history.filter(({ startMs }) => startMs < nowMs);
  const renditionIndex = new Map(town.renditions.map(({ id }, at) => [id, at]));
  const regionIndex = new Map(town.regions.map((region, at) => [region, at]));
  const [lastDay, level] = [cellsOf(town, () => 0), cellsOf(town, () => 0)];
  for (const { renditionId, region, startMs, servedBytes } of history) {
    const at = renditionIndex.get(renditionId) ?? 0;
    const daysAgo = Math.round((nowMs - startMs) / DAY_MS) - 1;
    const [ofLast, ofLevel] = [lastDay[regionIndex.get(region) ?? 0], level[regionIndex.get(region) ?? 0]];
    if (ofLast === undefined || ofLevel === undefined) continue;
    if (daysAgo === 0) ofLast[at] = (ofLast[at] ?? 0) + servedBytes;
    ofLevel[at] = (ofLevel[at] ?? 0) + servedBytes * 2 ** (-daysAgo / HALF_LIFE_DAYS);
  }
  for (const cells of level)
    for (const [at, { availableAtMs }] of town.renditions.entries()) {
      const ageDays = Math.max(1, (nowMs - availableAtMs) / DAY_MS);
      const weight = (1 - 2 ** (-ageDays / HALF_LIFE_DAYS)) / (1 - 2 ** (-1 / HALF_LIFE_DAYS));
      cells[at] = (cells[at] ?? 0) / weight;
    }
  const predict = (launches: Town['launches']): Cells => {
    const { renditions, regions } = town;
    const predicted: ReadonlyMap<string, RegionDemand> = predictRegions({
      nowMs,
      renditions,
      regions,
      history,
      launches,
    });
    return regions.map((region) => predicted.get(region)?.expectedBytes ?? new Float64Array(renditions.length));
  };
  return [lastDay, level, predict([]), predict(town.launches)];
}

/** Bytes of the truth that the best by forecast per stored byte serve. */
function servedBy({ renditions }: Town, forecast: Float64Array, truth: Float64Array): number {
  const sizeOf = (at: number): number => renditions[at]?.sizeBytes ?? 1;
  let room = CAPACITY_SHARE * renditions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let served = 0;
  const ranked = [...renditions.keys()].sort((a, b) => (forecast[b] ?? 0) / sizeOf(b) - (forecast[a] ?? 0) / sizeOf(a));
  for (const at of ranked) {
    if (sizeOf(at) > room || (forecast[at] ?? 0) <= 0) continue;
    room -= sizeOf(at);
    served += truth[at] ?? 0;
  }
  return served;
}
