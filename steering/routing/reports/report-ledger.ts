import type { RouteReport } from '../../../src/contracts/route-report.ts';
import type { PrefixTableData } from '../build-prefix-table.ts';
import { formatPrefix, type IpAddress } from '../ip-address.ts';
import { type ChangeRules, massChange, measureChange, sitesConcerned, type TableChange } from '../measure-change.ts';
import { type FilteredRoutes, type FilterRules, filterRoutes } from './filter-routes.ts';
import type { HeldChange } from './held-change.ts';
import { type Finding, type LintFacts, lintRoutes } from './lint-routes.ts';
import {
  type MergedReports,
  type MergeRules,
  mergeReports,
  type ReportedPlace,
  type SiteReport,
} from './merge-reports.ts';
import { measureOrigins } from './origin-change.ts';
import { digestOf, type FamilyColumns, holdsAddress, policyAt, prefixAt, sizeOf } from './report-columns.ts';

/**
 * All reports of all appliances, which of them stand, and the table that they make.
 *
 * A router that is misconfigured, or a session that flaps, takes away or moves half of an ISP at once, and so does one
 * that really changed. So a mass change (measure-change.ts) does not go into the table at first: the reports of the
 * sites that it concerns stay as they stood, all others go on, and where that is not enough the whole table stays.
 * What persists for `holdMs`, or is accepted by an operator, counts. What goes away by itself never did. What
 * an appliance reports for the first time is never held: there is nothing to compare it with.
 */
export interface LedgerRules {
  readonly filter: FilterRules;
  readonly merge: MergeRules;
  readonly change: ChangeRules;
  readonly holdMs: number;
}

export interface BuiltReports {
  /** undefined when it is the table that stands. */
  readonly table: PrefixTableData<ReportedPlace> | undefined;
  readonly held: HeldChange | undefined;
  /** Reports that stand from now on, for the next start. */
  readonly adopted: ReadonlyMap<string, Uint8Array>;
  /** Prefixes that were not taken, because they lie inside those of another ISP. */
  readonly leaked: number;
}

export interface ReportSummary {
  readonly applianceId: string;
  readonly siteId: string;
  readonly reportedAtMs: number;
  readonly routes: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly held: boolean;
  /** The appliance is silent for so long that its routes do not count. */
  readonly silent: boolean;
}

/** What one appliance reports of an address. */
export interface FoundRoute {
  readonly applianceId: string;
  readonly siteId: string;
  readonly prefix: string;
  readonly asPathLength: number;
  readonly med: number;
  readonly localPref: number;
  readonly policy: string;
}

interface Entry {
  readonly siteId: string;
  readonly reportedAtMs: number;
  readonly filtered: FilteredRoutes;
  readonly digest: string;
  /** Until it is kept for a restart. */
  body: Uint8Array | undefined;
}

interface Contribution extends SiteReport {
  readonly digest: string;
}
type Contributions = ReadonlyMap<string, Contribution>;

interface Standing extends Pick<MergedReports, 'leaks' | 'ties'> {
  readonly contributions: Contributions;
  readonly table: PrefixTableData<ReportedPlace>;
}

const siteOfPlace = (place: ReportedPlace): string | undefined => place.siteId;

export class ReportLedger {
  #rules: LedgerRules;
  readonly #entries = new Map<string, Entry>();
  #silent: ReadonlySet<string> = new Set();
  #standing: Standing | undefined;
  #held: HeldChange | undefined;
  #isAccepted = false;

  constructor(rules: LedgerRules) {
    this.#rules = rules;
  }

  setNetworks(networks: ReadonlyMap<string, string>): void {
    this.#rules = { ...this.#rules, merge: { ...this.#rules.merge, networks } };
  }

  /** The routes of these appliances do not count, as long as they are named. */
  setSilent(applianceIds: ReadonlySet<string>): void {
    this.#silent = applianceIds;
  }

