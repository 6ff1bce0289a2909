import { messageOf, OperationalError } from '../errors/operational-error.ts';
import type { Database } from './open-database.ts';

/**
 * What the disk under a database did, as an OperationalError: VOLUME_FULL, VOLUME_IO or STATE_CORRUPT. Anything else,
 * a broken constraint for one, is a bug of the caller and comes back as it is.
 */
export function databaseFailure(error: unknown, database: Pick<Database, 'name'>): unknown {
  const sqliteCode = error instanceof Error && 'code' in error ? String(error.code) : '';
  const row = CODES.find(([prefix]) => sqliteCode.startsWith(prefix));
  if (row === undefined) return error;
  return new OperationalError(row[1], `${database.name}: ${messageOf(error)}`, { cause: error });
}

const CODES = [
  ['SQLITE_FULL', 'VOLUME_FULL'],
  ['SQLITE_CORRUPT', 'STATE_CORRUPT'],
  ['SQLITE_NOTADB', 'STATE_CORRUPT'],
  ['SQLITE_IOERR', 'VOLUME_IO'],
  ['SQLITE_READONLY', 'VOLUME_IO'],
  ['SQLITE_CANTOPEN', 'VOLUME_IO'],
  ['SQLITE_BUSY', 'VOLUME_IO'],
] as const;
