import { expect, test } from 'vitest';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { openDatabase } from '../../../src/sqlite/open-database.ts';
import { transact } from '../../../src/sqlite/transact.ts';

function smallDatabase() {
  const database = openDatabase(':memory:', { durable: false });
  database.exec('CREATE TABLE note (text TEXT NOT NULL)');
  return database;
}

const failureOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
};

test('a transaction keeps all or nothing', () => {
  const database = smallDatabase();
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  transact(database, () => insert.run('kept'));
  const error = failureOf(() =>
    transact(database, () => {
      insert.run('dropped');
      throw new Error('changed my mind');
    }),
  );
  expect(error).toEqual(new Error('changed my mind'));
  expect(database.prepare('SELECT text FROM note').pluck().all()).toEqual(['kept']);
});

test('a full disk is an operational failure, a broken rule of the schema is a bug', () => {
  const database = smallDatabase();
  database.pragma('max_page_count = 3');
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  const full = failureOf(() => transact(database, () => insert.run('x'.repeat(100_000))));
  expect(isOperational(full, 'VOLUME_FULL')).toBe(true);
  const broken = failureOf(() => transact(database, () => insert.run(null)));
  expect(broken).toBeInstanceOf(Error);
  expect(isOperational(broken)).toBe(false);
});
