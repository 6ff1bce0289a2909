import type { CatalogueTitle } from '../../src/contracts/catalogue-snapshot.ts';
import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { atOnce } from '../../src/resilience/in-slices.ts';
import { canonicalJson } from '../../src/signing/canonical-json.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { RenditionFacts } from '../plan/plan-facts.ts';
import type { IngestedTitle } from './ingest-title.ts';
import { measureRendition } from './measure-rendition.ts';
import type { MappedSegment } from './media/map-segments.ts';
import { packSegments, unpackSegments } from './media/packed-map.ts';
import { dropOrphans } from './orphan-content.ts';
import { StoredNotes } from './reading-notes.ts';

/**
 * Titles, their renditions, files and block hashes: `catalogue.sqlite`. Nobody else opens it.
 *
 * A catalogue of 20,000 titles is gigabytes: an MPD per title, 32 bytes per MiB of media, a segment map per file. None
 * of it is kept in memory, and a plan cycle reads none of it: it takes `renditions()`, kept until the catalogue
 * changes, and asks `filesOf` for what it plans.
 */
export interface StoredTitle {
  readonly title: CatalogueTitle;
  readonly addedAtMs: number;
  readonly changedAtMs: number;
}

/** One line of `oca title list`. */
export interface TitleSummary {
  readonly id: string;
  readonly name: string;
  readonly durationMs: number;
  readonly originUrl: string;
  readonly renditionCount: number;
  readonly fileCount: number;
  readonly sizeBytes: number;
  readonly addedAtMs: number;
  readonly changedAtMs: number;
}

/** What a plan cycle needs of a rendition. `availableAtMs` is when its title was added: launches are the calendar's. */
export interface StoredRendition extends RenditionFacts {
  readonly kind: CatalogueTitle['renditions'][number]['kind'];
  /** RFC 6381 names, joined by commas; '' where no box says. */
  readonly codecs: string;
  readonly originUrl: string;
}

/** A file of a rendition, in the order of playing, playlists last. */
export interface RenditionFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly root: string;
  /** How many of its first bytes belong to the rendition's head: 0 to all. */
  readonly headBytes: number;
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
const SNAPSHOT_PAGE_TITLES = 50;
/** A few milliseconds. */
const PAGE_ROWS = 1000;

export class CatalogStore {
  readonly #database: Database;
  readonly #asked: ReturnType<typeof prepareAsked>;
  #renditions: readonly StoredRendition[] | undefined;
  #changes = 0;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
    this.#asked = prepareAsked(this.#database);
    transact(this.#database, () => this.#measureOldRows());
  }