  /**
   * Takes the place of the appliance's report before. @param body kept for a restart once the report stands; undefined
   * when it is kept already. @returns what was refused, or undefined when it is an old report
   */
  take(report: RouteReport, body: Uint8Array | undefined): FilteredRoutes | undefined {
    const before = this.#entries.get(report.applianceId);
    if (before !== undefined && before.reportedAtMs > report.reportedAtMs) return undefined;
    const filtered = filterRoutes(report, this.#rules.filter);
    this.#entries.set(report.applianceId, {
      siteId: report.siteId,
      reportedAtMs: report.reportedAtMs,
      filtered,
      digest: `${report.siteId} ${digestOf(filtered.columns)}`,
      body,
    });
    return filtered;
  }

  forget(applianceId: string): void {
    this.#entries.delete(applianceId);
  }

  /** What is held counts with the next building. */
  accept(): void {
    this.#isAccepted = true;
  }

  build(nowMs: number): BuiltReports {
    const offered = this.#offered();
    const { held, ...standing } = this.#judge(offered, nowMs);
    const { contributions, table, leaks } = standing;
    const isNew = this.#standing?.table.version !== table.version;
    this.#standing = standing;
    this.#held = held;
    this.#isAccepted = false;
    const leaked = [...leaks.values()].reduce((sum, count) => sum + count, 0);
    return { table: isNew ? table : undefined, held, adopted: this.#adopted(contributions), leaked };
  }

  summaries(): ReportSummary[] {
    const held = new Set(this.#held?.applianceIds);
    return [...this.#entries].map(([applianceId, { siteId, reportedAtMs, filtered }]) => ({
      applianceId,
      siteId,
      reportedAtMs,
      routes: sizeOf(filtered.columns),
      refused: filtered.refused,
      held: held.has(applianceId),
      silent: this.#silent.has(applianceId),
    }));
  }

  /** Everything that is reported of an address, the longest prefix first. */
  find(address: IpAddress): FoundRoute[] {
    const found: FoundRoute[] = [];
    for (const [applianceId, { siteId, filtered }] of this.#entries) {
      const family = address.words.length === 1 ? filtered.columns.ipv4 : filtered.columns.ipv6;
      for (let row = 0; row < family.count; row += 1) {
        if (!holdsAddress(family, row, address)) continue;
        found.push({ applianceId, siteId, prefix: formatPrefix(prefixAt(family, row)), ...rowOf(family, row) });
      }
    }
    return found.sort((a, b) => lengthOf(b) - lengthOf(a) || (a.applianceId < b.applianceId ? -1 : 1));
  }

  lint(fleet: LintFacts['fleet']): Finding[] {
    return lintRoutes({
      fleet,
      leaks: this.#standing?.leaks ?? new Map(),
      ties: this.#standing?.ties ?? new Map(),
      reports: [...this.#entries].map(([applianceId, { siteId, filtered }]) => ({ applianceId, siteId, ...filtered })),
      held: this.#held,
    });
  }

  #offered(): Contributions {
    const offered = new Map<string, Contribution>();
    for (const [applianceId, { siteId, filtered, digest }] of this.#entries) {
      if (!this.#silent.has(applianceId)) offered.set(applianceId, { siteId, columns: filtered.columns, digest });
    }
    return offered;
  }

  #judge(offered: Contributions, nowMs: number): Standing & { readonly held: HeldChange | undefined } {
    const stood = this.#standing;
    const all = this.#merge(offered);
    if (stood === undefined || stood.table.size === 0 || this.#isAccepted) return { ...all, held: undefined };
    // Who reports for the first time is no change: a site that comes up takes over what another one had, and while a
    // whole fleet comes up nearly every report does.
    const known = withNewcomers(stood.contributions, offered);
    if (differing(known, offered).length === 0) return { ...all, held: undefined };
    const base = known.size === stood.contributions.size ? stood : this.#merge(known);
    const verdict = this.#verdict(base, all);
    const sinceMs = this.#held?.sinceMs ?? nowMs;
    const untilMs = sinceMs + this.#rules.holdMs;
    if (verdict === undefined || nowMs >= untilMs) return { ...all, held: undefined };
    const holding = (taken: Standing): Standing & { readonly held: HeldChange } => {
      const applianceIds = differing(taken.contributions, offered);
      return { ...taken, held: { because: verdict.because, sinceMs, untilMs, applianceIds } };
    };
    const partly = this.#merge(withoutSites(offered, base.contributions, verdict.sites));
    return holding(this.#verdict(base, partly) === undefined ? partly : base);
  }

  /** Why a new table would be a mass change, and which sites it concerns. */
  #verdict(
    stood: Standing,
    { contributions, table }: Standing,
  ): { readonly because: string; readonly sites: ReadonlySet<string> } | undefined {
    const rules = this.#rules.change;
    const change: TableChange = measureChange(stood.table, table, siteOfPlace);
    const because = massChange(change, rules);
    if (because !== undefined) return { because, sites: sitesConcerned(change, rules) };
    for (const [applianceId, contribution] of contributions) {
      const before = stood.contributions.get(applianceId);
      if (before === undefined || before.digest === contribution.digest) continue;
      const origins = measureOrigins(before.columns, contribution.columns);
      if (origins.share > rules.maxShare && origins.stretches >= rules.minStretches) {
        const share = Math.round(origins.share * 100);
        return {
          because: `${share} % of the addresses that ${applianceId} hears of are announced by another AS than before`,
          sites: new Set([contribution.siteId]),
        };
      }
    }
    return undefined;
  }

  #merge(contributions: Contributions): Standing {
    const different = new Map<string, Contribution>();
    for (const contribution of contributions.values()) different.set(contribution.digest, contribution);
    const { data, leaks, ties } = mergeReports([...different.values()], this.#rules.merge);
    return { contributions, table: data, leaks, ties };
  }

  #adopted(standing: Contributions): Map<string, Uint8Array> {
    const adopted = new Map<string, Uint8Array>();
    for (const [applianceId, entry] of this.#entries) {
      if (entry.body === undefined || standing.get(applianceId)?.digest !== entry.digest) continue;
      adopted.set(applianceId, entry.body);
      entry.body = undefined;
    }
    return adopted;
  }
}

