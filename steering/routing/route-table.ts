import type { RouteReport } from '../../src/contracts/route-report.ts';
import { compareRoutes, type FilteredRoute, type FilteredRoutes, filterRoutes } from './filter-routes.ts';
import { formatPrefix, type IpAddress } from './ip-address.ts';
import { type PrefixMatch, PrefixTable } from './prefix-table.ts';

/**
 * Which site a client belongs to: the operator's file and what appliances report of the ISP's announcements, as two
 * immutable tables, each replaced whole when its side changes. Longer prefixes win over shorter ones whoever gave them.
 * For the same prefix the file wins, being the operator's word; among reports the shorter AS path, then the lower MED,
 * then the lower site id, so that the order in which reports arrive makes no difference.
 */
export interface Routes {
  readonly size: number;
  find(address: IpAddress): PrefixMatch | undefined;
}

interface Reported {
  readonly siteId: string;
  readonly reportedAtMs: number;
  readonly filtered: FilteredRoutes;
}

export class RouteTable {
  readonly #allowPrivate: boolean;
  readonly #reports = new Map<string, Reported>();
  #fileTable = PrefixTable.of([]);
  #reportTable: PrefixTable | undefined;
  #routes: Routes | undefined;

  constructor(options: { readonly allowPrivate: boolean }) {
    this.#allowPrivate = options.allowPrivate;
  }

  /** The routes now; they never change. What was reported is put together at the first use after it. */
  current(): Routes {
    this.#routes ??= merge(this.#fileTable, (this.#reportTable ??= this.#buildReports()));
    return this.#routes;
  }

  setFileTable(table: PrefixTable): void {
    this.#fileTable = table;
    this.#routes = undefined;
  }

  /** Takes the place of the appliance's report before. @returns what was refused, or undefined when it is an old report */
  setReport(report: RouteReport): FilteredRoutes | undefined {
    const before = this.#reports.get(report.applianceId);
    if (before !== undefined && before.reportedAtMs > report.reportedAtMs) return undefined;
    const filtered = filterRoutes(report, this.#allowPrivate);
    this.#reports.set(report.applianceId, { siteId: report.siteId, reportedAtMs: report.reportedAtMs, filtered });
    this.#forgetTable();
    return filtered;
  }

  forgetReport(applianceId: string): void {
    if (this.#reports.delete(applianceId)) this.#forgetTable();
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

  #forgetTable(): void {
    this.#reportTable = undefined;
    this.#routes = undefined;
  }

  #buildReports(): PrefixTable {
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
    return PrefixTable.of([...best.values()].map(({ siteId, route }) => ({ prefix: route.prefix, siteId })));
  }
}

function merge(file: PrefixTable, reports: PrefixTable): Routes {
  return {
    size: file.size + reports.size,
    find: (address) => {
      const [byFile, byReport] = [file.find(address), reports.find(address)];
      if (byFile === undefined || byReport === undefined) return byFile ?? byReport;
      return byReport.prefix.length > byFile.prefix.length ? byReport : byFile;
    },
  };
}
