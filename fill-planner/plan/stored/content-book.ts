import { createHash } from 'node:crypto';
import type { Database } from '../../../src/sqlite/open-database.ts';
import type { RenditionContent } from '../draft-plan.ts';

/**
 * What plans are made of, numbered for good: a number stands for the files of a rendition as they were when it was
 * planned, also when the title has been taken in anew or is gone. Part of `plan.sqlite`.
 */
const DAY_MS = 86_400_000;
/** What no cycle has planned for so long can be in no plan that is kept. */
const KEPT_DAYS = 60;

/** Numbers that are looked up in a few milliseconds. */
const PAGE_NUMBERS = 4000;

type FileRow = readonly [path: string, sizeBytes: number, root: string, headBytes: number];

export class ContentBook {
  readonly #database: Database;
  readonly #select;
  readonly #selectId;

  constructor(database: Database) {
    this.#database = database;
    this.#select = database.prepare<[number], { id: string; files: string }>(
      'SELECT rendition_id AS id, files FROM content WHERE content_id = ?',
    );
    this.#selectId = database
      .prepare<[number], string>('SELECT rendition_id FROM content WHERE content_id = ?')
      .pluck();
  }

  /** The number of each content, a new one where it was never planned before. Run it inside a transaction. */
  number(contents: Iterable<RenditionContent>, nowMs: number): number[] {
    const find = this.#database.prepare<[Buffer], { id: number; usedAtMs: number }>(
      'SELECT content_id AS id, used_at_ms AS usedAtMs FROM content WHERE digest = ?',
    );
    const insert = this.#database.prepare(
      'INSERT INTO content (digest, rendition_id, files, used_at_ms) VALUES (?, ?, ?, ?)',
    );
    const touch = this.#database.prepare('UPDATE content SET used_at_ms = ? WHERE content_id = ?');
    const numbers: number[] = [];
    for (const { id, files } of contents) {
      const text = JSON.stringify(files.map((file): FileRow => [file.path, file.sizeBytes, file.root, file.headBytes]));
      const digest = createHash('sha256').update(`${id}\n${text}`).digest();
      const known = find.get(digest);
      if (known !== undefined && nowMs - known.usedAtMs >= DAY_MS) touch.run(nowMs, known.id);
      numbers.push(known?.id ?? Number(insert.run(digest, id, text, nowMs).lastInsertRowid));
    }
    return numbers;
  }

  /** @throws Error when the number was never given */
  content(number: number): RenditionContent {
    const row = this.#select.get(number);
    if (row === undefined) throw new Error(`plan.sqlite has no content ${number}`);
    const files = (JSON.parse(row.files) as FileRow[]).map(([path, sizeBytes, root, headBytes]) => ({
      path,
      sizeBytes,
      root,
      headBytes,
    }));
    return { id: row.id, files };
  }

  /** All numbers of these renditions, and of which one each is. */
  numbersOf(renditionIds: ReadonlySet<string>): Map<number, string> {
    const rows = this.#database
      .prepare<[string], [number, string]>(
        'SELECT content_id, rendition_id FROM content WHERE rendition_id IN (SELECT value FROM json_each(?))',
      )
      .raw()
      .all(JSON.stringify([...renditionIds]));
    return new Map(rows);
  }

  /** By number of a content: the number of its rendition in this cycle, -1 for none. Yields the pages read. */
  *readNumbers(numberOf: (renditionId: string) => number | undefined): Generator<number, Int32Array> {
    const last = Number(this.#database.prepare('SELECT max(content_id) FROM content').pluck().get() ?? 0);
    const numbers = new Int32Array(last + 1).fill(-1);
    const page = this.#database
      .prepare<[number, number], [number, string]>(
        'SELECT content_id, rendition_id FROM content WHERE content_id > ? AND content_id <= ?',
      )
      .raw();
    for (let first = 0; first < last; first += PAGE_NUMBERS) {
      for (const [id, renditionId] of page.iterate(first, Math.min(last, first + PAGE_NUMBERS)))
        numbers[id] = numberOf(renditionId) ?? -1;
      yield 1;
    }
    return numbers;
  }

  /** The rendition that a number is of. */
  renditionId(number: number): string {
    return this.#selectId.get(number) ?? '';
  }

  forgetUnused(nowMs: number): void {
    this.#database.prepare('DELETE FROM content WHERE used_at_ms < ?').run(nowMs - KEPT_DAYS * DAY_MS);
  }
}