/** What stood, and those who were not there before. */
function withNewcomers(stood: Contributions, offered: Contributions): Contributions {
  const newcomers = [...offered].filter(([applianceId]) => !stood.has(applianceId));
  return newcomers.length === 0 ? stood : new Map([...stood, ...newcomers]);
}

/** What is offered, but for these sites what stood. */
function withoutSites(offered: Contributions, stood: Contributions, sites: ReadonlySet<string>): Contributions {
  const mixed = new Map([...offered].filter(([, { siteId }]) => !sites.has(siteId)));
  for (const [applianceId, contribution] of stood) {
    const isConcerned = sites.has(contribution.siteId) || sites.has(offered.get(applianceId)?.siteId ?? '');
    if (isConcerned) mixed.set(applianceId, contribution);
  }
  return mixed;
}

/** The appliances of which the one says something else than the other. */
function differing(a: Contributions, b: Contributions): string[] {
  const ids = new Set([...a.keys(), ...b.keys()]);
  return [...ids].filter((id) => a.get(id)?.digest !== b.get(id)?.digest).sort();
}

const rowOf = (
  family: FamilyColumns,
  row: number,
): Pick<FoundRoute, 'asPathLength' | 'med' | 'localPref' | 'policy'> => ({
  asPathLength: family.asPathLengths[row] ?? 0,
  med: family.meds[row] ?? 0,
  localPref: family.localPrefs[row] ?? 0,
  policy: policyAt(family, row),
});

const lengthOf = ({ prefix }: FoundRoute): number => Number(prefix.split('/')[1]);
