/**
 * What people know and demand cannot show: when a title starts, when its rights end, and what shall lie somewhere
 * whatever the numbers say. Plain data, as the steps of a plan cycle take it; ids may name what is not in the catalogue
 * or the fleet yet, because a calendar is written months ahead. Whoever reads it leaves such entries alone.
 */
export interface CalendarFacts {
  readonly launches: readonly Launch[];
  readonly retirements: readonly Retirement[];
  readonly pins: readonly Pin[];
}

/** A title starts. A title may have several launches, for different regions; the one that names a region goes before the one for all. */
export interface Launch {
  readonly titleId: string;
  /** undefined: everywhere that no other launch of the title names. */
  readonly region: string | undefined;
  readonly startsAtMs: number;
  /** What the first days are expected to bring; undefined: predicted as any new title. */
  readonly expected: ExpectedDemand | undefined;
  /** Steering must not know the title before it starts; appliances are filled all the same. */
  readonly isEmbargoed: boolean;
}

export type ExpectedDemand =
  /** Served bytes of its first day in this region, or in all regions together where the launch names none. */
  | { readonly by: 'bytes'; readonly bytesPerDay: number }
  /** As much per stored byte as another title had in its own first days, times a factor. */
  | { readonly by: 'like'; readonly titleId: string; readonly factor: number };

/** Rights end. From `retiresAtMs` on the title is in no plan; at `deletesAtMs` it is purged everywhere and leaves the catalogue. */
export interface Retirement {
  readonly titleId: string;
  readonly retiresAtMs: number;
  readonly deletesAtMs: number;
}

/** Something that shall be held whatever its demand, from now until `endsAtMs`. */
export interface Pin {
  readonly id: string;
  /** A whole title (all its renditions), or one rendition by its id `title/name`. */
  readonly subject:
    | { readonly by: 'title'; readonly titleId: string }
    | { readonly by: 'rendition'; readonly renditionId: string };
  /** head: only what a start needs. */
  readonly part: 'whole' | 'head';
  readonly place:
    | { readonly by: 'everywhere' }
    | { readonly by: 'region'; readonly region: string }
    | { readonly by: 'site'; readonly siteId: string }
    | { readonly by: 'cluster'; readonly clusterId: string };
  /** undefined: until it is taken back. */
  readonly endsAtMs: number | undefined;
  readonly reason: string | undefined;
}

export const EMPTY_CALENDAR: CalendarFacts = { launches: [], retirements: [], pins: [] };

/** Of each list that was asked about, the launches by title: a cycle asks for every title in every region. */
const byTitle = new WeakMap<readonly Launch[], ReadonlyMap<string, readonly Launch[]>>();

/** The launch that holds for a title in a region: its own, else the one for everywhere; undefined when there is none. */
export function launchOf(launches: readonly Launch[], titleId: string, region: string): Launch | undefined {
  const known = byTitle.get(launches) ?? Map.groupBy(launches, (launch) => launch.titleId);
  byTitle.set(launches, known);
  const ofTitle = known.get(titleId) ?? [];
  return ofTitle.find((launch) => launch.region === region) ?? ofTitle.find((launch) => launch.region === undefined);
}

/** The titles that are in no plan any more. */
export function retiredTitles({ retirements }: CalendarFacts, nowMs: number): Set<string> {
  return new Set(retirements.filter(({ retiresAtMs }) => retiresAtMs <= nowMs).map(({ titleId }) => titleId));
}

/** The titles that nobody is to hear of yet: with an embargo, and launched nowhere. In the order of their ids. */
export function embargoedTitles({ launches }: CalendarFacts, nowMs: number): string[] {
  const embargoed = launches.filter(({ isEmbargoed }) => isEmbargoed).map(({ titleId }) => titleId);
  const begun = new Set(launches.filter(({ startsAtMs }) => startsAtMs <= nowMs).map(({ titleId }) => titleId));
  return [...new Set(embargoed)].filter((titleId) => !begun.has(titleId)).sort();
}

/** The pins that hold now for a cluster. */
export function pinsOf(
  { pins }: CalendarFacts,
  cluster: { readonly clusterId: string; readonly siteId: string; readonly region: string },
  nowMs: number,
): Pin[] {
  return pins.filter(({ place, endsAtMs }) => {
    if (endsAtMs !== undefined && endsAtMs <= nowMs) return false;
    switch (place.by) {
      case 'everywhere':
        return true;
      case 'region':
        return place.region === cluster.region;
      case 'site':
        return place.siteId === cluster.siteId;
      case 'cluster':
        return place.clusterId === cluster.clusterId;
    }
  });
}
