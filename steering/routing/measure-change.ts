import type { Intervals, PrefixTableData } from './build-prefix-table.ts';

/**
 * How much of what a table said the next one says otherwise, by addresses.
 *
 * Prefixes are a bad measure: a /10 that goes is worth sixteen thousand /24, and a prefix that is announced in halves
 * from now on has not changed for anybody. So both tables are walked together from cut to cut, and each stretch of
 * addresses that had a site is compared. Addresses of IPv4 and IPv6 cannot be added, so shares are taken per family and
 * the larger one counts; IPv6 is counted in /64s.
 */
export interface TableChange {
  /** Of the addresses that stood, 0 to 1. */
  readonly share: number;
  /** Stretches of addresses whose site is another or none. */
  readonly stretches: number;
  readonly bySite: ReadonlyMap<string, SiteChange>;
}

export interface SiteChange {
  readonly share: number;
  readonly stretches: number;
  /** Where its addresses went; '' for nowhere. */
  readonly to: ReadonlySet<string>;
}

export interface ChangeRules {
  /** A change of more than this share of what stood is one of the mass. */
  readonly maxShare: number;
  /** Below so many stretches it never is: a small network changes as a whole. */
  readonly minStretches: number;
}

/** Why a change is held, in words, or undefined. */
export function massChange(change: TableChange, rules: ChangeRules): string | undefined {
  if (isMass(change, rules)) return `${percent(change.share)} of all addresses that had a site lose or change it`;
  const sites = [...change.bySite].filter(([, site]) => isMass(site, rules));
  if (sites.length === 0) return undefined;
  const told = sites.slice(0, 5).map(([siteId, { share, to }]) => {
    const where = [...to].slice(0, 3).map((id) => (id === '' ? 'nowhere' : id));
    return `${siteId} loses ${percent(share)} of its addresses to ${where.join(', ')}`;
  });
  return `${told.join('; ')}${sites.length > 5 ? ` and ${sites.length - 5} more sites` : ''}`;
}

/** The sites that lose by a mass change, and those that gain what they lose. */
export function sitesConcerned(change: TableChange, rules: ChangeRules): ReadonlySet<string> {
  const concerned = new Set<string>();
  for (const [siteId, site] of change.bySite) {
    if (!isMass(site, rules)) continue;
    concerned.add(siteId);
    for (const to of site.to) if (to !== '') concerned.add(to);
  }
  return concerned;
}

export const isMass = (change: { share: number; stretches: number }, rules: ChangeRules): boolean =>
  change.share > rules.maxShare && change.stretches >= rules.minStretches;

/** @param siteOf the site of a value, or undefined where it stands for none */
export function measureChange<V>(
  before: PrefixTableData<V>,
  after: PrefixTableData<V>,
  siteOf: (value: V) => string | undefined,
): TableChange {
  const names = { before: before.values.map(siteOf), after: after.values.map(siteOf) };
  const sums = new Sums();
  for (const family of ['ipv4', 'ipv6'] as const) {
    sums.begin();
    walk(before[family], after[family], names, sums);
    sums.end();
  }
  return sums.result();
}

interface Names {
  readonly before: ReadonlyArray<string | undefined>;
  readonly after: ReadonlyArray<string | undefined>;
}

function walk(before: Intervals, after: Intervals, names: Names, sums: Sums): void {
  const end = before.wordsPerAddress === 1 ? 2 ** 32 : 2 ** 64;
  let [old, fresh] = [-1, -1];
  let at = 0;
  while (at < end) {
    while (old + 1 < before.count && positionOf(before, old + 1) <= at) old += 1;
    while (fresh + 1 < after.count && positionOf(after, fresh + 1) <= at) fresh += 1;
    const next = Math.min(end, positionOf(before, old + 1), positionOf(after, fresh + 1));
    sums.add(names.before[valueAt(before, old)], names.after[valueAt(after, fresh)], next - at);
    at = next;
  }
}

/** Nothing has no name: NO_VALUE is beyond all values. */
const valueAt = ({ values }: Intervals, index: number): number => values[index] ?? -1;

/** Where an interval starts: the address, or its first 64 bits (rounded far beyond any prefix that is announced). */
function positionOf({ starts, wordsPerAddress, count }: Intervals, index: number): number {
  if (index >= count) return Number.POSITIVE_INFINITY;
  if (wordsPerAddress === 1) return starts[index] ?? 0;
  return (starts[index * wordsPerAddress] ?? 0) * 2 ** 32 + (starts[index * wordsPerAddress + 1] ?? 0);
}

interface SiteSums {
  total: number;
  changed: number;
}

class Sums {
  readonly #sites = new Map<string, { share: number; stretches: number; readonly to: Set<string> }>();
  #family = new Map<string, SiteSums>();
  #share = 0;
  #stretches = 0;

  begin(): void {
    this.#family = new Map();
  }

  add(was: string | undefined, is: string | undefined, addresses: number): void {
    if (was === undefined) return;
    let sums = this.#family.get(was);
    if (sums === undefined) {
      sums = { total: 0, changed: 0 };
      this.#family.set(was, sums);
    }
    sums.total += addresses;
    if (was === is) return;
    sums.changed += addresses;
    this.#stretches += 1;
    let site = this.#sites.get(was);
    if (site === undefined) {
      site = { share: 0, stretches: 0, to: new Set() };
      this.#sites.set(was, site);
    }
    site.stretches += 1;
    site.to.add(is ?? '');
  }

  end(): void {
    let [total, changed] = [0, 0];
    for (const [siteId, sums] of this.#family) {
      total += sums.total;
      changed += sums.changed;
      const site = this.#sites.get(siteId);
      if (site !== undefined) site.share = Math.max(site.share, sums.changed / sums.total);
    }
    if (total > 0) this.#share = Math.max(this.#share, changed / total);
  }

  result(): TableChange {
    return { share: this.#share, stretches: this.#stretches, bySite: this.#sites };
  }
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
