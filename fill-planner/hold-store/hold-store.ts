import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { HoldMemory } from '../hold/hold-memory.ts';

/**
 * What the hold of each cluster remembers: `hold.sqlite`. Nobody else opens it. With the file is lost what was fetched
 * today, so a day's budget may be spent twice, and how the disks are split, which is found again within weeks.
 */
export class HoldStore {
  readonly #database: Database;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  /** By cluster. */
  memories(): ReadonlyMap<string, HoldMemory> {
    const rows = this.#database
      .prepare<[], { clusterId: string; document: string }>(
        'SELECT cluster_id AS clusterId, document FROM hold_memory ORDER BY cluster_id',
      )
      .all();
    return new Map(rows.map(({ clusterId, document }) => [clusterId, JSON.parse(document) as HoldMemory]));
  }

  /** Replaces what these clusters remember. */
  remember(memories: Iterable<readonly [clusterId: string, memory: HoldMemory]>): void {
    transact(this.#database, () => {
      const insert = this.#database.prepare('INSERT OR REPLACE INTO hold_memory VALUES (?, ?)');
      for (const [clusterId, memory] of memories) insert.run(clusterId, JSON.stringify(memory));
    });
  }

  close(): void {
    this.#database.close();
  }
}
