/**
 * How many bytes of each file a region will ask for within the next day. First version: one number per file and region,
 * good enough to rank by.
 *
 *   level     served bytes per hour, each hour weighted by 2^(-age / half-life): last week counts, last month hardly
 *   shrinkage (n x level + k x launch prior) / (n + k), where n is the weight of the hours that were watched and k the
 *             weight of a day: a title that was added an hour ago is what titles usually are, after some days it is
 *             what it was
 *   prior     bytes per stored byte and day that titles of this region serve on average, times the file's size, halved
 *             with every week since the title was added: what nobody asked for in months is not a launch any more
 *
 * Plain averages lose to the last period where launches decay quickly; the half-life of three days is the compromise
 * until age is modelled. Hours of the day are not kept apart, because a fill happens once a day.
 */
export interface DemandFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** When its title came into the catalogue. */
  readonly addedAtMs: number;
}

export interface DemandHour {
  readonly path: string;
  readonly region: string;
  readonly hourStartMs: number;
  readonly servedBytes: number;
}

export interface PredictionInput {
  readonly nowMs: number;
  readonly files: readonly DemandFile[];
  readonly regions: readonly string[];
  /** Within the last weeks; hours without demand are absent. */
  readonly history: Iterable<DemandHour>;
}

/** Expected bytes of the next day: by region, then by path. Every file of the input is there for every region. */
export type PredictedDemand = ReadonlyMap<string, ReadonlyMap<string, number>>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LEVEL_HALF_LIFE_MS = 3 * DAY_MS;
const LAUNCH_HALF_LIFE_MS = 7 * DAY_MS;
/** Weight of the prior, in hours of watching. */
const PRIOR_HOURS = 24;
/** Density of the prior while a region has shown no demand yet: every byte asked for once in ten days. */
const FALLBACK_DENSITY_PER_DAY = 0.1;

export function predictDemand(input: PredictionInput): PredictedDemand {
  const levels = weighHistory(input);
  return new Map(
    input.regions.map((region) => {
      const levelOf = levels.get(region) ?? new Map<string, number>();
      const density = averageDensity(input, levelOf);
      return [
        region,
        new Map(input.files.map((file) => [file.path, expectBytes(file, input.nowMs, levelOf, density)])),
      ];
    }),
  );
}

/** Sum of served bytes per region and path, each hour weighted by its age. */
function weighHistory({ history, nowMs, files, regions }: PredictionInput): Map<string, Map<string, number>> {
  const known = new Set(files.map(({ path }) => path));
  const weighed = new Map(regions.map((region) => [region, new Map<string, number>()]));
  for (const { path, region, hourStartMs, servedBytes } of history) {
    const ofRegion = weighed.get(region);
    if (ofRegion === undefined || !known.has(path)) continue;
    const ageMs = Math.max(0, nowMs - hourStartMs - HOUR_MS);
    ofRegion.set(path, (ofRegion.get(path) ?? 0) + servedBytes * 2 ** (-ageMs / LEVEL_HALF_LIFE_MS));
  }
  return weighed;
}

/** Weight of all hours since the file was added: the integral of the half-life's curve, in hours. */
function watchedHours(file: DemandFile, nowMs: number): number {
  const watchedMs = Math.max(HOUR_MS, nowMs - file.addedAtMs);
  const lifeMs = LEVEL_HALF_LIFE_MS / Math.LN2;
  return (lifeMs * (1 - Math.exp(-watchedMs / lifeMs))) / HOUR_MS;
}

/** Bytes per stored byte and day over all files of a region, drawn to the fallback while little was watched. */
function averageDensity({ files, nowMs }: PredictionInput, levelOf: ReadonlyMap<string, number>): number {
  let servedBytes = 0;
  let storedByteHours = 0;
  for (const file of files) {
    servedBytes += (levelOf.get(file.path) ?? 0) + (PRIOR_HOURS * FALLBACK_DENSITY_PER_DAY * file.sizeBytes) / 24;
    storedByteHours += (watchedHours(file, nowMs) + PRIOR_HOURS) * file.sizeBytes;
  }
  return storedByteHours === 0 ? FALLBACK_DENSITY_PER_DAY : (servedBytes / storedByteHours) * 24;
}

function expectBytes(
  file: DemandFile,
  nowMs: number,
  levelOf: ReadonlyMap<string, number>,
  densityPerDay: number,
): number {
  const ageMs = Math.max(0, nowMs - file.addedAtMs);
  const priorPerHour = (densityPerDay * file.sizeBytes * 2 ** (-ageMs / LAUNCH_HALF_LIFE_MS)) / 24;
  const hours = watchedHours(file, nowMs);
  const served = levelOf.get(file.path) ?? 0;
  return ((served + PRIOR_HOURS * priorPerHour) / (hours + PRIOR_HOURS)) * 24;
}
