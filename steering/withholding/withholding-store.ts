import type { Database } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { openKeptDatabase } from '../kept/kept-database.ts';
import { type Withholding, withholdingSchema } from './withholding.ts';

/** The operator's orders across restarts. Each is on the disk before it is confirmed. */
export class WithholdingStore {
  readonly #database: Database;

  /** @throws OperationalError STATE_IN_USE, VOLUME_IO, VOLUME_FULL */
  constructor(file: string, logger: Logger) {
    this.#database = openKeptDatabase(file, new URL('./migrations/', import.meta.url), logger, { durable: true });
  }

  /** A row that does not fit is left out. */
  load(): Withholding[] {
    return this.#database
      .prepare<[], { withholding: string }>('SELECT withholding FROM withholding ORDER BY name')
      .all()
      .flatMap((row) => {
        const read = withholdingSchema.safeParse(decode(row.withholding));
        return read.success ? [read.data] : [];
      });
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  save(withholding: Withholding): void {
    transact(this.#database, () =>
      this.#database
        .prepare('INSERT OR REPLACE INTO withholding VALUES (?, ?)')
        .run(withholding.name, JSON.stringify(withholding)),
    );
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  remove(name: string): void {
    transact(this.#database, () => this.#database.prepare('DELETE FROM withholding WHERE name = ?').run(name));
  }

  close(): void {
    this.#database.close();
  }
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
