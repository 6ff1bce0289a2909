import { expect, test } from 'vitest';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { databaseFailure } from '../../../src/sqlite/database-failure.ts';

const sqliteError = (code: string): Error => Object.assign(new Error('it went wrong'), { code });

test.each([
  ['SQLITE_FULL', 'VOLUME_FULL'],
  ['SQLITE_IOERR_WRITE', 'VOLUME_IO'],
  ['SQLITE_READONLY_DBMOVED', 'VOLUME_IO'],
  ['SQLITE_CORRUPT_VTAB', 'STATE_CORRUPT'],
  ['SQLITE_NOTADB', 'STATE_CORRUPT'],
] as const)('%s is the operational failure %s and names the file', (code, expected) => {
  const failure = databaseFailure(sqliteError(code), { name: '/state/fleet.sqlite' });
  expect(isOperational(failure, expected) && failure.detail).toContain('/state/fleet.sqlite');
});

test('a broken constraint is a bug and stays what it is', () => {
  const bug = sqliteError('SQLITE_CONSTRAINT_DATATYPE');
  expect(databaseFailure(bug, { name: 'x' })).toBe(bug);
  expect(databaseFailure('text', { name: 'x' })).toBe('text');
});
