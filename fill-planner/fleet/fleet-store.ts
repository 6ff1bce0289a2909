import { canonicalJson } from '../../src/signing/canonical-json.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import { EMPTY_FLEET, type Fleet, parseFleet } from './fleet.ts';

export interface StoredFleet {
  /** 0 until one was set. */
  readonly fleetVersion: number;
  readonly changedAtMs: number;
  readonly fleet: Fleet;
}

/** The fleet document: `fleet.sqlite`. Nobody else opens it. */
export class FleetStore {
  readonly #database: Database;
  #current: StoredFleet;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
    const row = this.#database
      .prepare<[], { fleetVersion: number; document: string; changedAtMs: number }>(
        'SELECT fleet_version AS fleetVersion, document, changed_at_ms AS changedAtMs FROM fleet',
      )
      .get();
    this.#current =
      row === undefined
        ? { fleetVersion: 0, changedAtMs: 0, fleet: EMPTY_FLEET }
        : {
            fleetVersion: row.fleetVersion,
            changedAtMs: row.changedAtMs,
            fleet: parseFleet(JSON.parse(row.document)),
          };
  }

  get(): StoredFleet {
    return this.#current;
  }

  /** Replaces the whole fleet; the same document again changes nothing. */
  set(fleet: Fleet, nowMs: number): StoredFleet {
    const document = canonicalJson(fleet);
    if (document === canonicalJson(this.#current.fleet)) return this.#current;
    const fleetVersion = this.#current.fleetVersion + 1;
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM fleet').run();
      this.#database.prepare('INSERT INTO fleet VALUES (?, ?, ?)').run(fleetVersion, document, nowMs);
    });
    this.#current = { fleetVersion, changedAtMs: nowMs, fleet };
    return this.#current;
  }

  /** The region whose demand an appliance sees: of its own site, else of the site that it names itself. */
  regionOf(applianceId: string, siteId: string): string | undefined {
    const { sites, clusters, appliances } = this.#current.fleet;
    const clusterId = appliances.find(({ id }) => id === applianceId)?.clusterId;
    const ownSiteId = clusters.find(({ id }) => id === clusterId)?.siteId ?? siteId;
    return sites.find(({ id }) => id === ownSiteId)?.region;
  }

  close(): void {
    this.#database.close();
  }
}
