import type { Launch } from '../calendar/calendar-facts.ts';
import type { DemandRow } from '../demand/predict/tally-demand.ts';
import type { RenditionFacts } from '../plan/plan-facts.ts';

/**
 * A service with a ladder of renditions, watched in several regions, day by day: what published lists do not show.
 * Every title has a level, a decay of its own that is close to a power of its age, a taste of each region, and rungs
 * that regions prefer by their lines; sessions arrive at random and bring half a rendition. The true rates are known,
 * so a forecast is judged without the noise of the day.
 * @param random 0 to 1, such as a generator from a seed: the same seed gives the same town
 */
export interface Town {
  readonly renditions: readonly RenditionFacts[];
  readonly regions: readonly string[];
  /** One row per rendition, region and day on which it was watched; in the order of days. */
  readonly history: readonly DemandRow[];
  /** Every other title's start is in the calendar, with a guess of its first day. */
  readonly launches: readonly Launch[];
  /** Bytes that are to be expected of a day (0 is the first), by region and rendition: the truth. */
  readonly trueBytes: (day: number, region: number, rendition: number) => number;
  readonly startMs: number;
}

export interface TownSize {
  readonly titles: number;
  readonly regions: number;
  readonly days: number;
  /** Sessions of a day, in all regions. */
  readonly sessionsPerDay: number;
}

const TOWN_START_MS = Date.UTC(2030, 0, 7);
const DAY_MS = 86_400_000;
const RUNGS = [0.128e6, 0.4e6, 0.8e6, 1.6e6, 3.2e6, 6e6] as const;
const WEEKDAYS = [0.9, 0.88, 0.9, 0.95, 1.1, 1.2, 1.15] as const;
/** Share of the titles that were there before the first day. */
const OLD_SHARE = 0.6;
const OLDEST_DAYS = 900;

export function generateTown({ titles, regions, days, sessionsPerDay }: TownSize, random: () => number): Town {
  const names = Array.from({ length: regions }, (_, index) => `r${index}`);
  const bell = bellFrom(random);
  const sizesOf = names.map(() => Math.exp(0.9 * bell()));
  const lines = names.map(() => 0.6 * bell());
  const made = Array.from({ length: titles }, (_, index) => ({
    id: `t${String(index).padStart(5, '0')}`,
    startDay: random() < OLD_SHARE ? -Math.floor(OLDEST_DAYS * random()) : Math.floor(days * random()),
    level: Math.exp(1.4 * bell()),
    power: 0.9 + 0.8 * random(),
    runtimeSec: 1500 + 6000 * random(),
    tastes: names.map(() => Math.exp(0.6 * bell())),
  }));
  const renditions = made.flatMap((title) =>
    RUNGS.map(
      (bitsPerSec, rung): RenditionFacts => ({
        id: `${title.id}/${rung}`,
        titleId: title.id,
        isManifest: false,
        sizeBytes: Math.round((bitsPerSec * title.runtimeSec) / 8),
        bitsPerSec,
        durationSec: title.runtimeSec,
        headBytes: 0,
        availableAtMs: TOWN_START_MS + title.startDay * DAY_MS,
      }),
    ),
  );
  const sessionsOf = (day: number, region: number, rendition: number): number => {
    const title = made[Math.floor(rendition / RUNGS.length)];
    if (title === undefined || day < title.startDay) return 0;
    const age = day - title.startDay + 0.5;
    const rung = rendition % RUNGS.length;
    const liked = Math.exp(-0.5 * (rung - 3.5 - (lines[region] ?? 0)) ** 2);
    const level = title.level * (1 + age / 6) ** -title.power * (title.tastes[region] ?? 1) * (sizesOf[region] ?? 1);
    return level * liked * (WEEKDAYS[day % 7] ?? 1);
  };
  let all = 0;
  for (let region = 0; region < regions; region++)
    for (let at = 0; at < renditions.length; at++) all += sessionsOf(days >> 1, region, at);
  const scale = sessionsPerDay / all;
  const trueBytes = (day: number, region: number, at: number): number =>
    scale * sessionsOf(day, region, at) * 0.5 * (renditions[at]?.sizeBytes ?? 0);
  const history: DemandRow[] = [];
  for (let day = 0; day < days; day++)
    for (const [region, name] of names.entries())
      for (const [at, { id, sizeBytes }] of renditions.entries()) {
        const sessions = drawCount(scale * sessionsOf(day, region, at), random, bell);
        if (sessions === 0) continue;
        const startMs = TOWN_START_MS + day * DAY_MS;
        history.push({
          renditionId: id,
          region: name,
          startMs,
          spanHours: 24,
          servedBytes: sessions * 0.5 * sizeBytes,
        });
      }
  const launches = made.flatMap(({ id, startDay }, index): Launch[] => {
    if (startDay < 0 || index % 2 === 0) return [];
    let firstDay = 0;
    for (let region = 0; region < regions; region++)
      for (let rung = 0; rung < RUNGS.length; rung++)
        firstDay += trueBytes(startDay, region, index * RUNGS.length + rung);
    const bytesPerDay = firstDay * Math.exp(0.5 * bell());
    const startsAtMs = TOWN_START_MS + startDay * DAY_MS;
    return [{ titleId: id, region: undefined, startsAtMs, expected: { by: 'bytes', bytesPerDay }, isEmbargoed: false }];
  });
  return { renditions, regions: names, history, launches, trueBytes, startMs: TOWN_START_MS };
}

/** A draw of the normal distribution, as a sum of twelve. */
function bellFrom(random: () => number): () => number {
  return () => Array.from({ length: 12 }, random).reduce((sum, each) => sum + each, -6);
}

/** A draw of the Poisson distribution; of the normal one where they are alike. */
function drawCount(mean: number, random: () => number, bell: () => number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * bell()));
  let count = 0;
  for (let product = random(); product > Math.exp(-mean); product *= random()) count++;
  return count;
}
