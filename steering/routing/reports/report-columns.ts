import { createHash } from 'node:crypto';
import { comparePrefixes, type IpAddress, type IpPrefix } from '../ip-address.ts';

/** What the operator's rows make of a route by its communities. */
export type RoutePolicy = 'none' | 'prefer' | 'refuse';
const POLICIES: readonly RoutePolicy[] = ['none', 'prefer', 'refuse'];

/** One believed route of a report. */
export interface ReportedRoute {
  readonly prefix: IpPrefix;
  readonly asPathLength: number;
  readonly med: number;
  readonly localPref: number;
  readonly policy: RoutePolicy;
  /** 0 when the report does not say it. */
  readonly originAsn: number;
}

/** Routes of one family in columns, by address, then the shorter first; no prefix twice. */
export interface FamilyColumns {
  readonly wordsPerAddress: number;
  readonly count: number;
  readonly starts: Uint32Array;
  readonly lengths: Uint8Array;
  readonly asPathLengths: Uint8Array;
  readonly meds: Uint32Array;
  readonly localPrefs: Uint32Array;
  readonly policies: Uint8Array;
  readonly originAsns: Uint32Array;
}

/** The routes of one report. Two thousand appliances report millions together: as objects that would be gigabytes. */
export interface ReportColumns {
  readonly ipv4: FamilyColumns;
  readonly ipv6: FamilyColumns;
}

/** @param routes without repetitions, in any order */
export function columnsOfRoutes(routes: readonly ReportedRoute[]): ReportColumns {
  return { ipv4: familyOf(routes, 1), ipv6: familyOf(routes, 4) };
}

export const sizeOf = ({ ipv4, ipv6 }: ReportColumns): number => ipv4.count + ipv6.count;

export const policyAt = (family: FamilyColumns, row: number): RoutePolicy =>
  POLICIES[family.policies[row] ?? 0] ?? 'none';

export function prefixAt(family: FamilyColumns, row: number): IpPrefix {
  const { wordsPerAddress: width } = family;
  return {
    address: { words: [...family.starts.subarray(row * width, (row + 1) * width)] },
    length: family.lengths[row] ?? 0,
  };
}

export function holdsAddress(family: FamilyColumns, row: number, { words }: IpAddress): boolean {
  const length = family.lengths[row] ?? 0;
  for (let word = 0; word * 32 < length; word += 1) {
    const differing = (family.starts[row * family.wordsPerAddress + word] ?? 0) ^ (words[word] ?? 0);
    if (differing >>> Math.max(0, 32 - (length - word * 32)) !== 0) return false;
  }
  return true;
}

/** Negative when the prefix of row `a` comes before that of row `b` of another family of columns. */
export function compareRows(a: FamilyColumns, aRow: number, b: FamilyColumns, bRow: number): number {
  const { wordsPerAddress: width } = a;
  for (let word = 0; word < width; word += 1) {
    const difference = (a.starts[aRow * width + word] ?? 0) - (b.starts[bRow * width + word] ?? 0);
    if (difference !== 0) return difference;
  }
  return (a.lengths[aRow] ?? 0) - (b.lengths[bRow] ?? 0);
}

/** Names what a report says: equal for equal ones. Appliances of one site mostly hear the same. */
export function digestOf({ ipv4, ipv6 }: ReportColumns): string {
  const hash = createHash('sha256');
  for (const family of [ipv4, ipv6]) {
    hash.update(`${family.count}`).update(family.starts).update(family.lengths).update(family.asPathLengths);
    hash.update(family.meds).update(family.localPrefs).update(family.policies).update(family.originAsns);
  }
  return hash.digest('hex');
}

function familyOf(all: readonly ReportedRoute[], width: number): FamilyColumns {
  const routes = all
    .filter(({ prefix }) => prefix.address.words.length === width)
    .sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  const count = routes.length;
  const columns: FamilyColumns = {
    wordsPerAddress: width,
    count,
    starts: new Uint32Array(count * width),
    lengths: new Uint8Array(count),
    asPathLengths: new Uint8Array(count),
    meds: new Uint32Array(count),
    localPrefs: new Uint32Array(count),
    policies: new Uint8Array(count),
    originAsns: new Uint32Array(count),
  };
  for (const [row, route] of routes.entries()) {
    columns.starts.set(route.prefix.address.words, row * width);
    columns.lengths[row] = route.prefix.length;
    columns.asPathLengths[row] = route.asPathLength;
    columns.meds[row] = route.med;
    columns.localPrefs[row] = route.localPref;
    columns.policies[row] = POLICIES.indexOf(route.policy);
    columns.originAsns[row] = route.originAsn;
  }
  return columns;
}
