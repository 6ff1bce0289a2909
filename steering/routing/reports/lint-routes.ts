import { formatPrefix } from '../ip-address.ts';
import type { FilteredRoutes, RouteRefusal } from './filter-routes.ts';
import type { HeldChange } from './held-change.ts';
import type { Tie } from './merge-reports.ts';
import { digestOf, type FamilyColumns, prefixAt, sizeOf } from './report-columns.ts';

/**
 * What is wrong with what the ISPs announce, as an operator would want to be told: where, how much, and what to do.
 *
 * The appliances of one site should hear the same (Open Connect asks ISPs for it): what only some of them hear hangs on
 * those, and goes when they go. What is refused, leaked, held or decided by nothing but a name is told as well, because
 * viewers are not where their ISP believes them to be.
 */
export interface LintFacts {
  readonly reports: ReadonlyArray<{ readonly applianceId: string; readonly siteId: string } & FilteredRoutes>;
  /** Appliances that are there, whether they report or not. */
  readonly fleet: ReadonlyArray<{ readonly id: string; readonly siteId: string }>;
  /** Prefixes of a site inside those of another ISP, which were not taken. */
  readonly leaks: ReadonlyMap<string, number>;
  /** Prefixes that two sites announce alike, by `SITE SITE`. */
  readonly ties: ReadonlyMap<string, Tie>;
  readonly held: HeldChange | undefined;
}

export type FindingCode = 'held' | 'missing' | 'silent' | 'differing' | 'leaked' | 'refused' | 'moved-site' | 'tie';

export interface Finding {
  readonly code: FindingCode;
  /** An error sends viewers elsewhere than the ISP means; a note may be meant so. */
  readonly severity: 'error' | 'warning' | 'note';
  readonly siteId: string | undefined;
  readonly applianceIds: readonly string[];
  readonly says: string;
  readonly fix: string;
  /** Some of the prefixes. */
  readonly examples: readonly string[];
}

const MAX_EXAMPLES = 5;
const FIXES: Readonly<Record<RouteRefusal, string>> = {
  malformed: 'repair the file or script that makes these routes',
  default: 'a default route claims the whole Internet: filter it where the ISP announces to the appliance',
  'too-short': 'ask the ISP to announce its own prefixes instead of aggregates of others',
  'too-long': 'ask the ISP to aggregate: /24 for IPv4 and /48 for IPv6 are the longest that are taken',
  'special-purpose': 'private and documentation space belongs to everybody: filter it where the ISP announces',
};

export function lintRoutes(facts: LintFacts): Finding[] {
  return [...heldChange(facts), ...ofSites(facts), ...leaked(facts), ...refused(facts), ...ties(facts)];
}

function heldChange({ held }: LintFacts): Finding[] {
  if (held === undefined) return [];
  return [
    {
      code: 'held',
      severity: 'error',
      siteId: undefined,
      applianceIds: held.applianceIds,
      says: `a mass change is held: ${held.because}`,
      fix: "ask the ISP whether it is meant; if it is, 'oca routes accept', else it counts by itself when it lasts",
      examples: [],
    },
  ];
}

type Report = LintFacts['reports'][number];

function ofSites({ reports, fleet }: LintFacts): Finding[] {
  const bySite = new Map<string, Report[]>();
  for (const report of reports) {
    const site = bySite.get(report.siteId);
    if (site === undefined) bySite.set(report.siteId, [report]);
    else site.push(report);
  }
  const reporting = new Map(reports.map(({ applianceId, siteId }) => [applianceId, siteId]));
  return [...bySite]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([siteId, all]) => {
      const present = fleet.filter((member) => member.siteId === siteId);
      const silent = present.filter(({ id }) => !reporting.has(id)).map(({ id }) => id);
      return [...notReporting(siteId, silent, all.length), ...inconsistent(siteId, all)];
    })
    .concat(fleet.flatMap(({ id, siteId }) => movedSite(id, siteId, reporting.get(id))));
}

function notReporting(siteId: string, silent: readonly string[], others: number): Finding[] {
  if (silent.length === 0) return [];
  return [
    {
      code: 'silent',
      severity: 'warning',
      siteId,
      applianceIds: silent,
      says: `reports no routes, and ${others} of site ${siteId} do`,
      fix: 'give it --bird-socket, --bmp-listen or --routes-file, and look at its log',
      examples: [],
    },
  ];
}

function movedSite(applianceId: string, siteId: string, reported: string | undefined): Finding[] {
  if (reported === undefined || reported === siteId) return [];
  return [
    {
      code: 'moved-site',
      severity: 'error',
      siteId,
      applianceIds: [applianceId],
      says: `stands at site ${siteId} now, and its routes are those of site ${reported}`,
      fix: 'restart it, so that it reports its routes anew',
      examples: [],
    },
  ];
}

/** A prefix as some appliance of the site hears it first, and what the others do. */
interface Heard {
  readonly family: FamilyColumns;
  readonly row: number;
  count: number;
  differs: boolean;
}

