import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import type { Database } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { KnownFile, ReadingNotes } from './examine-title.ts';
import type { Checkpoint, FileFacts } from './media/examine-file.ts';
import type { MappingState } from './media/map-segments.ts';
import { pack, packMap, packSegments, unpack, unpackMap } from './media/packed-map.ts';
import { dropOrphans } from './orphan-content.ts';

/**
 * Notes of one title's reading, in the catalogue's database. A commit costs an fsync, and a title of segments has ten
 * thousand files, so finished files are written together: when they are many, or large, or a checkpoint is due. What a
 * crash loses is at most that.
 */
const MAX_UNWRITTEN_FILES = 100;
const MAX_UNWRITTEN_BYTES = 64 * BLOCK_BYTES;
/** Of titles that never came into the catalogue. */
const KEPT_MS = 30 * 86_400_000;

interface Finished {
  readonly titlePath: string;
  readonly validator: string;
  readonly facts: FileFacts;
}

export class StoredNotes implements ReadingNotes {
  readonly #database: Database;
  readonly #titleId: string;
  readonly #source: string;
  readonly #nowMs: () => number;
  #unwritten: Finished[] = [];
  #unwrittenBytes = 0;

  /** @param source the folder in words: notes of another folder are not of this reading */
  constructor(database: Database, titleId: string, source: string, nowMs: () => number) {
    this.#database = database;
    this.#titleId = titleId;
    this.#source = source;
    this.#nowMs = nowMs;
  }

  find(titlePath: string): KnownFile | undefined {
    return this.#findFinished(titlePath) ?? this.#findHalf(titlePath);
  }

  keepFinished(titlePath: string, validator: string, facts: FileFacts): void {
    this.#unwritten.push({ titlePath, validator, facts });
    this.#unwrittenBytes += facts.sizeBytes;
    if (this.#unwritten.length >= MAX_UNWRITTEN_FILES || this.#unwrittenBytes >= MAX_UNWRITTEN_BYTES) this.write();
  }

  keepCheckpoint(titlePath: string, validator: string, { doneBytes, blockHashes, mapping }: Checkpoint): void {
    this.write();
    transact(this.#database, () => {
      this.#database
        .prepare('INSERT OR REPLACE INTO half_read_file VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          ...this.#key(titlePath),
          validator,
          doneBytes,
          blockHashes,
          mapping === undefined ? null : pack(mapping),
          this.#nowMs(),
        );
    });
  }

  /** Writes what is finished and not written yet. */
  write(): void {
    if (this.#unwritten.length === 0) return;
    const batch = this.#unwritten;
    this.#unwritten = [];
    this.#unwrittenBytes = 0;
    transact(this.#database, () => {
      const keepContent = this.#database.prepare('INSERT OR IGNORE INTO content VALUES (?, ?, ?, ?)');
      const keep = this.#database.prepare('INSERT OR REPLACE INTO finished_file VALUES (?, ?, ?, ?, ?, ?, ?)');
      const drop = this.#database.prepare(
        'DELETE FROM half_read_file WHERE title_id = ? AND source = ? AND title_path = ?',
      );
      for (const { titlePath, validator, facts } of batch) {
        const { root, sizeBytes, blockHashes, map } = facts;
        keepContent.run(root, sizeBytes, blockHashes, packSegments(map?.segments ?? []));
        keep.run(...this.#key(titlePath), validator, root, map === undefined ? null : packMap(map), this.#nowMs());
        drop.run(...this.#key(titlePath));
      }
    });
  }

  /** Drops all notes of the title: every file will be read. */
  forget(): void {
    this.#unwritten = [];
    this.#drop('title_id = ?', this.#titleId);
  }

  /** Drops what is left of titles that were given up long ago, whoever they were. */
  forgetAbandoned(): void {
    this.#drop('noted_at_ms < ? AND title_id NOT IN (SELECT id FROM title)', this.#nowMs() - KEPT_MS);
  }

  #drop(where: string, value: string | number): void {
    transact(this.#database, () => {
      const roots = this.#database
        .prepare<[string | number], string>(`DELETE FROM finished_file WHERE ${where} RETURNING root`)
        .pluck()
        .all(value);
      this.#database.prepare(`DELETE FROM half_read_file WHERE ${where}`).run(value);
      dropOrphans(this.#database, roots);
    });
  }

  #key(titlePath: string): [string, string, string] {
    return [this.#titleId, this.#source, titlePath];
  }

  #findFinished(titlePath: string): KnownFile | undefined {
    const row = this.#database
      .prepare<
        [string, string, string],
        { validator: string; root: string; map: Buffer | null; sizeBytes: number; blockHashes: Buffer }
      >(
        `SELECT validator, root, map, size_bytes AS sizeBytes, block_hashes AS blockHashes
         FROM finished_file JOIN content USING (root) WHERE title_id = ? AND source = ? AND title_path = ?`,
      )
      .get(...this.#key(titlePath));
    if (row === undefined) return undefined;
    const { validator, map, ...facts } = row;
    return { validator, facts: { ...facts, map: map === null ? undefined : unpackMap(map) }, checkpoint: undefined };
  }

  #findHalf(titlePath: string): KnownFile | undefined {
    const row = this.#database
      .prepare<
        [string, string, string],
        { validator: string; doneBytes: number; blockHashes: Buffer; mapping: Buffer | null }
      >(
        `SELECT validator, done_bytes AS doneBytes, block_hashes AS blockHashes, mapping
         FROM half_read_file WHERE title_id = ? AND source = ? AND title_path = ?`,
      )
      .get(...this.#key(titlePath));
    if (row === undefined) return undefined;
    const { validator, mapping, ...done } = row;
    const checkpoint = { ...done, mapping: mapping === null ? undefined : (unpack(mapping) as MappingState) };
    return { validator, facts: undefined, checkpoint };
  }
}
