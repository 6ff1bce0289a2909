import { buildSorted, type PrefixTableData } from '../build-prefix-table.ts';
import { formatPrefix } from '../ip-address.ts';
import { PrefixRows, SortedPrefixes } from '../prefix-rows.ts';
import { compareRoutes, type RoutePreference } from './filter-routes.ts';
import { type FamilyColumns, policyAt, type ReportColumns } from './report-columns.ts';

/**
 * Many reports become one table: for every prefix the sites at which the ISP announces it, the best first.
 *
 * The order (BGP-3): the operator's communities, local preference, AS path, MED; what is equal in all of them goes by
 * the configured order of sites and then by their names, so that the order in which reports arrive means nothing. A
 * site of which one announcement says "do not serve" (BGP-8) is out for that prefix, and the prefix stays in the
 * table: otherwise the shorter one around it would bring the site back.
 *
 * Leaks: a prefix inside one that another ISP's site announces is believed of nobody, because a customer with two
 * providers is rare and a provider that announces its peer's customers by accident is not. The operator's own file
 * outweighs reports, and is where the rare case is said.
 *
 * Millions of rows are sorted as numbers, each with the number of its report in its last bits; rows of one report come
 * out in the order in which they stand in it, so a cursor per report finds the rest of the row.
 */
export interface ReportedPlace {
  /** undefined: every site that announces the prefix is told not to serve it. */
  readonly siteId: string | undefined;
  /** The other sites that announce the same prefix, best first. */
  readonly others: readonly string[];
  /** Sites that must not serve it. */
  readonly refusing: readonly string[];
}

/** One report on its way into the table. */
export interface SiteReport {
  readonly siteId: string;
  readonly columns: ReportColumns;
}

export interface MergeRules {
  /** Sites in the order in which ties go. */
  readonly siteOrder: readonly string[];
  /** The ISP of a site, where the operator says it. */
  readonly networks: ReadonlyMap<string, string>;
}

export interface MergedReports {
  readonly data: PrefixTableData<ReportedPlace>;
  /** How many prefixes of each site were leaks. */
  readonly leaks: ReadonlyMap<string, number>;
  /** Of how many prefixes nothing but the names of two sites decides, by `SITE SITE`. */
  readonly ties: ReadonlyMap<string, Tie>;
}

/** How many prefixes only the names of two sites decide, and one of them. */
export interface Tie {
  readonly count: number;
  readonly example: string;
}

/** What is found beside the table. */
class Notes {
  readonly leaks = new Map<string, number>();
  readonly ties = new Map<string, Tie>();

  leak(siteId: string): void {
    this.leaks.set(siteId, (this.leaks.get(siteId) ?? 0) + 1);
  }

  tie(a: string, b: string, prefix: () => string): void {
    const pair = `${a} ${b}`;
    const known = this.ties.get(pair);
    this.ties.set(pair, { count: (known?.count ?? 0) + 1, example: known?.example ?? prefix() });
  }
}

/** Beside so many different places only each prefix's best site is told. */
const MAX_PLACES = 60_000;

export function mergeReports(reports: readonly SiteReport[], rules: MergeRules): MergedReports {
  const rows = new PrefixRows();
  for (const [index, { columns }] of reports.entries()) {
    const number = rows.siteNumber(String(index));
    if (number === undefined) break;
    addRows(columns, number, rows);
  }
  const places = new Places();
  const notes = new Notes();
  const take = (sorted: SortedPrefixes, family: 'ipv4' | 'ipv6'): SortedPrefixes =>
    new Merger(reports, rules, family, places, notes).merge(sorted);
  const ipv4 = take(rows.sortedIpv4(), 'ipv4');
  const ipv6 = take(rows.sortedIpv6(), 'ipv6');
  return { data: buildSorted(ipv4, ipv6, places.all).data, leaks: notes.leaks, ties: notes.ties };
}

