import type { ClientOrigin, OriginLookup } from './geo/origin-lookup.ts';
import { type IpAddress, type IpPrefix, maskAddress } from './ip-address.ts';
import { NO_MATCH, PrefixTable } from './prefix-table.ts';
import type { ReportedPlace } from './reports/merge-reports.ts';

/**
 * Where clients are: the operator's table of prefixes, what appliances report of the ISP's announcements, what the ISP
 * says each site costs, and where an address is registered. Each is an immutable whole, replaced when its side changes;
 * nothing is put together when a player asks. Longer prefixes win over shorter ones whoever gave them. For the same
 * prefix the file wins, being the operator's word.
 */
export interface Routes {
  /** Names what all answers depend on: equal for equal tables. */
  readonly version: string;
  /** Prefixes of file and reports. */
  readonly size: number;
  find(address: IpAddress): RouteMatch | undefined;
  /** What each site costs the ISP for this client; empty where it does not say. */
  costsOf(address: IpAddress): SiteCosts;
  /** AS and country of an address, as far as databases are configured and know it. */
  originOf(address: IpAddress): ClientOrigin;
}

export interface RouteMatch extends ReportedPlace {
  readonly prefix: IpPrefix;
}

/** Cost by site, the lower the nearer, in whatever the ISP counts. */
export type SiteCosts = ReadonlyMap<string, number>;

interface RouteParts {
  readonly file: PrefixTable<string>;
  readonly reports: PrefixTable<ReportedPlace>;
  readonly costs: PrefixTable<SiteCosts>;
  readonly origins: OriginLookup;
}

const NO_COSTS: SiteCosts = new Map();
const NOBODY: readonly string[] = [];
const EMPTY = { of: <V>(): PrefixTable<V> => new PrefixTable<V>({ ...PrefixTable.of([]).data, values: [] }) };
const NO_ORIGINS: OriginLookup = { version: 'none', of: () => ({}) };

export class RouteTable {
  #parts: RouteParts = { file: EMPTY.of(), reports: EMPTY.of(), costs: EMPTY.of(), origins: NO_ORIGINS };
  #routes: Routes = join(this.#parts);

  /** The routes now; they never change. */
  current(): Routes {
    return this.#routes;
  }

  setFileTable(file: PrefixTable<string>): void {
    this.#set({ file });
  }

  setReportTable(reports: PrefixTable<ReportedPlace>): void {
    this.#set({ reports });
  }

  setCostTable(costs: PrefixTable<SiteCosts>): void {
    this.#set({ costs });
  }

  setOrigins(origins: OriginLookup): void {
    this.#set({ origins });
  }

  #set(fresh: Partial<RouteParts>): void {
    this.#parts = { ...this.#parts, ...fresh };
    this.#routes = join(this.#parts);
  }
}

/** Routes of the operator's table alone. */
export function routesOf(file: PrefixTable<string>): Routes {
  const table = new RouteTable();
  table.setFileTable(file);
  return table.current();
}

function join({ file, reports, costs, origins }: RouteParts): Routes {
  return {
    version: [file.version, reports.version, costs.version, origins.version].join('.'),
    size: file.size + reports.size,
    find(address) {
      const [byFile, byReport] = [file.search(address), reports.search(address)];
      const fileLength = byFile === NO_MATCH ? -1 : file.lengthAt(address, byFile);
      const reportLength = byReport === NO_MATCH ? -1 : reports.lengthAt(address, byReport);
      if (fileLength === -1 && reportLength === -1) return undefined;
      const length = Math.max(fileLength, reportLength);
      const place =
        reportLength > fileLength
          ? reports.valueAt(address, byReport)
          : { siteId: file.valueAt(address, byFile), others: NOBODY, refusing: NOBODY };
      const { siteId, others, refusing } = place;
      return { prefix: { address: maskAddress(address, length), length }, siteId, others, refusing };
    },
    costsOf(address) {
      const at = costs.search(address);
      return at === NO_MATCH ? NO_COSTS : costs.valueAt(address, at);
    },
    originOf: (address) => origins.of(address),
  };
}
