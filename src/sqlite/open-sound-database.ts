import { renameSync, rmSync } from 'node:fs';
import { OperationalError } from '../errors/operational-error.ts';
import { databaseFailure } from './database-failure.ts';
import { migrate } from './migrate.ts';
import { type Database, openDatabase } from './open-database.ts';

/**
 * A store's file for this process alone, checked and with the newest schema.
 * @throws OperationalError STATE_CORRUPT when it is damaged; STATE_IN_USE, VOLUME_IO, VOLUME_FULL
 */
export function openSoundDatabase(file: string, migrations: URL, options: { readonly durable: boolean }): Database {
  const database = openDatabase(file, { ...options, exclusive: true });
  try {
    const verdict = database.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw new OperationalError('STATE_CORRUPT', `${file}: ${String(verdict)}`);
    migrate(database, migrations);
    return database;
  } catch (error) {
    const failure = databaseFailure(error, database);
    database.close();
    throw failure;
  }
}

/** Moves a damaged file out of the way, where an operator can still look at it. */
export function putAside(file: string): void {
  renameSync(file, `${file}.damaged`);
  for (const beside of ['-wal', '-shm']) rmSync(file + beside, { force: true });
}
