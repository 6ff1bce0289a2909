import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import { SLOT_MS } from '../schedule/link-forecast.ts';
import type { GivenCap } from '../schedule/site-pace.ts';

export interface LinkSample {
  readonly slotStartMs: number;
  readonly bitsPerSec: number;
}

/** Eight weeks to forecast by, and the month that is billed. */
const KEPT_MS = 90 * 86_400_000;

/**
 * Links of sites as the operator measured them, and what of their caps was given away: `link.sqlite`. Nobody else opens
 * it. With the file is lost what was given in this window and month, so that much may be given once more.
 */
export class LinkStore {
  readonly #database: Database;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  /** Takes samples of a site's link, fill included; of one slot the last one counts. */
  measure(siteId: string, samples: readonly LinkSample[], nowMs: number): void {
    transact(this.#database, () => {
      const insert = this.#database.prepare('INSERT OR REPLACE INTO link_sample VALUES (?, ?, ?)');
      for (const { slotStartMs, bitsPerSec } of samples) insert.run(siteId, slotStartMs / SLOT_MS, bitsPerSec);
      this.#database.prepare('DELETE FROM link_sample WHERE slot < ?').run((nowMs - KEPT_MS) / SLOT_MS);
    });
  }

  /** Bits per second by slot, NaN where nobody measured. @param firstSlot,endSlot half-open, in slots since the epoch */
  measured(siteId: string, firstSlot: number, endSlot: number): Float64Array {
    const use = new Float64Array(Math.max(0, endSlot - firstSlot)).fill(Number.NaN);
    const rows = this.#database
      .prepare<[string, number, number], { slot: number; bitsPerSec: number }>(
        'SELECT slot, bits_per_sec AS bitsPerSec FROM link_sample WHERE site_id = ? AND slot >= ? AND slot < ?',
      )
      .all(siteId, firstSlot, endSlot);
    for (const { slot, bitsPerSec } of rows) use[slot - firstSlot] = bitsPerSec;
    return use;
  }

  /** Caps of periods that are not over. */
  given(siteId: string, nowMs: number): GivenCap[] {
    return this.#database
      .prepare<[string, number], GivenCap>(
        `SELECT since_ms AS sinceMs, until_ms AS untilMs, appliance_id AS applianceId, max_bytes AS maxBytes
         FROM given_cap WHERE site_id = ? AND until_ms > ?`,
      )
      .all(siteId, nowMs);
  }

  /** Remembers what plans give, before anybody can have it. */
  give(siteId: string, caps: readonly GivenCap[], nowMs: number): void {
    transact(this.#database, () => {
      const insert = this.#database.prepare(
        `INSERT INTO given_cap VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
         SET max_bytes = max(max_bytes, excluded.max_bytes)`,
      );
      for (const { sinceMs, untilMs, applianceId, maxBytes } of caps)
        insert.run(siteId, sinceMs, untilMs, applianceId, maxBytes);
      this.#database.prepare('DELETE FROM given_cap WHERE until_ms < ?').run(nowMs - KEPT_MS);
    });
  }

  close(): void {
    this.#database.close();
  }
}
