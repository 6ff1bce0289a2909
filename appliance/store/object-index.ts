import { messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import type { Durability } from './durability.ts';

/**
 * The log is moved into the database when it is 16 MiB long: blocks that come one after the other change the same page
 * again and again, and this writes it once. After a checkpoint the log is used from its beginning; what a large
 * transaction made longer is cut off.
 */
const CHECKPOINT_PAGES = 4096;
const MAX_LOG_BYTES = 32 * 2 ** 20;

/**
 * The index of one volume, and the only SQL of the store, used by the volume's own thread alone. It is read once, at
 * start; afterwards it is only written, in transactions that CommitQueue forms, and every question is answered from
 * memory.
 *
 * With durability `process` the journal is not synced per commit: a killed process loses no committed row, a power cut
 * may lose the last ones, which costs refills. A row that survives a power cut while its data did not is found by the
 * checksum when it is read. With `power` the journal is synced, after the data of its rows was (commit-queue.ts).
 * The database is opened exclusively, which is also the volume's lock.
 */
export class ObjectIndex {
  readonly #database: Database;
  readonly #statements: Statements;

  /** @throws OperationalError STATE_IN_USE, STATE_CORRUPT (damaged, or written by a newer version), VOLUME_IO */
  constructor(file: string, durability: Durability = 'process') {
    this.#database = openDatabase(file, { durable: durability === 'power', exclusive: true });
    try {
      this.#database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      this.#database.pragma(`journal_size_limit = ${MAX_LOG_BYTES}`);
      migrate(this.#database, new URL('./migrations/', import.meta.url));
      this.#statements = prepareStatements(this.#database);
    } catch (error) {
      this.#database.close();
      throw error instanceof OperationalError ? error : databaseFailure(error, file);
    }
  }

  /** Whether the rows say all that the data files hold: not in a new index, until it is said to be. @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  get isComplete(): boolean {
    try {
      return this.#database.prepare<[], number>('SELECT complete FROM completeness').pluck().get() === 1;
    } catch (error) {
      throw databaseFailure(error, this.#database.name);
    }
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO */
  setComplete(): void {
    this.transaction(() => this.#database.exec('UPDATE completeness SET complete = 1'));
  }

  /** Runs `task` in one transaction: all of its writes are kept or none. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  transaction(task: () => void): void {
    try {
      this.#database.transaction(task)();
    } catch (error) {
      throw databaseFailure(error, this.#database.name);
    }
  }

  /** @param description as JSON */
  putObject(generation: number, description: string): void {
    this.#statements.putObject.run(generation, description);
  }

  deleteObject(generation: number): void {
    this.#statements.deleteObject.run(generation);
    this.#statements.deletePages.run(generation);
    this.#statements.deleteUse.run(generation);
  }

  putPage(generation: number, page: number, held: Uint8Array | undefined): void {
    if (held === undefined) this.#statements.deletePage.run(generation, page);
    else this.#statements.putPage.run(generation, page, held);
  }

  putUse(generation: number, usedAtMs: number): void {
    this.#statements.putUse.run(generation, Math.round(usedAtMs));
  }

  /** Objects by rising number, from the first after `after`, at most `count`. @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  objectsAfter(after: number, count: number): ObjectColumns {
    const [generations, usedAtMs, sizesBytes, keyBytes, descriptionBytes, keys, descriptions] = this.#columns(
      this.#statements.objectsAfter,
      after,
      count,
    );
    return {
      generations: numbersOf(generations),
      usedAtMs: numbersOf(usedAtMs),
      sizesBytes: numbersOf(sizesBytes),
      keyBytes: numbersOf(keyBytes),
      keys: bytesOf(keys),
      descriptionBytes: numbersOf(descriptionBytes),
      descriptions: bytesOf(descriptions),
    };
  }

  /** Rows of blocks of the generations after `after`, up to and with `last`. @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  pagesBetween(after: number, last: number): PageColumns {
    const [generations, pages, heldBytes, held] = this.#columns(this.#statements.pagesBetween, after, last);
    return {
      generations: numbersOf(generations),
      pages: numbersOf(pages),
      heldBytes: numbersOf(heldBytes),
      held: bytesOf(held),
    };
  }

  close(): void {
    this.#database.close();
  }

  #columns(statement: Statements['objectsAfter'], first: number, second: number): readonly unknown[] {
    try {
      return statement.get(first, second) as readonly unknown[];
    } catch (error) {
      throw databaseFailure(error, this.#database.name);
    }
  }
}

/**
 * Rows as columns. SQLite puts them together itself: a value that it hands over costs a microsecond and an object, and
 * a million rows of five values ten seconds of two cores; so it costs three.
 */
export interface ObjectColumns {
  /** Rising. */
  readonly generations: readonly number[];
  readonly usedAtMs: readonly number[];
  /** Whatever the description says: null, or no number, in a damaged row. */
  readonly sizesBytes: readonly unknown[];
  /** The keys one after the other as UTF-8, and how long each is: 0 where only JSON can say it, null where there is none. */
  readonly keys: Uint8Array;
  readonly keyBytes: readonly (number | null)[];
  /** JSON, one after the other as UTF-8. */
  readonly descriptions: Uint8Array;
  readonly descriptionBytes: readonly number[];
}

/** By generation and page. */
export interface PageColumns {
  readonly generations: readonly number[];
  readonly pages: readonly number[];
  /** Pages as BlockMap has them, one after the other, and how long each is. */
  readonly held: Uint8Array;
  readonly heldBytes: readonly number[];
}

const numbersOf = (json: unknown): number[] => JSON.parse(String(json)) as number[];

/** Of its own, to be handed to another thread. */
const bytesOf = (bytes: unknown): Uint8Array =>
  bytes instanceof Uint8Array ? new Uint8Array(bytes) : new Uint8Array();

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(database: Database) {
  return {
    putObject: database.prepare<[number, string]>('INSERT OR REPLACE INTO object VALUES (?, ?)'),
    deleteObject: database.prepare<[number]>('DELETE FROM object WHERE generation = ?'),
    deletePages: database.prepare<[number]>('DELETE FROM block_page WHERE generation = ?'),
    deletePage: database.prepare<[number, number]>('DELETE FROM block_page WHERE generation = ? AND page = ?'),
    putPage: database.prepare<[number, number, Uint8Array]>('INSERT OR REPLACE INTO block_page VALUES (?, ?, ?)'),
    // Half a surrogate pair, which JSON escapes, is no text that SQLite could hand on; nor is a zero byte.
    objectsAfter: database
      .prepare<[number, number]>(
        `SELECT json_group_array(generation), json_group_array(used_at_ms), json_group_array(size_bytes),
           json_group_array(octet_length(key)), json_group_array(octet_length(description)),
           CAST(group_concat(key, '') AS BLOB), CAST(group_concat(description, '') AS BLOB)
         FROM (
           SELECT object.generation, description, coalesce(used_at_ms, 0) AS used_at_ms,
             CASE WHEN json_valid(description) THEN description ->> '$.sizeBytes' END AS size_bytes,
             CASE WHEN json_valid(description) AND json_type(description, '$.key') = 'text'
               THEN CASE WHEN instr(description, '\\u') THEN '' ELSE description ->> '$.key' END
             END AS key
           FROM object LEFT JOIN last_use ON last_use.generation = object.generation
           WHERE object.generation > ? ORDER BY object.generation LIMIT ?
         )`,
      )
      .raw(true),
    pagesBetween: database
      .prepare<[number, number]>(
        `SELECT json_group_array(generation), json_group_array(page), json_group_array(octet_length(held)),
           CAST(group_concat(held, '') AS BLOB)
         FROM (
           SELECT generation, page, held FROM block_page
           WHERE generation > ? AND generation <= ? ORDER BY generation, page
         )`,
      )
      .raw(true),
    putUse: database.prepare<[number, number]>('INSERT OR REPLACE INTO last_use VALUES (?, ?)'),
    deleteUse: database.prepare<[number]>('DELETE FROM last_use WHERE generation = ?'),
  };
}

function databaseFailure(error: unknown, file: string): unknown {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (!code.startsWith('SQLITE_')) return error;
  const damaged = code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
  const full = code === 'SQLITE_FULL';
  return new OperationalError(
    damaged ? 'STATE_CORRUPT' : full ? 'VOLUME_FULL' : 'VOLUME_IO',
    `${file}: ${messageOf(error)}`,
    { cause: error },
  );
}
