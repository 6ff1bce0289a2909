import type { RouteReport } from '../../src/contracts/route-report.ts';
import { compareRoutes, type FilteredRoute, type FilteredRoutes, filterRoutes } from './filter-routes.ts';
import { formatPrefix } from './ip-address.ts';
import { type PrefixRow, PrefixTable } from './prefix-table.ts';

/**
 * Which site a client belongs to: the operator's file and what appliances report of the ISP's announcements, merged
 * into one immutable table that is replaced whole. For the same prefix the file wins, being the operator's word; among
 * reports the shorter AS path, then the lower MED, then the lower site id, so that the order in which reports arrive
 * makes no difference. Longer prefixes win over shorter ones whoever gave them.
 */
interface Reported {
  readonly siteId: string;
  readonly reportedAtMs: number;
  readonly filtered: FilteredRoutes;
}

export class RouteTable {
  readonly #allowPrivate: boolean;
  #fileRows: readonly PrefixRow[] = [];
  readonly #reports = new Map<string, Reported>();
  #table: PrefixTable | undefined;

  constructor(options: { readonly allowPrivate: boolean }) {
    this.#allowPrivate = options.allowPrivate;
  }

  /** The table now. It is built at the first use after a change. */
  current(): PrefixTable {
    this.#table ??= this.#build();
    return this.#table;
  }

  setFileRows(rows: readonly PrefixRow[]): void {
    this.#fileRows = rows;
    this.#table = undefined;
  }

  /** Takes the place of the appliance's report before. @returns what was refused, or undefined when it is an old report */
  setReport(report: RouteReport): FilteredRoutes | undefined {
    const before = this.#reports.get(report.applianceId);
    if (before !== undefined && before.reportedAtMs > report.reportedAtMs) return undefined;
    const filtered = filterRoutes(report, this.#allowPrivate);
    this.#reports.set(report.applianceId, { siteId: report.siteId, reportedAtMs: report.reportedAtMs, filtered });
    this.#table = undefined;
    return filtered;
  }

  forgetReport(applianceId: string): void {
    if (this.#reports.delete(applianceId)) this.#table = undefined;
  }

  /** What each appliance reported, for the operator. */
  reports(): Array<{ applianceId: string; siteId: string; reportedAtMs: number; routes: number; refused: object }> {
    return [...this.#reports].map(([applianceId, { siteId, reportedAtMs, filtered }]) => ({
      applianceId,
      siteId,
      reportedAtMs,
      routes: filtered.routes.length,
      refused: filtered.refused,
    }));
  }

  #build(): PrefixTable {
    const best = new Map<string, { siteId: string; route: FilteredRoute }>();
    for (const { siteId, filtered } of this.#reports.values()) {
      for (const route of filtered.routes) {
        const key = formatPrefix(route.prefix);
        const before = best.get(key);
        const order = before === undefined ? -1 : compareRoutes(route, before.route);
        if (before === undefined || order < 0 || (order === 0 && siteId < before.siteId))
          best.set(key, { siteId, route });
      }
    }
    // Of equal prefixes the last counts, so the file comes after the reports.
    return new PrefixTable([
      ...[...best.values()].map(({ siteId, route }) => ({ prefix: route.prefix, siteId })),
      ...this.#fileRows,
    ]);
  }
}
