import { type CatalogueSnapshot, parseCatalogueSnapshot } from '../../src/contracts/catalogue-snapshot.ts';
import { type PlanRenditions, parsePlanRenditions } from '../../src/contracts/fill-plan.ts';
import type { Database } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { openKeptDatabase } from '../kept/kept-database.ts';

export interface KeptCatalogue {
  readonly snapshot: CatalogueSnapshot;
  readonly etag: string | undefined;
  /** Wall-clock time at which the planner last gave or confirmed it. */
  readonly receivedAtMs: number;
}

const LISTS_KEPT_PER_APPLIANCE = 2;

/** What came from the planner, kept so that steering works while the planner is away, for ever and across restarts. */
export class CatalogueStore {
  readonly #database: Database;

  constructor(file: string, logger: Logger) {
    this.#database = openKeptDatabase(file, new URL('./migrations/', import.meta.url), logger);
  }

  load(): KeptCatalogue | undefined {
    const row = this.#database
      .prepare<[], { etag: string | null; receivedAtMs: number; snapshot: string }>(
        'SELECT etag, received_at_ms AS receivedAtMs, snapshot FROM catalogue',
      )
      .get();
    if (row === undefined) return undefined;
    const snapshot = decode(row.snapshot, parseCatalogueSnapshot);
    return snapshot && { snapshot, etag: row.etag ?? undefined, receivedAtMs: row.receivedAtMs };
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  save({ snapshot, etag, receivedAtMs }: KeptCatalogue): void {
    transact(this.#database, () =>
      this.#database
        .prepare('INSERT OR REPLACE INTO catalogue VALUES (1, ?, ?, ?)')
        .run(etag ?? null, receivedAtMs, JSON.stringify(snapshot)),
    );
  }

  /**
   * One after the other, or two thousand lists of a hundred thousand names would be 2 GB of text at once. What is kept
   * was checked when it came: a name that is none counts towards no title, and checking them all again would take minutes.
   */
  *loadLists(): Generator<PlanRenditions> {
    const rows = this.#database
      .prepare<[], { list: string }>('SELECT list FROM rendition_list ORDER BY rowid')
      .iterate();
    for (const row of rows) {
      const list = decode(row.list, checkShape);
      if (list !== undefined) yield list;
    }
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  saveList(list: PlanRenditions): void {
    transact(this.#database, () => {
      this.#database
        .prepare('INSERT OR REPLACE INTO rendition_list VALUES (?, ?, ?)')
        .run(list.applianceId, list.planVersion, JSON.stringify(list));
      this.#database
        .prepare(
          `DELETE FROM rendition_list WHERE appliance_id = ? AND plan_version NOT IN
             (SELECT plan_version FROM rendition_list WHERE appliance_id = ? ORDER BY rowid DESC LIMIT ?)`,
        )
        .run(list.applianceId, list.applianceId, LISTS_KEPT_PER_APPLIANCE);
    });
  }

  close(): void {
    this.#database.close();
  }
}

function checkShape(body: unknown): PlanRenditions {
  const { renditions } = body as Partial<PlanRenditions>;
  parsePlanRenditions({ ...(body as object), renditions: [] });
  if (!Array.isArray(renditions)) throw new Error('a list without renditions');
  return body as PlanRenditions;
}

function decode<T>(text: string, parse: (body: unknown) => T): T | undefined {
  try {
    return parse(JSON.parse(text));
  } catch {
    // Written by another version. The planner gives it anew at the next poll.
    return undefined;
  }
}
