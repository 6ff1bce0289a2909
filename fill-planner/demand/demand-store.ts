import type { DemandSample } from '../../src/contracts/demand-sample.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { DemandRow } from './predict/tally-demand.ts';

/**
 * What viewers asked for, per rendition, region and hour: `demand.sqlite`. Nobody else opens it. A sample counts once,
 * however often it is sent. Hours become days when they are some days old, for then nobody asks at what time it was; old
 * days are forgotten, by age and, when there are too many rows, before their time.
 */
export type SampleOutcome = 'counted' | 'duplicate' | 'too-old' | 'from-the-future';

export interface DemandLimits {
  readonly retentionMs: number;
  readonly maxRows: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Hours are kept apart for this long: what the hours of a region's day are learned from. */
const HOURS_KEPT_MS = 3 * DAY_MS;

/** A few milliseconds. */
const PAGE_ROWS = 2000;

type Table = 'demand_hour' | 'demand_day';

/** Rows in the order of their keys, up to some place, as a condition and its values. */
interface RowPage {
  readonly where: string;
  readonly values: readonly (number | string)[];
}

const ADD = `ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
  served_bytes = min(served_bytes + excluded.served_bytes, ${Number.MAX_SAFE_INTEGER})`;

export class DemandStore {
  readonly #database: Database;
  readonly #limits: DemandLimits;
  #rowCount: number;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string, limits: DemandLimits) {
    this.#limits = limits;
    this.#database = openDatabase(file, { durable: false, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
    this.#rowCount = this.#count('demand_day') + this.#count('demand_hour');
  }

