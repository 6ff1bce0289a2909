import { parseRouteReport, type RouteReport } from '../../../src/contracts/route-report.ts';
import type { Database } from '../../../src/sqlite/open-database.ts';
import { transact } from '../../../src/sqlite/transact.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { openKeptDatabase } from '../../kept/kept-database.ts';

/** The reports that stand, for a steering that starts again. What is held back is not kept: nobody has judged it yet. */
export class ReportStore {
  readonly #database: Database;

  /** @throws OperationalError STATE_IN_USE, VOLUME_IO, VOLUME_FULL */
  constructor(file: string, logger: Logger) {
    this.#database = openKeptDatabase(file, new URL('./migrations/', import.meta.url), logger);
  }

  /** A report that no longer fits its contract is left out: the appliance tells it anew. */
  *load(): Generator<RouteReport> {
    const rows = this.#database
      .prepare<[], { body: Buffer }>('SELECT body FROM report ORDER BY appliance_id')
      .iterate();
    for (const { body } of rows) {
      const report = decode(body);
      if (report !== undefined) yield report;
    }
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  save(bodies: ReadonlyMap<string, Uint8Array>): void {
    transact(this.#database, () => {
      const upsert = this.#database.prepare('INSERT OR REPLACE INTO report VALUES (?, ?)');
      for (const [applianceId, body] of bodies) upsert.run(applianceId, body);
    });
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  forget(applianceId: string): void {
    transact(this.#database, () =>
      this.#database.prepare('DELETE FROM report WHERE appliance_id = ?').run(applianceId),
    );
  }

  close(): void {
    this.#database.close();
  }
}

function decode(body: Buffer): RouteReport | undefined {
  try {
    return parseRouteReport(JSON.parse(body.toString('utf8')));
  } catch {
    return undefined;
  }
}
