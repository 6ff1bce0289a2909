import type { DemandSample } from '../../src/contracts/demand-sample.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { DemandHour } from './predict-demand.ts';

/**
 * What viewers asked for, per file, region and hour: `demand.sqlite`. Nobody else opens it. A sample counts once,
 * however often it is sent; old hours are forgotten, by age and, when there are too many rows, before their time.
 */
export type SampleOutcome = 'counted' | 'duplicate' | 'too-old' | 'from-the-future';

export interface DemandLimits {
  readonly retentionMs: number;
  readonly maxRows: number;
}

const HOUR_MS = 3_600_000;

export class DemandStore {
  readonly #database: Database;
  readonly #limits: DemandLimits;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string, limits: DemandLimits) {
    this.#limits = limits;
    this.#database = openDatabase(file, { durable: false, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  /**
   * Counts a sample, in one transaction with the note that it was counted.
   * @param isKnown paths of the catalogue; others are nobody's plan and are dropped
   * @throws OperationalError VOLUME_*
   */
  count(sample: DemandSample, region: string, isKnown: (path: string) => boolean, nowMs: number): SampleOutcome {
    if (sample.hourStartMs > nowMs + HOUR_MS) return 'from-the-future';
    if (sample.hourStartMs < nowMs - this.#limits.retentionMs) return 'too-old';
    return transact(this.#database, (): SampleOutcome => {
      const note = this.#database.prepare('INSERT OR IGNORE INTO counted_sample VALUES (?, ?)');
      if (note.run(sample.sampleId, sample.hourStartMs).changes === 0) return 'duplicate';
      const add = this.#database.prepare(
        `INSERT INTO demand VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
           served_bytes = min(served_bytes + excluded.served_bytes, ${Number.MAX_SAFE_INTEGER})`,
      );
      for (const { path, requests, servedBytes } of sample.entries) {
        if (isKnown(path)) add.run(sample.hourStartMs, region, path, Math.min(requests, 2 ** 40), servedBytes);
      }
      return 'counted';
    });
  }

  /** All hours that are kept, oldest first, row by row: history may be larger than memory should be. */
  *history(): Generator<DemandHour> {
    yield* this.#database
      .prepare<[], DemandHour>(
        'SELECT path, region, hour_start_ms AS hourStartMs, served_bytes AS servedBytes FROM demand ORDER BY hour_start_ms',
      )
      .iterate();
  }

  get rowCount(): number {
    return Number(this.#database.prepare('SELECT count(*) FROM demand').pluck().get());
  }

  /** Forgets what is too old, and the oldest hours while there are too many rows. */
  trim(nowMs: number): void {
    const oldestMs = nowMs - this.#limits.retentionMs;
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM demand WHERE hour_start_ms < ?').run(oldestMs);
      // Kept an hour longer than samples are taken, so that none can come in twice at the border.
      this.#database.prepare('DELETE FROM counted_sample WHERE hour_start_ms < ?').run(oldestMs - HOUR_MS);
      const excess = this.rowCount - this.#limits.maxRows;
      if (excess <= 0) return;
      const borderMs = this.#database
        .prepare('SELECT hour_start_ms FROM demand ORDER BY hour_start_ms LIMIT 1 OFFSET ?')
        .pluck()
        .get(excess - 1);
      this.#database.prepare('DELETE FROM demand WHERE hour_start_ms <= ?').run(Number(borderMs));
    });
  }

  close(): void {
    this.#database.close();
  }
}
