import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../../src/sqlite/migrate.ts';
import { openDatabase } from '../../../src/sqlite/open-database.ts';

let dir: string;
let file: string;
let migrations: URL;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-sqlite-'));
  file = join(dir, 'store.sqlite');
  await mkdir(join(dir, 'migrations'));
  migrations = pathToFileURL(`${join(dir, 'migrations')}/`);
});

afterEach(() => rm(dir, { recursive: true }));

const addMigration = (name: string, sql: string): Promise<void> => writeFile(join(dir, 'migrations', name), sql);

describe('opening a database', () => {
  it('refuses a file that is no database, by its name', async () => {
    await writeFile(file, 'this is no database, and it is long enough to be read as one by its header'.repeat(20));
    expect(() => openDatabase(file, { durable: false })).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT', detail: expect.stringContaining('store.sqlite') }),
    );
  });

  it('refuses a folder that is not there', () => {
    expect(() => openDatabase(join(dir, 'none', 'store.sqlite'), { durable: false })).toThrow(
      expect.objectContaining({ code: 'VOLUME_IO' }),
    );
  });

  it('writes ahead, and syncs each commit where it must last', () => {
    const quick = openDatabase(file, { durable: false });
    expect(quick.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(quick.pragma('synchronous', { simple: true })).toBe(1);
    quick.close();
    const durable = openDatabase(file, { durable: true });
    expect(durable.pragma('synchronous', { simple: true })).toBe(2);
    durable.close();
  });
});

describe('migrating a database', () => {
  it('applies what is new, in order, once', async () => {
    await addMigration('001-a.sql', 'CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);');
    const first = openDatabase(file, { durable: false });
    migrate(first, migrations);
    first.close();
    await addMigration('002-b.sql', 'UPDATE a SET x = x + 10;');
    await addMigration('notes.txt', 'this is no SQL');
    for (let start = 0; start < 2; start += 1) {
      const database = openDatabase(file, { durable: false });
      migrate(database, migrations);
      expect(database.prepare('SELECT x FROM a').all()).toEqual([{ x: 11 }]);
      database.close();
    }
  });

  it('leaves the database as it was when a step fails in the middle', async () => {
    await addMigration('001-a.sql', 'CREATE TABLE a (x INTEGER) STRICT;');
    await addMigration('002-b.sql', 'INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1);');
    const database = openDatabase(file, { durable: false });
    expect(() => migrate(database, migrations)).toThrow('nowhere');
    expect(database.prepare('SELECT x FROM a').all()).toEqual([]);
    expect(database.pragma('user_version', { simple: true })).toBe(1);
    database.close();
  });

  it('refuses a database that is newer than the program', () => {
    const database = openDatabase(file, { durable: false });
    database.pragma('user_version = 7');
    expect(() => migrate(database, migrations)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
    database.close();
  });
});
