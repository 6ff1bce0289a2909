import type { ListFacts, NearbyPlaces, OwnPlaces, WorldPlaces } from '../demand/models/regional-list.ts';
import type { RegionalRow, WeeklyRow } from './history.ts';

/** What may be on a region's next list, with what is known of it. */
export interface RegionalCandidate {
  readonly region: string;
  readonly title: string;
  readonly facts: ListFacts;
}

interface Place {
  readonly rank: number;
  readonly ageWeeks: number;
}
/** Region to title to place. */
type Lists = ReadonlyMap<string, ReadonlyMap<string, Place>>;
type WorldRow = { readonly hours: number; readonly isMainLanguage: boolean };

const NO_LISTS: Lists = new Map();
const NO_PLACES: ReadonlyMap<string, Place> = new Map();
/** How much of the likeness of two regions a week renews. */
const LIKENESS_RENEWED = 0.15;
const KEPT_RENEWED = 0.1;
/** Titles that fewer of the similar regions list are left out, unless the own list has or had them. */
const LEAST_NEARBY = 0.02;

const strengthOf = (place: Place | undefined): number => (place === undefined ? 0 : (11 - place.rank) / 10);

/** Lists of one group, walked week by week: nothing of a later week is looked at. */
export class RegionalLists {
  readonly #group: string;
  readonly #weeks: readonly Lists[];
  readonly #world: readonly ReadonlyMap<string, WorldRow>[];
  readonly #likeness = new Map<string, number>();
  readonly #kept = new Map<string, number>();
  readonly #ownPast = new Map<string, { bestRank: number; weeksListed: number }>();
  readonly #firstWeek = new Map<string, number>();

