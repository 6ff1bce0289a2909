import Sqlite from 'better-sqlite3';
import { messageOf, OperationalError } from '../errors/operational-error.ts';

export type Database = Sqlite.Database;

/**
 * Opens one store's file. WAL with `synchronous=NORMAL`: a killed process loses nothing; a power cut may lose the last
 * transactions but never the file's consistency. `durable` adds an fsync per commit, for what cannot be fetched again.
 * `exclusive` keeps every other connection out, of this process too, until it is closed: the kernel holds the lock and
 * gives it back when the process dies, however it dies.
 * @throws OperationalError STATE_CORRUPT, VOLUME_IO; STATE_IN_USE at once when another connection has it exclusively
 */
export function openDatabase(file: string, options: { durable: boolean; exclusive?: boolean }): Database {
  const exclusive = options.exclusive ?? false;
  let database: Database | undefined;
  try {
    database = new Sqlite(file, exclusive ? { timeout: 0 } : {});
    // Before the journal mode: then no memory is shared between processes, and the lock is taken with the first use.
    if (exclusive) database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('journal_mode = WAL');
    if (exclusive) database.exec('BEGIN IMMEDIATE; COMMIT');
    database.pragma(`synchronous = ${options.durable ? 'FULL' : 'NORMAL'}`);
    database.pragma('foreign_keys = ON');
    database.pragma(`busy_timeout = ${exclusive ? 0 : 5000}`);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new OperationalError('STATE_IN_USE', file, { cause: error });
    }
    const code =
      error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_CORRUPT') ? 'STATE_CORRUPT' : 'VOLUME_IO';
    const notDatabase = error instanceof Sqlite.SqliteError && error.code === 'SQLITE_NOTADB';
    throw new OperationalError(notDatabase ? 'STATE_CORRUPT' : code, `${file}: ${messageOf(error)}`, { cause: error });
  }
}
