import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigOf } from '../../src/config/parameter.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import { loadTable } from './files/load-table.ts';
import { type FileState, type LoadedFile, WatchedFile } from './files/watched-file.ts';
import { ASN_RECORDS, COUNTRY_RECORDS, loadMmdb, type MmdbKind } from './geo/mmdb-database.ts';
import { type NetworkMap, NO_NETWORKS, parseNetworkMap } from './geo/network-map.ts';
import { type AddressDatabase, joinOrigins } from './geo/origin-lookup.ts';
import { PrefixTable } from './prefix-table.ts';
import type { RoutePolicy } from './reports/report-columns.ts';
import { ReportedRoutes } from './reports/reported-routes.ts';
import { type Routes, RouteTable, type SiteCosts } from './route-table.ts';
import type { ROUTING_PARAMETERS } from './routing-parameters.ts';

export interface ClientRoutingOptions {
  readonly config: ConfigOf<typeof ROUTING_PARAMETERS> & { readonly state: string };
  readonly world: World;
  readonly logger: Logger;
  /** For how long nothing was heard of an appliance; 0 while it is there. */
  readonly silentMs: (applianceId: string) => number;
  /** The ISP of a site, where the operator says it. */
  readonly networkOf: (siteId: string) => string | undefined;
  readonly onFileState: (file: RoutingFile, state: FileState) => void;
  readonly onReportState: (state: { readonly held: number; readonly leaked: number }) => void;
}

export type RoutingFile = 'prefixes' | 'costs' | 'networks' | 'asn-database' | 'country-database';

const MAX_FILE_BYTES: Readonly<Record<RoutingFile, number>> = {
  prefixes: 256 * 2 ** 20,
  costs: 256 * 2 ** 20,
  networks: 16 * 2 ** 20,
  'asn-database': 512 * 2 ** 20,
  'country-database': 512 * 2 ** 20,
};

interface Origins {
  readonly asns: AddressDatabase<number> | undefined;
  readonly countries: AddressDatabase<string> | undefined;
  readonly map: NetworkMap;
}

/** All that says where clients are: reports, files, databases, each followed by itself, and the table of them all. */
export class ClientRouting implements Service {
  readonly reports: ReportedRoutes;
  readonly #options: ClientRoutingOptions;
  readonly #table = new RouteTable();
  readonly #files: Array<WatchedFile<unknown>> = [];
  #prefixes: PrefixTable<string> | undefined;
  #origins: Origins = { asns: undefined, countries: undefined, map: NO_NETWORKS };

  /** @throws OperationalError CONFIG_INVALID */
  constructor(options: ClientRoutingOptions) {
    this.#options = options;
    const { config, world, logger, silentMs, networkOf, onReportState } = options;
    this.reports = new ReportedRoutes({
      file: join(config.state, 'routes.sqlite'),
      rules: {
        filter: { allowPrivate: config.allowPrivateRoutes, policies: parsePolicies(config.routePolicies) },
        merge: { siteOrder: config.siteOrder, networks: new Map() },
        change: this.#changeRules,
        holdMs: config.routesHoldMs,
      },
      maxRoutes: config.maxReportedRoutes,
      world,
      logger,
      isSilent: (applianceId) => silentMs(applianceId) >= config.silentRoutesMs,
      networkOf,
      onTable: (table) => this.#table.setReportTable(table),
      onState: onReportState,
    });
  }

  async start(): Promise<void> {
    await this.reports.start();
    this.#follow();
    for (const file of this.#files) await file.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#files.map((file) => file.stop(deadlineMs)), this.reports.stop(deadlineMs)]);
  }

  current(): Routes {
    return this.#table.current();
  }

  /** What of the files is held, and why. */
  heldFiles(): string[] {
    return this.#files.flatMap((file) => file.heldBecause ?? []);
  }

  /** Lets every held change count. @returns whether there was any */
  async accept(): Promise<boolean> {
    const files = this.#files.filter((file) => file.accept());
    return (await this.reports.accept()) || files.length > 0;
  }

  get #changeRules(): { readonly maxShare: number; readonly minStretches: number } {
    const { routesHoldShare, routesHoldPrefixes } = this.#options.config;
    return { maxShare: routesHoldShare, minStretches: routesHoldPrefixes };
  }