/** What some appliances of a site hear and others do not, or hear otherwise. */
function inconsistent(siteId: string, reports: readonly Report[]): Finding[] {
  if (new Set(reports.map(({ columns }) => digestOf(columns))).size <= 1) return [];
  const heard = new Map<number | string, Heard>();
  for (const { columns } of reports) {
    for (const { key, family, row } of rowsOf(columns)) {
      const known = heard.get(key);
      if (known === undefined) heard.set(key, { family, row, count: 1, differs: false });
      else {
        known.count += 1;
        known.differs ||= !sameAttributes(known, { family, row });
      }
    }
  }
  const missing = reports.flatMap((report) => missingAt(siteId, report, heard));
  const differing = [...heard.values()].filter(({ differs }) => differs);
  return [...missing, ...differingAt(siteId, reports, differing)];
}

function missingAt(siteId: string, report: Report, heard: ReadonlyMap<number | string, Heard>): Finding[] {
  const lacking = heard.size - sizeOf(report.columns);
  if (lacking === 0) return [];
  const own = new Set<number | string>();
  for (const { key } of rowsOf(report.columns)) own.add(key);
  const examples: string[] = [];
  for (const [key, { family, row }] of heard) {
    if (examples.length === MAX_EXAMPLES) break;
    if (!own.has(key)) examples.push(formatPrefix(prefixAt(family, row)));
  }
  return [
    {
      code: 'missing',
      severity: 'error',
      siteId,
      applianceIds: [report.applianceId],
      says: `does not hear ${lacking} of the ${heard.size} prefixes that site ${siteId} hears`,
      fix: 'ask the ISP to announce the same prefixes to every appliance of the site',
      examples,
    },
  ];
}

function differingAt(siteId: string, reports: readonly Report[], differing: readonly Heard[]): Finding[] {
  if (differing.length === 0) return [];
  return [
    {
      code: 'differing',
      severity: 'warning',
      siteId,
      applianceIds: reports.map(({ applianceId }) => applianceId),
      says: `hear ${differing.length} prefixes with different paths, MEDs, preferences or communities`,
      fix: 'ask the ISP to use one export policy for all sessions of the site; until then the best of them counts',
      examples: differing.slice(0, MAX_EXAMPLES).map(({ family, row }) => formatPrefix(prefixAt(family, row))),
    },
  ];
}

function leaked({ leaks, reports }: LintFacts): Finding[] {
  return [...leaks].map(([siteId, count]) => ({
    code: 'leaked',
    severity: 'error',
    siteId,
    applianceIds: reports.filter((report) => report.siteId === siteId).map(({ applianceId }) => applianceId),
    says: `${count} prefixes at site ${siteId} lie inside prefixes that another ISP announces, and are not taken`,
    fix: 'ask this ISP not to announce what it learned from others; a customer of both goes into the file of prefixes, which outweighs reports',
    examples: [],
  }));
}

function refused({ reports }: LintFacts): Finding[] {
  return reports.flatMap(({ applianceId, siteId, refused: counts, examples }) =>
    (Object.entries(counts) as Array<[RouteRefusal, number]>)
      .filter(([, count]) => count > 0)
      .map(([refusal, count]) => ({
        code: 'refused',
        severity: refusal === 'default' || refusal === 'malformed' ? 'error' : 'warning',
        siteId,
        applianceIds: [applianceId],
        says: `${count} routes are refused: ${refusal.replaceAll('-', ' ')}`,
        fix: FIXES[refusal],
        examples: examples
          .filter((example) => example.refusal === refusal)
          .slice(0, MAX_EXAMPLES)
          .map(({ prefix }) => prefix),
      })),
  );
}

function ties({ ties: all }: LintFacts): Finding[] {
  return [...all].map(([pair, { count, example }]) => ({
    code: 'tie',
    severity: 'note',
    siteId: pair.split(' ')[0],
    applianceIds: [],
    says: `${count} prefixes are announced to ${pair.split(' ').join(' and ')} alike: only the names of the sites decide`,
    fix: 'let the ISP announce them with different MEDs, or say the order in --site-order',
    examples: [example],
  }));
}

interface ReportRow {
  key: number | string;
  family: FamilyColumns;
  row: number;
}

/** Each prefix with a key of its own; the object is the same every time. Millions of rows are not made text. */
function* rowsOf({ ipv4, ipv6 }: Report['columns']): Generator<ReportRow> {
  const current: ReportRow = { key: 0, family: ipv4, row: 0 };
  for (let row = 0; row < ipv4.count; row += 1) {
    current.key = (ipv4.starts[row] ?? 0) * 64 + (ipv4.lengths[row] ?? 0);
    current.row = row;
    yield current;
  }
  current.family = ipv6;
  for (let row = 0; row < ipv6.count; row += 1) {
    current.key = `${ipv6.starts.subarray(row * 4, row * 4 + 4).join()}/${ipv6.lengths[row] ?? 0}`;
    current.row = row;
    yield current;
  }
}

function sameAttributes(a: Pick<Heard, 'family' | 'row'>, b: Pick<Heard, 'family' | 'row'>): boolean {
  return (['asPathLengths', 'meds', 'localPrefs', 'policies'] as const).every(
    (column) => a.family[column][a.row] === b.family[column][b.row],
  );
}