function addRows({ ipv4, ipv6 }: ReportColumns, number: number, rows: PrefixRows): void {
  for (let row = 0; row < ipv4.count; row += 1) rows.addIpv4(ipv4.starts[row] ?? 0, ipv4.lengths[row] ?? 0, number);
  for (let row = 0; row < ipv6.count; row += 1)
    rows.addWords(ipv6.starts.subarray(row * 4, row * 4 + 4), ipv6.lengths[row] ?? 0, number);
}

/** One announcement of the prefix in hand. */
interface Announcement extends RoutePreference {
  readonly siteId: string;
}

class Merger {
  readonly #reports: readonly SiteReport[];
  readonly #rules: MergeRules;
  readonly #family: 'ipv4' | 'ipv6';
  readonly #places: Places;
  readonly #notes: Notes;
  readonly #cursors: Uint32Array;
  readonly #order: ReadonlyMap<string, number>;
  readonly #around: Nesting;

  constructor(
    reports: readonly SiteReport[],
    rules: MergeRules,
    family: 'ipv4' | 'ipv6',
    places: Places,
    notes: Notes,
  ) {
    this.#reports = reports;
    this.#rules = rules;
    this.#family = family;
    this.#places = places;
    this.#notes = notes;
    this.#cursors = new Uint32Array(reports.length);
    this.#order = new Map(rules.siteOrder.map((siteId, index) => [siteId, index]));
    this.#around = new Nesting(family === 'ipv4' ? 1 : 4);
  }

  merge(sorted: SortedPrefixes): SortedPrefixes {
    const merged = new SortedPrefixes(sorted.wordsPerAddress, sorted.count);
    let count = 0;
    for (let index = 0; index < sorted.count; ) {
      const announcements: Announcement[] = [];
      const first = index;
      while (index < sorted.count && (index === first || isSame(sorted, index, first))) {
        announcements.push(this.#next(sorted.sites[index] ?? 0));
        index += 1;
      }
      const believed = this.#believed(announcements, sorted, first);
      if (believed.length === 0) continue;
      copyPrefix(sorted, first, merged, count);
      merged.sites[count] = this.#placeOf(believed, sorted, first);
      count += 1;
    }
    return merged.first(count);
  }

  /** The next row of a report: its rows come in their order. */
  #next(report: number): Announcement {
    const { siteId, columns } = this.#reports[report] as SiteReport;
    const family: FamilyColumns = columns[this.#family];
    const row = this.#cursors[report] ?? 0;
    this.#cursors[report] = row + 1;
    return {
      siteId,
      policy: policyAt(family, row),
      localPref: family.localPrefs[row] ?? 0,
      asPathLength: family.asPathLengths[row] ?? 0,
      med: family.meds[row] ?? 0,
    };
  }

  /** Those that are no leaks. */
  #believed(announcements: readonly Announcement[], sorted: SortedPrefixes, row: number): readonly Announcement[] {
    const { networks } = this.#rules;
    if (networks.size === 0) return announcements;
    const around = this.#around.networkAround(sorted, row);
    const believed = announcements.filter(({ siteId }) => {
      const network = networks.get(siteId);
      const isLeak = around !== undefined && network !== undefined && network !== around;
      if (isLeak) this.#notes.leak(siteId);
      return !isLeak;
    });
    const own = new Set(believed.flatMap(({ siteId }) => networks.get(siteId) ?? []));
    // Announced by several networks alike it belongs to none of them, and says nothing of what lies inside.
    if (own.size === 1) this.#around.open(sorted, row, [...own][0]);
    else if (own.size > 1) this.#around.open(sorted, row, undefined);
    return believed;
  }