  get catalogueVersion(): number {
    return Number(this.#database.prepare('SELECT catalogue_version FROM catalogue').pluck().get());
  }

  get titleCount(): number {
    return Number(this.#database.prepare('SELECT count(*) FROM title').pluck().get());
  }

  title(titleId: string): StoredTitle | undefined {
    const row = this.#database.prepare<[string], TitleRow>(`${SELECT_TITLE} WHERE id = ?`).get(titleId);
    return row === undefined ? undefined : storedTitle(row);
  }

  /** Every title in a line, in the order of ids. */
  summaries(): TitleSummary[] {
    return this.#database
      .prepare<[], TitleSummary>(
        `SELECT title.id, name, title.duration_ms AS durationMs, origin_url AS originUrl, count(*) AS renditionCount,
                sum(file_count) AS fileCount, sum(size_bytes) AS sizeBytes,
                added_at_ms AS addedAtMs, changed_at_ms AS changedAtMs
         FROM title JOIN rendition ON title_id = title.id GROUP BY title.id ORDER BY title.id`,
      )
      .all();
  }

  /**
   * The text that `GET /v1/catalogue` answers, in pieces, stored documents one behind the other: of 20,000 titles it is
   * longer than a string may be. What changes while it is being taken is in it or not, title by title; the version is
   * that of its beginning, so whoever reads it learns of the change by asking again.
   * @param unless ids of titles to leave out
   */
  *snapshotPieces(unless: readonly string[] = []): Generator<string> {
    const page = this.#database.prepare<[string], { id: string; document: string }>(
      `SELECT id, document FROM title WHERE id > ? ORDER BY id LIMIT ${SNAPSHOT_PAGE_TITLES}`,
    );
    const hidden = new Set(unless);
    yield `{"version":1,"catalogueVersion":${this.catalogueVersion},"titles":[`;
    let separator = '';
    for (let lastId = '', rows = page.all(''); rows.length > 0; rows = page.all(lastId)) {
      for (const { id, document } of rows) {
        lastId = id;
        if (hidden.has(id)) continue;
        yield separator + document;
        separator = ',';
      }
    }
    yield ']}';
  }

  /**
   * Every rendition in the order of ids: the numbering of a plan cycle. Kept until the catalogue changes. Heads are
   * counted in whole blocks, as appliances hold them.
   */
  renditions(): readonly StoredRendition[] {
    return atOnce(this.readRenditions());
  }

  /** The same page by page, rows done: what is written between two pages is in it or not, so look at the version. */
  *readRenditions(): Generator<number, readonly StoredRendition[]> {
    if (this.#renditions !== undefined) return this.#renditions;
    const page = this.#database.prepare<[string], RenditionRow>(
      `SELECT rendition.id, title_id AS titleId, kind, size_bytes AS sizeBytes, codecs, origin_url AS originUrl,
              coalesce(nullif(rendition.duration_ms, 0), title.duration_ms) AS durationMs,
              (SELECT sum(min(size_bytes, (head_bytes + ${BLOCK_BYTES - 1}) / ${BLOCK_BYTES} * ${BLOCK_BYTES}))
               FROM file WHERE rendition_id = rendition.id) AS headBytes,
              added_at_ms AS availableAtMs
       FROM rendition JOIN title ON title.id = title_id
       WHERE rendition.id > ? ORDER BY rendition.id LIMIT ${PAGE_ROWS}`,
    );
    const changes = this.#changes;
    const renditions: StoredRendition[] = [];
    for (let rows = page.all(''); rows.length > 0; rows = page.all(renditions.at(-1)?.id ?? '')) {
      for (const { durationMs, ...row } of rows) {
        const isManifest = row.kind === 'manifest';
        const bitsPerSec = isManifest || durationMs === 0 ? 0 : (row.sizeBytes * 8000) / durationMs;
        renditions.push({ ...row, isManifest, bitsPerSec, durationSec: durationMs / 1000 });
      }
      yield rows.length;
    }
    if (this.#changes === changes) this.#renditions = renditions;
    return renditions;
  }

  /** The files of every rendition, in the order of `renditions()`, page by page as those. */
  *readFiles(): Generator<number, RenditionFile[][]> {
    const page = this.#database.prepare<[string, number], RenditionFile & { renditionId: string; position: number }>(
      `SELECT rendition_id AS renditionId, position, path, size_bytes AS sizeBytes, root, head_bytes AS headBytes
       FROM file WHERE (rendition_id, position) > (?, ?) ORDER BY rendition_id, position LIMIT ${PAGE_ROWS}`,
    );
    const files: RenditionFile[][] = [];
    let last = { renditionId: '', position: -1 };
    for (let rows = page.all('', -1); rows.length > 0; rows = page.all(last.renditionId, last.position)) {
      for (const { renditionId, position, ...file } of rows) {
        if (renditionId !== last.renditionId) files.push([]);
        last = { renditionId, position };
        files.at(-1)?.push(file);
      }
      yield rows.length;
    }
    return files;
  }

  /** The files of a rendition; none when there is no such rendition. */
  filesOf(renditionId: string): RenditionFile[] {
    return this.#asked.filesOf.all(renditionId);
  }

  /** The rendition that a public path belongs to. */
  renditionOf(path: string): string | undefined {
    const id = this.#asked.renditionOf.get(path);
    return typeof id === 'string' ? id : undefined;
  }

  /** Any file of that content. */
  findByRoot(root: string): StoredFile | undefined {
    return this.#database
      .prepare<[string], StoredFile>(
        `SELECT path, content.size_bytes AS sizeBytes, root, block_hashes AS blockHashes
         FROM content JOIN file USING (root) WHERE root = ? LIMIT 1`,
      )
      .get(root);
  }

  /** The segment map of a file; empty where it has none. */
  segmentsOf(path: string): readonly MappedSegment[] {
    const packed = this.#database
      .prepare('SELECT segments FROM content JOIN file USING (root) WHERE path = ?')
      .pluck()
      .get(path);
    return unpackSegments(packed);
  }

  /**
   * Adds a title or replaces the one of its id.
   * @throws OperationalError CONFIG_INVALID when another title owns one of the paths, or there are too many titles;
   * VOLUME_*
   */
  put(ingested: IngestedTitle, nowMs: number): CatalogueChange {
    const { title } = ingested;
    const document = canonicalJson(title);
    const known = this.#database.prepare('SELECT document FROM title WHERE id = ?').pluck().get(title.id);
    // The document holds every root, so equal documents are equal content.
    if (known === document) {
      this.#nameCodecs(ingested);
      return { changed: false, catalogueVersion: this.catalogueVersion };
    }
    if (known === undefined && this.titleCount >= MAX_TITLES)
      throw new OperationalError('CONFIG_INVALID', `the catalogue is full: ${MAX_TITLES} titles`);
    return this.#change(() => {
      this.#refuseForeignPaths(ingested);
      this.#database
        .prepare(
          `INSERT INTO title (id, document, added_at_ms, changed_at_ms, name, duration_ms, origin_url)
           VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET document = excluded.document, changed_at_ms = excluded.changed_at_ms,
             name = excluded.name, duration_ms = excluded.duration_ms, origin_url = excluded.origin_url`,
        )
        .run(title.id, document, nowMs, nowMs, title.name, title.durationMs, title.originUrl);
      this.#replacing(title.id, () => {
        this.#database.prepare('DELETE FROM rendition WHERE title_id = ?').run(title.id);
        this.#insertRenditions(ingested);
      });
    });
  }

  /** Forgets a title. @returns undefined when there is none of that id */
  remove(titleId: string): CatalogueChange | undefined {
    const known = this.#database.prepare('SELECT 1 FROM title WHERE id = ?').pluck().get(titleId);
    if (known === undefined) return undefined;
    return this.#change(() =>
      this.#replacing(titleId, () => {
        this.#database.prepare('DELETE FROM title WHERE id = ?').run(titleId);
      }),
    );
  }

  /** Where a reading of a title keeps what it found, and finds what the one before kept. */
  notesOf(titleId: string, source: string, nowMs: () => number): StoredNotes {
    return new StoredNotes(this.#database, titleId, source, nowMs);
  }

  close(): void {
    this.#database.close();
  }

  #change(run: () => void): CatalogueChange {
    transact(this.#database, () => {
      run();
      this.#database.prepare('UPDATE catalogue SET catalogue_version = catalogue_version + 1').run();
    });
    this.#forgetRenditions();
    return { changed: true, catalogueVersion: this.catalogueVersion };
  }

  #insertRenditions({ title, files, measures }: IngestedTitle): void {
    // The content may be there from notes, with segments that had no header to take times from.
    const keep = this.#database.prepare(
      'INSERT INTO content VALUES (?, ?, ?, ?) ON CONFLICT (root) DO UPDATE SET segments = excluded.segments',
    );
    for (const { root, sizeBytes, blockHashes, segments } of files)
      keep.run(root, sizeBytes, blockHashes, packSegments(segments));
    const insertRendition = this.#database.prepare('INSERT INTO rendition VALUES (?, ?, ?, ?, ?, ?, ?)');
    const insertFile = this.#database.prepare('INSERT INTO file VALUES (?, ?, ?, ?, ?, ?)');
    title.renditions.forEach(({ id, kind, sizeBytes, files: named }, index) => {
      const { durationMs = 0, codecs = '', headBytes = [] } = measures[index] ?? {};
      insertRendition.run(id, title.id, kind, sizeBytes, named.length, durationMs, codecs);
      named.forEach((file, position) => {
        insertFile.run(id, position, file.path, file.sizeBytes, file.root, headBytes[position] ?? 0);
      });
    });
  }

  /** Of a title that an older program took in, which did not keep them. */
  #nameCodecs({ title, measures }: IngestedTitle): void {
    const name = this.#database.prepare("UPDATE rendition SET codecs = ? WHERE id = ? AND codecs = ''");
    transact(this.#database, () => {
      title.renditions.forEach(({ id }, index) => void name.run(measures[index]?.codecs ?? '', id));
    });
    this.#forgetRenditions();
  }

  #forgetRenditions(): void {
    this.#renditions = undefined;
    this.#changes += 1;
  }

  #refuseForeignPaths({ title, files }: IngestedTitle): void {
    const owner = this.#database
      .prepare('SELECT title_id FROM file JOIN rendition ON id = rendition_id WHERE path = ? AND title_id <> ?')
      .pluck();
    for (const { path } of files) {
      const other = owner.get(path, title.id);
      if (typeof other === 'string')
        throw new OperationalError('CONFIG_INVALID', `${path} belongs to title '${other}': choose another path prefix`);
    }
  }

  /** Runs `write`, then drops the content of the title's old files that no file has any more. */
  #replacing(titleId: string, write: () => void): void {
    const roots = this.#database
      .prepare<[string], string>(
        'SELECT DISTINCT root FROM file JOIN rendition ON id = rendition_id WHERE title_id = ?',
      )
      .pluck()
      .all(titleId);
    write();
    // Notes stay as long as they speak of what the catalogue has of the title.
    roots.push(
      ...this.#database
        .prepare<[string, string], string>(
          `DELETE FROM finished_file WHERE title_id = ? AND root NOT IN (
             SELECT root FROM file JOIN rendition ON id = rendition_id WHERE title_id = ?) RETURNING root`,
        )
        .pluck()
        .all(titleId, titleId),
    );
    this.#database.prepare('DELETE FROM half_read_file WHERE title_id = ?').run(titleId);
    dropOrphans(this.#database, roots);
  }

  /** Titles of a store that an older program wrote: their segment maps are there, their measures are not. */
  #measureOldRows(): void {
    const ids = this.#database.prepare<[], string>('SELECT id FROM rendition WHERE duration_ms IS NULL').pluck().all();
    const setDuration = this.#database.prepare('UPDATE rendition SET duration_ms = ? WHERE id = ?');
    const setHead = this.#database.prepare('UPDATE file SET head_bytes = ? WHERE rendition_id = ? AND position = ?');
    for (const id of ids) {
      const { durationMs, headBytes } = measureRendition(
        this.filesOf(id).map(({ path, sizeBytes }) => ({
          sizeBytes,
          segments: this.segmentsOf(path),
          isPlaylist: /\.(?:m3u8|mpd)$/i.test(path),
        })),
      );
      setDuration.run(durationMs, id);
      headBytes.forEach((bytes, position) => void setHead.run(bytes, id, position));
    }
  }
}

/** What is asked ten thousand times in a row. */
const prepareAsked = (database: Database) => ({
  filesOf: database.prepare<[string], RenditionFile>(
    `SELECT path, size_bytes AS sizeBytes, root, head_bytes AS headBytes
     FROM file WHERE rendition_id = ? ORDER BY position`,
  ),
  renditionOf: database.prepare<[string]>('SELECT rendition_id FROM file WHERE path = ?').pluck(),
});

interface TitleRow {
  readonly id: string;
  readonly document: string;
  readonly addedAtMs: number;
  readonly changedAtMs: number;
}

type RenditionRow = Omit<StoredRendition, 'isManifest' | 'bitsPerSec' | 'durationSec'> & {
  readonly durationMs: number;
};

const SELECT_TITLE = 'SELECT id, document, added_at_ms AS addedAtMs, changed_at_ms AS changedAtMs FROM title';

const storedTitle = ({ document, addedAtMs, changedAtMs }: TitleRow): StoredTitle => ({
  title: JSON.parse(document) as CatalogueTitle,
  addedAtMs,
  changedAtMs,
});
