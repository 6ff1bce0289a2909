import type { RouteReport } from '../../../../src/contracts/route-report.ts';
import { type IpPrefix, parseAddress, parsePrefix } from '../../../../steering/routing/ip-address.ts';
import { PrefixTable } from '../../../../steering/routing/prefix-table.ts';
import type { ReportedPlace } from '../../../../steering/routing/reports/merge-reports.ts';
import {
  type BuiltReports,
  type LedgerRules,
  ReportLedger,
} from '../../../../steering/routing/reports/report-ledger.ts';

type Route = RouteReport['routes'][number];

export const report = (
  applianceId: string,
  siteId: string,
  routes: ReadonlyArray<string | Route>,
  reportedAtMs = 1000,
): RouteReport => ({
  version: 1,
  applianceId,
  siteId,
  reportedAtMs,
  routes: routes.map((route) => (typeof route === 'string' ? { prefix: route } : route)),
});

export function prefixOf(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if ('problem' in prefix) throw new Error(prefix.problem);
  return prefix;
}

export const RULES: LedgerRules = {
  filter: {
    allowPrivate: false,
    policies: new Map([
      ['64500:666', 'refuse'],
      ['64500:100', 'prefer'],
    ]),
  },
  merge: { siteOrder: [], networks: new Map() },
  change: { maxShare: 0.5, minStretches: 10 },
  holdMs: 60_000,
};

/** A ledger with the table that its buildings leave behind. */
export class Ledger {
  readonly ledger: ReportLedger;
  nowMs = 0;
  #table: PrefixTable<ReportedPlace> | undefined;

  constructor(rules: Partial<LedgerRules> = {}) {
    this.ledger = new ReportLedger({ ...RULES, ...rules });
  }

  take(...reports: readonly RouteReport[]): this {
    for (const each of reports) this.ledger.take(each, Buffer.from(each.applianceId));
    return this;
  }

  build(): BuiltReports {
    const built = this.ledger.build(this.nowMs);
    if (built.table !== undefined) this.#table = new PrefixTable(built.table);
    return built;
  }

  placeOf(text: string): ReportedPlace | undefined {
    const address = parseAddress(text);
    return address && this.#table?.find(address)?.value;
  }

  siteOf(text: string): string | undefined {
    return this.placeOf(text)?.siteId;
  }
}

/** So many /24 beside each other in `first`.0.0.0/8. */
export const manyPrefixes = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${first}.${index >>> 8}.${index & 255}.0/24`);
