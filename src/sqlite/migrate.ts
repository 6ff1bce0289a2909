import { readdirSync, readFileSync } from 'node:fs';
import { OperationalError } from '../errors/operational-error.ts';
import type { Database } from './open-database.ts';

/**
 * Brings a database to the newest schema: the files `NNN-name.sql` of its owner's `migrations/` folder, in order, each
 * in one transaction, counted in `user_version`. A database that is newer than this program is refused, not guessed at.
 * @throws OperationalError STATE_CORRUPT
 */
export function migrate(database: Database, folder: URL): void {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort();
  const done = Number(database.pragma('user_version', { simple: true }));
  if (done > files.length) {
    throw new OperationalError(
      'STATE_CORRUPT',
      `${database.name} has schema ${done}, this program knows ${files.length}: run a newer version`,
    );
  }
  files.slice(done).forEach((file, offset) => {
    const sql = readFileSync(new URL(file, folder), 'utf8');
    database.transaction(() => {
      database.exec(sql);
      database.pragma(`user_version = ${done + offset + 1}`);
    })();
  });
}
