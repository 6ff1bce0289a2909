import Sqlite from 'better-sqlite3';
import { messageOf, OperationalError } from '../errors/operational-error.ts';

export type Database = Sqlite.Database;
export type Statement<P extends unknown[] = unknown[], R = unknown> = Sqlite.Statement<P, R>;

/**
 * Opens one store's file. WAL with `synchronous=NORMAL`: a killed process loses nothing; a power cut may lose the last
 * transactions but never the file's consistency. `durable` adds an fsync per commit, for what cannot be fetched again.
 * @throws OperationalError STATE_CORRUPT, VOLUME_IO
 */
export function openDatabase(file: string, options: { durable: boolean }): Database {
  try {
    const database = new Sqlite(file);
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${options.durable ? 'FULL' : 'NORMAL'}`);
    database.pragma('foreign_keys = ON');
    database.pragma('busy_timeout = 5000');
    return database;
  } catch (error) {
    const code =
      error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_CORRUPT') ? 'STATE_CORRUPT' : 'VOLUME_IO';
    const notDatabase = error instanceof Sqlite.SqliteError && error.code === 'SQLITE_NOTADB';
    throw new OperationalError(notDatabase ? 'STATE_CORRUPT' : code, `${file}: ${messageOf(error)}`, { cause: error });
  }
}
