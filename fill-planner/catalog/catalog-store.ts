import type { CatalogueSnapshot, CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { canonicalJson } from '../../src/signing/canonical-json.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { IngestedFile, IngestedTitle } from './ingest-title.ts';
import type { MappedSegment } from './media/map-segments.ts';

/** Titles, their files and block hashes: `catalogue.sqlite`. Nobody else opens it. */
export interface StoredTitle {
  readonly title: CatalogueTitle;
  readonly addedAtMs: number;
  readonly changedAtMs: number;
}

export interface StoredFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly root: string;
  readonly blockHashes: Buffer;
}

/** What `put` and `remove` did: the same content again changes nothing, so that ingest may be repeated. */
export interface CatalogueChange {
  readonly changed: boolean;
  readonly catalogueVersion: number;
}

const MAX_TITLES = 100_000;

export class CatalogStore {
  readonly #database: Database;
  #titles: ReadonlyMap<string, StoredTitle> | undefined;
  #renditionByPath: ReadonlyMap<string, string> | undefined;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  get catalogueVersion(): number {
    return Number(this.#database.prepare('SELECT catalogue_version FROM catalogue').pluck().get());
  }

  /** All titles by id, in the order of ids. */
  titles(): ReadonlyMap<string, StoredTitle> {
    this.#titles ??= new Map(
      this.#database
        .prepare<[], { id: string; document: string; addedAtMs: number; changedAtMs: number }>(
          'SELECT id, document, added_at_ms AS addedAtMs, changed_at_ms AS changedAtMs FROM title ORDER BY id',
        )
        .all()
        .map(({ id, document, ...times }) => [id, { title: JSON.parse(document) as CatalogueTitle, ...times }]),
    );
    return this.#titles;
  }

  /** What `GET /v1/catalogue` answers. */
  snapshot(): CatalogueSnapshot {
    const titles = [...this.titles().values()].map(({ title }) => title);
    return { version: 1, catalogueVersion: this.catalogueVersion, titles };
  }

  /** The rendition that a public path belongs to. */
  renditionOf(path: string): string | undefined {
    this.#renditionByPath ??= new Map(
      [...this.titles().values()].flatMap(({ title }) =>
        title.renditions.flatMap(({ id, files }) => files.map((file) => [file.path, id] as const)),
      ),
    );
    return this.#renditionByPath.get(path);
  }

  /** Any file of that content. */
  findByRoot(root: string): StoredFile | undefined {
    return this.#database
      .prepare<[string], StoredFile>(
        'SELECT path, size_bytes AS sizeBytes, root, block_hashes AS blockHashes FROM file WHERE root = ? LIMIT 1',
      )
      .get(root);
  }

  /** The segment map of a file; empty where it has none. */
  segmentsOf(path: string): readonly MappedSegment[] {
    const text = this.#database.prepare('SELECT segments FROM file WHERE path = ?').pluck().get(path);
    return typeof text === 'string' ? (JSON.parse(text) as MappedSegment[]) : [];
  }

  /**
   * Adds a title or replaces the one of its id.
   * @throws OperationalError CONFIG_INVALID when another title owns one of the paths, or there are too many titles;
   * VOLUME_*
   */
  put({ title, files }: IngestedTitle, nowMs: number): CatalogueChange {
    const known = this.titles().get(title.id);
    const document = canonicalJson(title);
    // The document holds every root, so equal documents are equal content.
    if (known !== undefined && canonicalJson(known.title) === document)
      return { changed: false, catalogueVersion: this.catalogueVersion };
    if (known === undefined && this.titles().size >= MAX_TITLES)
      throw new OperationalError('CONFIG_INVALID', `the catalogue is full: ${MAX_TITLES} titles`);
    return this.#change(() => {
      this.#refuseForeignPaths(title.id, files);
      this.#database
        .prepare(
          `INSERT INTO title VALUES (?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET document = excluded.document, changed_at_ms = excluded.changed_at_ms`,
        )
        .run(title.id, document, nowMs, nowMs);
      this.#database.prepare('DELETE FROM file WHERE title_id = ?').run(title.id);
      const insert = this.#database.prepare('INSERT INTO file VALUES (?, ?, ?, ?, ?, ?)');
      for (const file of files) {
        insert.run(file.path, title.id, file.sizeBytes, file.root, file.blockHashes, JSON.stringify(file.segments));
      }
    });
  }

  /** Forgets a title. @returns undefined when there is none of that id */
  remove(titleId: string): CatalogueChange | undefined {
    if (!this.titles().has(titleId)) return undefined;
    return this.#change(() => this.#database.prepare('DELETE FROM title WHERE id = ?').run(titleId));
  }

  close(): void {
    this.#database.close();
  }

  #change(run: () => void): CatalogueChange {
    transact(this.#database, () => {
      run();
      this.#database.prepare('UPDATE catalogue SET catalogue_version = catalogue_version + 1').run();
    });
    this.#titles = undefined;
    this.#renditionByPath = undefined;
    return { changed: true, catalogueVersion: this.catalogueVersion };
  }

  #refuseForeignPaths(titleId: string, files: readonly IngestedFile[]): void {
    const owner = this.#database.prepare('SELECT title_id FROM file WHERE path = ? AND title_id <> ?').pluck();
    for (const { path } of files) {
      const other = owner.get(path, titleId);
      if (typeof other === 'string')
        throw new OperationalError('CONFIG_INVALID', `${path} belongs to title '${other}': choose another path prefix`);
    }
  }
}