  constructor(group: string, weeks: readonly string[], rows: readonly RegionalRow[], weekly: readonly WeeklyRow[]) {
    this.#group = group;
    const byWeek = Map.groupBy(rows, ({ week }) => week);
    this.#weeks = weeks.map((week) => gather(byWeek.get(week) ?? []));
    const worldByWeek = Map.groupBy(
      weekly.filter((row) => row.group.startsWith(group)),
      ({ week }) => week,
    );
    this.#world = weeks.map(
      (week) =>
        new Map(
          worldByWeek
            .get(week)
            ?.map((row) => [row.title, { hours: row.hours, isMainLanguage: !row.group.includes('Non') }]),
        ),
    );
  }

  lists(week: number): Lists {
    return this.#weeks[week] ?? NO_LISTS;
  }

  /** Takes a week in; call it for each, in their order. */
  advance(week: number): void {
    const [now, last] = [this.lists(week), this.lists(week - 1)];
    for (const [region, own] of now) {
      for (const [title, { rank }] of own) {
        const key = `${region} ${title}`;
        const past = this.#ownPast.get(key) ?? { bestRank: rank, weeksListed: 0 };
        this.#ownPast.set(key, { bestRank: Math.min(rank, past.bestRank), weeksListed: past.weeksListed + 1 });
        if (!this.#firstWeek.has(title)) this.#firstWeek.set(title, week);
      }
      const before = last.get(region);
      if (before !== undefined) {
        const kept = commonOf(own, before);
        this.#kept.set(region, kept * KEPT_RENEWED + (this.#kept.get(region) ?? kept) * (1 - KEPT_RENEWED));
      }
      for (const [other, theirs] of now) {
        const key = `${region} ${other}`;
        const common = commonOf(own, theirs);
        const usual = this.#likeness.get(key) ?? common;
        this.#likeness.set(key, common * LIKENESS_RENEWED + usual * (1 - LIKENESS_RENEWED));
      }
    }
  }

  /** All that is on or near each region's lists of this week and the last. */
  candidates(week: number): RegionalCandidate[] {
    const now = this.lists(week);
    const worldOf = this.#worldPlaces(week);
    return [...now].flatMap(([region, own]) => {
      const nearbyOf = this.#nearbyPlaces(week, region);
      const before = this.lists(week - 1).get(region) ?? NO_PLACES;
      const ownOf = this.#ownPlaces(week, region);
      const titles = [...worldOf.keys()].filter(
        (title) => own.has(title) || before.has(title) || (nearbyOf.get(title)?.listed ?? 0) >= LEAST_NEARBY,
      );
      return titles.map((title) => ({
        region,
        title,
        facts: {
          isSeries: this.#group.startsWith('TV'),
          own: ownOf(title),
          world: worldOf.get(title) ?? NOWHERE,
          nearby: nearbyOf.get(title) ?? NOT_NEARBY,
        },
      }));
    });
  }

  #ownPlaces(week: number, region: string): (title: string) => OwnPlaces {
    const lists = [0, 1, 2].map((weeksAgo) => this.lists(week - weeksAgo).get(region) ?? NO_PLACES);
    const own = lists[0] ?? NO_PLACES;
    const newRanks = [...own.values()].filter(({ ageWeeks }) => ageWeeks === 1).map(({ rank }) => rank);
    return (title) => {
      const place = own.get(title);
      const past = this.#ownPast.get(`${region} ${title}`);
      return {
        ranks: lists.map((list) => list.get(title)?.rank),
        bestRank: past?.bestRank,
        ageWeeks: place?.ageWeeks ?? 0,
        weeksListed: past?.weeksListed ?? 0,
        newTitles: newRanks.length,
        newTitlesAbove: place === undefined ? undefined : newRanks.filter((rank) => rank < place.rank).length,
        keptShare: this.#kept.get(region) ?? 0.6,
      };
    };
  }

  #worldPlaces(week: number): Map<string, WorldPlaces> {
    const lists = [0, 1, 2].map((weeksAgo) => this.lists(week - weeksAgo));
    const [now = NO_LISTS, last = NO_LISTS] = lists;
    const sums = lists.map((of) => sumPlaces(of));
    const titles = new Set([...(sums[0]?.keys() ?? []), ...(sums[1]?.keys() ?? [])]);
    return new Map(
      [...titles].map((title) => {
        const [today, lastWeek] = [sums[0]?.get(title), sums[1]?.get(title)];
        let [kept, rise] = [0, 0];
        for (const [region, places] of last) {
          const [then, there] = [places.get(title), now.get(region)?.get(title)];
          if (then === undefined || there === undefined) continue;
          kept++;
          rise += then.rank - there.rank;
        }
        const [world, worldBefore] = [this.#world[week]?.get(title), this.#world[week - 1]?.get(title)];
        return [
          title,
          {
            strengths: sums.map((sum, at) => (sum.get(title)?.strength ?? 0) / Math.max(1, lists[at]?.size ?? 0)),
            counts: sums.map((sum) => sum.get(title)?.count ?? 0),
            keptShare: lastWeek === undefined ? undefined : kept / lastWeek.count,
            rise: kept === 0 ? undefined : rise / kept,
            firstRanks: today?.firstRanks ?? 0,
            ageWeeks: today?.oldest ?? (lastWeek?.oldest ?? 0) + 1,
            meanAgeWeeks: today === undefined ? undefined : today.ages / today.count,
            weeksSinceFirst: week - (this.#firstWeek.get(title) ?? week),
            hours: world?.hours,
            hoursBefore: worldBefore?.hours,
            isMainLanguage: world?.isMainLanguage,
          },
        ];
      }),
    );
  }

  #nearbyPlaces(week: number, region: string): Map<string, NearbyPlaces> {
    const [now, last] = [this.lists(week), this.lists(week - 1)];
    const own = now.get(region) ?? NO_PLACES;
    const sums = new Map<string, Mutable<NearbyPlaces>>();
    const total = { wide: 0, listed: 0, closest: 0, thisWeek: 0 };
    for (const [other, places] of now) {
      if (other === region) continue;
      const likeness = this.#likeness.get(`${region} ${other}`) ?? 0;
      const weights = {
        wide: likeness ** 4,
        listed: likeness ** 6,
        closest: likeness ** 12,
        thisWeek: commonOf(own, places) ** 4,
      };
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += weights[key];
      addNearby(sums, places, last.get(other) ?? NO_PLACES, weights);
    }
    for (const sum of sums.values()) {
      const share = (key: keyof typeof total): number => 1 / Math.max(1e-9, total[key]);
      for (const key of ['strength', 'strengthBefore'] as const) sum[key] *= share('wide');
      for (const key of ['listed', 'listedBefore', 'entered', 'left'] as const) sum[key] *= share('listed');
      sum.closest *= share('closest');
      sum.thisWeek *= share('thisWeek');
    }
    return sums;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const NOT_NEARBY: NearbyPlaces = {
  strength: 0,
  strengthBefore: 0,
  closest: 0,
  thisWeek: 0,
  listed: 0,
  listedBefore: 0,
  entered: 0,
  left: 0,
};
const NOWHERE: WorldPlaces = {
  strengths: [0, 0, 0],
  counts: [0, 0, 0],
  firstRanks: 0,
  ageWeeks: 1,
  weeksSinceFirst: 0,
};

function gather(rows: readonly RegionalRow[]): Lists {
  const lists = new Map<string, Map<string, Place>>();
  for (const { region, title, rank, ageWeeks } of rows) {
    const places = lists.get(region) ?? new Map<string, Place>();
    lists.set(region, places.set(title, { rank, ageWeeks }));
  }
  return lists;
}

/** Share of a full list that two have in common. */
function commonOf(one: ReadonlyMap<string, Place>, other: ReadonlyMap<string, Place>): number {
  let common = 0;
  for (const title of one.keys()) if (other.has(title)) common++;
  return common / 10;
}

interface PlaceSums {
  strength: number;
  count: number;
  firstRanks: number;
  ages: number;
  oldest: number;
}

function sumPlaces(lists: Lists): Map<string, PlaceSums> {
  const sums = new Map<string, PlaceSums>();
  for (const places of lists.values())
    for (const [title, place] of places) {
      const sum = sums.get(title) ?? { strength: 0, count: 0, firstRanks: 0, ages: 0, oldest: 0 };
      sum.strength += strengthOf(place);
      sum.count++;
      sum.firstRanks += place.rank === 1 ? 1 : 0;
      sum.ages += place.ageWeeks;
      sum.oldest = Math.max(sum.oldest, place.ageWeeks);
      sums.set(title, sum);
    }
  return sums;
}

function addNearby(
  sums: Map<string, Mutable<NearbyPlaces>>,
  places: ReadonlyMap<string, Place>,
  before: ReadonlyMap<string, Place>,
  weights: { readonly wide: number; readonly listed: number; readonly closest: number; readonly thisWeek: number },
): void {
  const sumOf = (title: string): Mutable<NearbyPlaces> => {
    const sum = sums.get(title) ?? { ...NOT_NEARBY };
    sums.set(title, sum);
    return sum;
  };
  for (const [title, place] of places) {
    const sum = sumOf(title);
    sum.strength += weights.wide * strengthOf(place);
    sum.closest += weights.closest * strengthOf(place);
    sum.thisWeek += weights.thisWeek * strengthOf(place);
    sum.listed += weights.listed;
    if (!before.has(title)) sum.entered += weights.listed;
  }
  for (const [title, place] of before) {
    const sum = sumOf(title);
    sum.strengthBefore += weights.wide * strengthOf(place);
    sum.listedBefore += weights.listed;
    if (!places.has(title)) sum.left += weights.listed;
  }
}