  #follow(): void {
    const { config } = this.#options;
    this.#watch(
      'prefixes',
      'table of prefixes',
      config.prefixes,
      (file) => this.#loadPrefixes(file),
      (table) => {
        this.#prefixes = table;
        this.#table.setFileTable(table);
        return { prefixes: table.size, version: table.version };
      },
    );
    this.#watch('costs', 'cost map', config.costMap, loadCosts, (table) => {
      this.#table.setCostTable(table);
      return { prefixes: table.size, version: table.version };
    });
    this.#watch('networks', 'table of networks', config.networkMap, loadNetworks, (map) => this.#setOrigins({ map }));
    this.#watchDatabase('asn-database', config.asnDatabase, ASN_RECORDS, (asns) => this.#setOrigins({ asns }));
    this.#watchDatabase('country-database', config.countryDatabase, COUNTRY_RECORDS, (countries) =>
      this.#setOrigins({ countries }),
    );
  }

  #watchDatabase<T>(
    name: RoutingFile,
    file: string,
    kind: MmdbKind<T>,
    onContent: (content: AddressDatabase<T>) => object,
  ): void {
    this.#watch(name, `${kind.what} database`, file, (path) => loadMmdb(path, kind), onContent);
  }

  #watch<T>(
    name: RoutingFile,
    what: string,
    file: string,
    load: (file: string) => Promise<LoadedFile<T>>,
    onContent: (content: T) => object,
  ): void {
    if (file === '') return;
    const { world, logger, config, onFileState } = this.#options;
    const watched = new WatchedFile<T>({
      file,
      what,
      pollMs: config.prefixPollMs,
      maxBytes: MAX_FILE_BYTES[name],
      holdMs: config.routesHoldMs,
      world,
      logger,
      load,
      onContent,
      onState: (state) => onFileState(name, state),
    });
    this.#files.push(watched as WatchedFile<unknown>);
  }

  async #loadPrefixes(file: string): Promise<LoadedFile<PrefixTable<string>>> {
    const standing = this.#prefixes?.data;
    const parsed = await loadTable({ kind: 'prefixes', file, standing, rules: this.#changeRules });
    if (parsed.kind === 'broken') return parsed;
    const content = new PrefixTable(parsed.table);
    const { because } = parsed;
    return because === undefined ? { kind: 'good', content } : { kind: 'doubtful', content, because };
  }

  #setOrigins(fresh: Partial<Origins>): object {
    this.#origins = { ...this.#origins, ...fresh };
    const { asns, countries, map } = this.#origins;
    const origins = joinOrigins(asns, countries, map);
    this.#table.setOrigins(origins);
    return { version: origins.version };
  }
}

async function loadCosts(file: string): Promise<LoadedFile<PrefixTable<SiteCosts>>> {
  const parsed = await loadTable({ kind: 'costs', file });
  return parsed.kind === 'broken' ? parsed : { kind: 'good', content: new PrefixTable(parsed.table) };
}

async function loadNetworks(file: string): Promise<LoadedFile<NetworkMap>> {
  const parsed = parseNetworkMap(await readFile(file));
  return parsed.kind === 'broken' ? parsed : { kind: 'good', content: parsed.map };
}

function parsePolicies(rows: readonly string[]): ReadonlyMap<string, Exclude<RoutePolicy, 'none'>> {
  return new Map(
    rows.map((row) => {
      const match = /^(\d{1,10}(?::\d{1,10}){1,2})=(refuse|prefer)$/.exec(row);
      if (match === null)
        throw new OperationalError('CONFIG_INVALID', `--route-policies '${row}' is not COMMUNITY=refuse or =prefer`);
      return [match[1] ?? '', match[2] as 'refuse' | 'prefer'];
    }),
  );
}