  /**
   * Counts a sample, in one transaction with the note that it was counted.
   * @param renditionOf of the catalogue; paths that belong to none are nobody's plan and are dropped
   * @throws OperationalError VOLUME_*
   */
  count(
    sample: DemandSample,
    region: string,
    renditionOf: (path: string) => string | undefined,
    nowMs: number,
  ): SampleOutcome {
    const { sampleId, hourStartMs } = sample;
    if (hourStartMs > nowMs + HOUR_MS) return 'from-the-future';
    if (hourStartMs < nowMs - this.#limits.retentionMs) return 'too-old';
    return transact(this.#database, (): SampleOutcome => {
      const note = this.#database.prepare('INSERT OR IGNORE INTO counted_sample VALUES (?, ?)');
      if (note.run(sampleId, hourStartMs).changes === 0) return 'duplicate';
      const isOld = hourStartMs < oldestHourMs(nowMs);
      const add = this.#database.prepare(
        `INSERT INTO ${isOld ? 'demand_day' : 'demand_hour'} VALUES (?, ?, ?, ?, ?) ${ADD}`,
      );
      for (const [rendition, { requests, servedBytes }] of byRendition(sample, renditionOf))
        add.run(isOld ? dayOf(hourStartMs) : hourStartMs, region, rendition, requests, servedBytes);
      return 'counted';
    });
  }

  /**
   * Takes over what an older program counted by path; once there is nothing of it, it does nothing.
   * @param renditionOf of the catalogue
   */
  adoptPaths(renditionOf: (path: string) => string | undefined): void {
    transact(this.#database, () => {
      const paths = this.#database.prepare<[], string>('SELECT DISTINCT path FROM demand_by_path').pluck().all();
      if (paths.length === 0) return;
      this.#database.exec('CREATE TEMP TABLE owner (path TEXT PRIMARY KEY, rendition TEXT NOT NULL)');
      const own = this.#database.prepare('INSERT INTO owner VALUES (?, ?)');
      for (const path of paths) {
        const rendition = renditionOf(path);
        if (rendition !== undefined) own.run(path, rendition);
      }
      this.#database.exec(
        `INSERT INTO demand_hour
           SELECT hour_start_ms, region, rendition, sum(requests), CAST(min(total(served_bytes), ${Number.MAX_SAFE_INTEGER}) AS INTEGER)
           FROM demand_by_path JOIN owner USING (path) GROUP BY hour_start_ms, region, rendition
           ON CONFLICT DO NOTHING;
         DELETE FROM demand_by_path;
         DROP TABLE owner`,
      );
    });
  }

  /**
   * All that is kept, oldest first, row by row: history may be larger than memory should be. Read page by page, so that
   * between two rows samples may be counted; they are in it where it has not yet come to them.
   */
  *history(): Generator<DemandRow> {
    yield* this.#rows('demand_day', 24);
    yield* this.#rows('demand_hour', 1);
  }

  /** Counted when it was last trimmed: five million rows take a tenth of a second. */
  get rowCount(): number {
    return this.#rowCount;
  }

  get isEmpty(): boolean {
    return this.#newestMs() === Number.POSITIVE_INFINITY;
  }

  /**
   * Makes days of hours that are old enough, forgets what is too old, and the oldest while there are too many rows. What
   * is too old is counted from two days after the newest hour, where that is earlier than now: a clock that is a year
   * ahead for one cycle must not cost all that was ever watched.
   *
   * Page by page, each a transaction of its own: a day of a large fleet is millions of rows. Yields the rows done; killed
   * in between, the next time goes on.
   */
  *trim(nowMs: number): Generator<number, void> {
    const oldestMs = Math.min(nowMs, this.#newestMs() + 2 * DAY_MS) - this.#limits.retentionMs;
    yield* this.#takeAway('demand_hour', oldestHourMs(nowMs), ({ where, values }) => {
      this.#database
        .prepare(
          `INSERT INTO demand_day
             SELECT start_ms - start_ms % ${DAY_MS}, region, rendition, requests, served_bytes
             FROM demand_hour WHERE ${where} ${ADD}`,
        )
        .run(...values);
    });
    yield* this.#takeAway('demand_day', oldestMs - DAY_MS + 1);
    yield* this.#takeAway('demand_hour', oldestMs);
    // Kept an hour longer than samples are taken, so that none can come in twice at the border.
    this.#database.prepare('DELETE FROM counted_sample WHERE hour_start_ms < ?').run(oldestMs - HOUR_MS);
    this.#rowCount = this.#count('demand_day') + this.#count('demand_hour');
    for (const table of ['demand_day', 'demand_hour'] as const) yield* this.#takeExcess(table);
  }

  close(): void {
    this.#database.close();
  }

  *#rows(table: Table, spanHours: number): Generator<DemandRow> {
    const page = this.#database
      .prepare<[number, string, string], [number, string, string, number]>(
        `SELECT start_ms, region, rendition, served_bytes FROM ${table}
         WHERE (start_ms, region, rendition) > (?, ?, ?) ORDER BY start_ms, region, rendition LIMIT ${PAGE_ROWS}`,
      )
      .raw();
    let last: [number, string, string] = [Number.MIN_SAFE_INTEGER, '', ''];
    for (let rows = page.all(...last); rows.length > 0; rows = page.all(...last)) {
      for (const [startMs, region, renditionId, servedBytes] of rows) {
        last = [startMs, region, renditionId];
        yield { startMs, spanHours, region, renditionId, servedBytes };
      }
    }
  }

  /** Start of the newest hour or day; Infinity where there is none. */
  #newestMs(): number {
    const newest = (table: Table): number =>
      Number(this.#database.prepare(`SELECT max(start_ms) FROM ${table}`).pluck().get() ?? Number.NEGATIVE_INFINITY);
    const newestMs = Math.max(newest('demand_hour'), newest('demand_day'));
    return newestMs === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : newestMs;
  }

  #count(table: Table): number {
    return Number(this.#database.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  }

  /** Deletes what began before then, oldest first. @param first is told of each page before it goes */
  *#takeAway(table: Table, beforeMs: number, first: (page: RowPage) => void = () => {}): Generator<number, void> {
    const pageEnd = this.#database
      .prepare<[number, number], [number, string, string]>(
        `SELECT start_ms, region, rendition FROM ${table} WHERE start_ms < ?
         ORDER BY start_ms, region, rendition LIMIT 1 OFFSET ?`,
      )
      .raw();
    for (let rows = PAGE_ROWS; rows === PAGE_ROWS; ) {
      const end = pageEnd.get(beforeMs, PAGE_ROWS - 1);
      const page: RowPage =
        end === undefined
          ? { where: 'start_ms < ?', values: [beforeMs] }
          : { where: '(start_ms, region, rendition) <= (?, ?, ?)', values: end };
      rows = transact(this.#database, () => {
        first(page);
        return this.#database.prepare(`DELETE FROM ${table} WHERE ${page.where}`).run(...page.values).changes;
      });
      yield rows;
    }
  }

  *#takeExcess(table: Table): Generator<number, void> {
    const excess = this.#rowCount - this.#limits.maxRows;
    if (excess <= 0) return;
    const borderMs = this.#database
      .prepare(`SELECT start_ms FROM ${table} ORDER BY start_ms LIMIT 1 OFFSET ?`)
      .pluck()
      .get(excess - 1);
    yield* this.#takeAway(table, borderMs === undefined ? Number.MAX_SAFE_INTEGER : Number(borderMs) + 1);
    this.#rowCount = this.#count('demand_day') + this.#count('demand_hour');
  }
}

const dayOf = (ms: number): number => ms - (ms % DAY_MS);
/** The first hour that is still kept apart: the start of a day. */
const oldestHourMs = (nowMs: number): number => dayOf(nowMs - HOURS_KEPT_MS);

function byRendition(
  { entries }: DemandSample,
  renditionOf: (path: string) => string | undefined,
): Map<string, { requests: number; servedBytes: number }> {
  const sums = new Map<string, { requests: number; servedBytes: number }>();
  for (const { path, requests, servedBytes } of entries) {
    const rendition = renditionOf(path);
    if (rendition === undefined) continue;
    const sum = sums.get(rendition) ?? { requests: 0, servedBytes: 0 };
    sums.set(rendition, {
      requests: Math.min(sum.requests + requests, 2 ** 40),
      servedBytes: Math.min(sum.servedBytes + servedBytes, Number.MAX_SAFE_INTEGER),
    });
  }
  return sums;
}
