import { databaseFailure } from './database-failure.ts';
import type { Database } from './open-database.ts';

/**
 * Runs `write` in one transaction: all of it is kept or nothing.
 * @throws OperationalError VOLUME_FULL, VOLUME_IO, STATE_CORRUPT for what the disk did; what `write` throws otherwise
 */
export function transact<T>(database: Database, write: () => T): T {
  try {
    return database.transaction(write).immediate();
  } catch (error) {
    throw databaseFailure(error, database);
  }
}
