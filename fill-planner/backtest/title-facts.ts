import type { OtherSeason, ShowFacts, TitleFacts } from '../demand/models/cold-start.ts';
import type { CatalogueRow, Period } from './history.ts';

/** Facts of the release, from whichever table states them. */
export interface ReleaseFacts {
  readonly runtimeOf: (title: string) => number;
  readonly isSeries: (title: string) => boolean;
}

const YEAR_MS = 365.25 * 86_400_000;

/** Runtime and kind: the first table lacks them. The usual runtime stands for one that is nowhere stated. */
export function releaseFacts(periods: readonly Period[]): ReleaseFacts {
  const runtimeHours = new Map<string, number>();
  const kinds = new Map<string, string>();
  for (const { title, runtimeHours: hours, kind } of periods.flatMap(({ titles }) => titles)) {
    if (hours !== undefined && hours > 0 && !runtimeHours.has(title)) runtimeHours.set(title, hours);
    if (kind !== '') kinds.set(title, kind);
  }
  const sorted = [...runtimeHours.values()].toSorted((a, b) => a - b);
  const usual = sorted[sorted.length >> 1] ?? 1;
  return {
    runtimeOf: (title) => runtimeHours.get(title) ?? usual,
    isSeries: (title) => kinds.get(title) === 'tv',
  };
}

/** By title: what is known of it at the period's start. Titles, dates and seasons are known ahead, hours are not. */
export function factsOfPeriod(
  period: Period,
  last: Period,
  earlier: Period | undefined,
  release: ReleaseFacts,
): Map<string, TitleFacts> {
  const densityOf = ({ title, hours }: CatalogueRow): number => hours / release.runtimeOf(title);
  const densities = (of: Period | undefined): Map<string, number> =>
    new Map(of?.titles.map((row) => [row.title, densityOf(row)]));
  const [lastDensity, earlierDensity] = [densities(last), densities(earlier)];
  const startMs = Date.parse(period.startsOn);
  const ageOf = ({ releasedOn }: CatalogueRow): number | undefined =>
    releasedOn === undefined ? undefined : (startMs - Date.parse(releasedOn)) / YEAR_MS;
  const shows = {
    now: seasonsByShow(period),
    last: seasonsByShow(last),
    earlier: seasonsByShow(earlier),
    wasOffered: (title: string) => lastDensity.has(title),
    ageOf,
    densityOf,
    release,
  };
  return new Map(
    period.titles.map((row) => [
      row.title,
      {
        lastDensity: lastDensity.get(row.title),
        earlierDensity: earlierDensity.get(row.title),
        ageYears: ageOf(row),
        isSeries: release.isSeries(row.title),
        isGlobal: row.isGlobal,
        season: row.season,
        runtimeHours: release.runtimeOf(row.title),
        standsAlone: row.show === row.title,
        show: showFacts(row, shows),
      },
    ]),
  );
}

type Seasons = ReadonlyMap<string, readonly CatalogueRow[]>;

interface Shows {
  readonly now: Seasons;
  readonly last: Seasons;
  readonly earlier: Seasons;
  readonly wasOffered: (title: string) => boolean;
  readonly ageOf: (row: CatalogueRow) => number | undefined;
  readonly densityOf: (row: CatalogueRow) => number;
  readonly release: ReleaseFacts;
}

const seasonsByShow = (period: Period | undefined): Seasons =>
  Map.groupBy(period?.titles.filter(({ show }) => show !== '') ?? [], ({ show }) => show);

function showFacts(row: CatalogueRow, { now, last, earlier, wasOffered, ageOf, densityOf, release }: Shows): ShowFacts {
  const othersOf = (seasons: Seasons): CatalogueRow[] =>
    (seasons.get(row.show) ?? []).filter(({ title }) => title !== row.title);
  const others = othersOf(last);
  const offered = othersOf(now);
  const coming = offered.filter(({ title }) => !wasOffered(title));
  const after = coming.flatMap((other) => {
    const age = ageOf(other);
    return age !== undefined && age <= 0 ? [-age] : [];
  });
  const known = others.map(densityOf);
  const highest = (values: readonly number[]): number | undefined =>
    values.length === 0 ? undefined : Math.max(...values);
  const asSeason = (other: CatalogueRow | undefined): OtherSeason | undefined =>
    other === undefined ? undefined : { density: densityOf(other), ageYears: ageOf(other) };
  const hours = others.reduce((sum, other) => sum + other.hours, 0);
  return {
    others: others.length,
    best: highest(known),
    mean: known.length === 0 ? undefined : known.reduce((sum, density) => sum + density, 0) / known.length,
    together: known.length === 0 ? undefined : hours / release.runtimeOf(row.title),
    newest: asSeason(others.toSorted((a, b) => b.season - a.season)[0]),
    previous: asSeason(others.find(({ season }) => season === row.season - 1)),
    earlierBest: highest(othersOf(earlier).map(densityOf)),
    coming: coming.length,
    comingAfterYears: after.length === 0 ? undefined : Math.min(...after),
    seasons: offered.length + 1,
    behind: Math.max(row.season, ...offered.map(({ season }) => season)) - row.season,
  };
}
