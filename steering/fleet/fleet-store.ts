import { type Heartbeat, parseHeartbeat } from '../../src/contracts/heartbeat.ts';
import type { Database } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { openKeptDatabase } from '../kept/kept-database.ts';

/**
 * The last known fleet, for a steering that starts again. Nothing here decides: a
 * running steering never reads it. Heartbeats are gathered and written in transactions by `flush`, because one write
 * per heartbeat would be most of the work of a heartbeat. All of a large fleet at once would be worse: two thousand
 * heartbeats with their holdings are 70 MB, for which players waited half a second in every second. So a flush takes
 * those that wait longest, as many as there is time for; who is heard again meanwhile keeps its place in the line.
 */
export class FleetStore {
  readonly #database: Database;
  readonly #pending = new Map<string, { heartbeat: Heartbeat; heardAtMs: number }>();

  constructor(file: string, logger: Logger) {
    this.#database = openKeptDatabase(file, new URL('./migrations/', import.meta.url), logger);
  }

  /** The last heartbeat of each appliance. A row that no longer fits its contract is left out. */
  load(): Array<{ readonly heartbeat: Heartbeat; readonly heardAtMs: number }> {
    return this.#database
      .prepare<[], { heartbeat: string; heardAtMs: number }>(
        'SELECT heartbeat, heard_at_ms AS heardAtMs FROM appliance ORDER BY appliance_id',
      )
      .all()
      .flatMap((row) => {
        const heartbeat = decode(row.heartbeat, parseHeartbeat);
        return heartbeat === undefined ? [] : [{ heartbeat, heardAtMs: row.heardAtMs }];
      });
  }

  note(heartbeat: Heartbeat, heardAtMs: number): void {
    this.#pending.set(heartbeat.applianceId, { heartbeat, heardAtMs });
  }

  /** How many appliances were heard since the last write that worked. */
  get unwritten(): number {
    return this.#pending.size;
  }

  /**
   * Writes what was noted, the longest waiting first. What could not be written is noted still.
   * @param maxChars no further heartbeat is begun after so much text; all by default
   * @throws OperationalError VOLUME_FULL, VOLUME_IO
   */
  flush(maxChars = Number.POSITIVE_INFINITY): void {
    if (this.#pending.size === 0) return;
    const written: string[] = [];
    transact(this.#database, () => {
      const upsert = this.#database.prepare('INSERT OR REPLACE INTO appliance VALUES (?, ?, ?)');
      let chars = 0;
      for (const [id, { heartbeat, heardAtMs }] of this.#pending) {
        if (chars >= maxChars) break;
        const text = JSON.stringify(heartbeat);
        upsert.run(id, text, heardAtMs);
        chars += text.length;
        written.push(id);
      }
    });
    for (const id of written) this.#pending.delete(id);
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  forget(applianceId: string): void {
    this.#pending.delete(applianceId);
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM appliance WHERE appliance_id = ?').run(applianceId);
    });
  }

  close(): void {
    this.#database.close();
  }
}

function decode<T>(text: string, parse: (body: unknown) => T): T | undefined {
  try {
    return parse(JSON.parse(text));
  } catch {
    // Written by another version. The appliance tells us anew within seconds.
    return undefined;
  }
}
