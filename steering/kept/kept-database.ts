import { renameSync, rmSync } from 'node:fs';
import { isOperational, OperationalError } from '../../src/errors/operational-error.ts';
import { databaseFailure } from '../../src/sqlite/database-failure.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import type { Logger } from '../../src/telemetry/logger.ts';

/**
 * A database of what others told us and will tell again: it helps a restart and nothing depends on it. So one that is
 * damaged is put aside and begun anew instead of stopping the service; an operator can still look at what was put aside.
 * It is this process's alone: a second service on the same folder
 * does not start.
 * @throws OperationalError STATE_IN_USE; VOLUME_IO, VOLUME_FULL when even a new one cannot be made
 */
export function openKeptDatabase(
  file: string,
  migrations: URL,
  logger: Logger,
  { durable = false }: { readonly durable?: boolean } = {},
): Database {
  try {
    return openSound(file, migrations, durable);
  } catch (error) {
    if (!isOperational(error, 'STATE_CORRUPT')) throw error;
    logger.error({ file, error }, 'kept state is damaged: it is put aside and begun anew');
    renameSync(file, `${file}.damaged`);
    for (const beside of ['-wal', '-shm']) rmSync(file + beside, { force: true });
    return openSound(file, migrations, durable);
  }
}

function openSound(file: string, migrations: URL, durable: boolean): Database {
  const database = openDatabase(file, { durable, exclusive: true });
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