  #placeOf(announcements: readonly Announcement[], sorted: SortedPrefixes, row: number): number {
    const [only] = announcements;
    if (announcements.length === 1 && only !== undefined && only.policy !== 'refuse')
      return this.#places.ofSite(only.siteId);
    const refusing = new Set(announcements.filter(({ policy }) => policy === 'refuse').map(({ siteId }) => siteId));
    const best = new Map<string, Announcement>();
    for (const announcement of announcements) {
      if (refusing.has(announcement.siteId)) continue;
      const before = best.get(announcement.siteId);
      if (before === undefined || compareRoutes(announcement, before) < 0) best.set(announcement.siteId, announcement);
    }
    const ordered = [...best.values()].sort((a, b) => compareRoutes(a, b) || this.#compareSites(a.siteId, b.siteId));
    this.#noteTie(ordered, sorted, row);
    const [first, ...others] = ordered.map(({ siteId }) => siteId);
    if (first !== undefined && others.length === 0 && refusing.size === 0) return this.#places.ofSite(first);
    return this.#places.of({ siteId: first, others, refusing: [...refusing].sort() });
  }

  #noteTie([first, second]: readonly Announcement[], sorted: SortedPrefixes, row: number): void {
    if (first === undefined || second === undefined || compareRoutes(first, second) !== 0) return;
    if (this.#order.has(first.siteId)) return;
    this.#notes.tie(first.siteId, second.siteId, () =>
      formatPrefix({ address: { words: sorted.startOf(row) }, length: sorted.lengths[row] ?? 0 }),
    );
  }

  #compareSites(a: string, b: string): number {
    const last = this.#order.size;
    return (this.#order.get(a) ?? last) - (this.#order.get(b) ?? last) || (a < b ? -1 : 1);
  }
}

/** Every different place once. */
class Places {
  readonly all: ReportedPlace[] = [];
  readonly #bySite = new Map<string, number>();
  readonly #byContent = new Map<string, number>();

  ofSite(siteId: string): number {
    const known = this.#bySite.get(siteId);
    if (known !== undefined) return known;
    const number = this.all.push({ siteId, others: [], refusing: [] }) - 1;
    this.#bySite.set(siteId, number);
    return number;
  }

  of(place: ReportedPlace): number {
    const content = JSON.stringify(place);
    const known = this.#byContent.get(content);
    if (known !== undefined) return known;
    if (this.all.length >= MAX_PLACES && place.siteId !== undefined) return this.ofSite(place.siteId);
    const number = this.all.push(place) - 1;
    this.#byContent.set(content, number);
    return number;
  }
}

/** The prefixes around the one in hand that have a network, the longest last. */
class Nesting {
  readonly #width: number;
  readonly #open: Array<{ readonly words: readonly number[]; readonly length: number; readonly network?: string }> = [];

  constructor(width: number) {
    this.#width = width;
  }

  networkAround(sorted: SortedPrefixes, row: number): string | undefined {
    while (this.#open.length > 0 && !this.#holds(sorted, row)) this.#open.pop();
    return this.#open.at(-1)?.network;
  }

  open(sorted: SortedPrefixes, row: number, network: string | undefined): void {
    const prefix = { words: sorted.startOf(row), length: sorted.lengths[row] ?? 0 };
    this.#open.push(network === undefined ? prefix : { ...prefix, network });
  }

  #holds(sorted: SortedPrefixes, row: number): boolean {
    const top = this.#open.at(-1);
    if (top === undefined) return false;
    for (let word = 0; word * 32 < top.length; word += 1) {
      const bits = Math.min(32, top.length - word * 32);
      const differing = (sorted.starts[row * this.#width + word] ?? 0) ^ (top.words[word] ?? 0);
      if (differing >>> (32 - bits) !== 0) return false;
    }
    return true;
  }
}

function isSame(sorted: SortedPrefixes, a: number, b: number): boolean {
  if (sorted.lengths[a] !== sorted.lengths[b]) return false;
  const width = sorted.wordsPerAddress;
  for (let word = 0; word < width; word += 1) {
    if (sorted.starts[a * width + word] !== sorted.starts[b * width + word]) return false;
  }
  return true;
}

function copyPrefix(from: SortedPrefixes, at: number, to: SortedPrefixes, row: number): void {
  const width = from.wordsPerAddress;
  for (let word = 0; word < width; word += 1) to.starts[row * width + word] = from.starts[at * width + word] ?? 0;
  to.lengths[row] = from.lengths[at] ?? 0;
}
