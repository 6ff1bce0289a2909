import type { TrafficReport, TrafficSlot } from '../../src/contracts/traffic-report.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import { type Month, monthAt } from './month.ts';
import type { SiteRates, TrafficSample } from './site-savings.ts';

/**
 * What appliances served and took in: `traffic.sqlite`. Nobody else opens it.
 *
 * Of each five minutes the highest figures count, so that a report may come twice, late and out of order. Five minutes
 * are kept for two to three months, hours for thirteen: an appliance costs some 1.5 MB then, whatever it serves. Billed
 * rates need five minutes, so those of a month are counted and kept before its five minutes become hours.
 */
const SLOT_MS = 300_000;
const SLOTS_PER_HOUR = 12;
const DAY_MS = 86_400_000;
/** Months whose last day is older than this become hours. */
const FINE_MS = 35 * DAY_MS;
const KEPT_MONTHS = 13;
/** A clock that is ahead by more than this is wrong. */
const AHEAD_MS = 3_600_000;
/** Of one figure: 1.6 Tbit/s for five minutes. As the highest counts, one that is a lie would stand in its month for ever. */
const MOST_BYTES = 6e13;

const SUMS = ['served', 'fill_peer', 'fill_tier', 'fill_origin', 'miss_peer', 'miss_tier', 'miss_origin'] as const;
const AS_SAMPLE = `slot, served, fill_peer AS fillPeer, fill_tier AS fillTier, fill_origin AS fillOrigin,
  miss_peer AS missPeer, miss_tier AS missTier, miss_origin AS missOrigin`;

export class TrafficStore {
  readonly #database: Database;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: false, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  /**
   * Takes a report. Slots that became hours already, those of a clock that is far ahead, and those with more bytes than
   * any machine moves are passed over.
   * @returns how many slots were passed over
   */
  count({ applianceId, slots }: TrafficReport, nowMs: number): number {
    const oldestMs = fineFrom(nowMs).startMs;
    const taken = slots.filter(
      (slot) => slot.slotStartMs >= oldestMs && slot.slotStartMs <= nowMs + AHEAD_MS && mostOf(slot) <= MOST_BYTES,
    );
    transact(this.#database, () => {
      const appliance = this.#numberOf(applianceId);
      const write = this.#database.prepare(
        `INSERT INTO slot_traffic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         ${SUMS.map((name) => `${name} = max(${name}, excluded.${name})`).join(', ')}`,
      );
      for (const { slotStartMs, servedBytes, fillBytes: fill, missBytes: miss } of taken) {
        const slot = slotStartMs / SLOT_MS;
        write.run(appliance, slot, servedBytes, fill.peer, fill.tier, fill.origin, miss.peer, miss.tier, miss.origin);
      }
    });
    return slots.length - taken.length;
  }

  /** What is known of an appliance's month, in the order of time. */
  *samples(applianceId: string, { startMs, endMs }: Month): Generator<TrafficSample> {
    const between = [applianceId, startMs / SLOT_MS, endMs / SLOT_MS] as const;
    for (const [table, slotCount] of [
      ['hour_traffic', SLOTS_PER_HOUR],
      ['slot_traffic', 1],
    ] as const) {
      const rows = this.#database
        .prepare<[string, number, number], Omit<TrafficSample, 'slotCount'>>(
          `SELECT ${AS_SAMPLE} FROM ${table} JOIN appliance ON number = appliance
           WHERE appliance_id = ? AND slot >= ? AND slot < ? ORDER BY slot`,
        )
        .all(...between);
      for (const row of rows) yield { ...row, slotCount };
    }
  }

  /** Billed rates of a month that is kept by hours. */
  keptRates(siteId: string, { name }: Month): SiteRates | undefined {
    return this.#database
      .prepare<[string, string], SiteRates>(
        `SELECT served_bits_per_sec AS servedBitsPerSec, crossed_bits_per_sec AS crossedBitsPerSec
         FROM site_month WHERE site_id = ? AND month = ?`,
      )
      .get(siteId, name);
  }

  /**
   * Makes hours of months that are over for a while, and forgets what is older than thirteen months.
   * @param ratesOf the billed rates of a month by site, asked before its five minutes go
   */
  trim(nowMs: number, ratesOf: (month: Month) => ReadonlyMap<string, SiteRates>): void {
    const border = fineFrom(nowMs).startMs;
    for (let month = this.#oldestFine(); month !== undefined && month.endMs <= border; month = this.#oldestFine())
      this.#coarsen(month, ratesOf(month));
    const oldest = monthAt(nowMs, -KEPT_MONTHS);
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM hour_traffic WHERE slot < ?').run(oldest.startMs / SLOT_MS);
      this.#database.prepare('DELETE FROM site_month WHERE month < ?').run(oldest.name);
    });
  }

  close(): void {
    this.#database.close();
  }

  #oldestFine(): Month | undefined {
    // By appliance, as the rows lie: a search through all of them would take seconds for a thousand.
    const slot = this.#database
      .prepare<[], number | null>(
        'SELECT min((SELECT min(slot) FROM slot_traffic WHERE appliance = number)) FROM appliance',
      )
      .pluck()
      .get();
    return typeof slot === 'number' ? monthAt(slot * SLOT_MS) : undefined;
  }

  #coarsen(month: Month, rates: ReadonlyMap<string, SiteRates>): void {
    const end = month.endMs / SLOT_MS;
    transact(this.#database, () => {
      const keep = this.#database.prepare('INSERT OR REPLACE INTO site_month VALUES (?, ?, ?, ?)');
      for (const [siteId, { servedBitsPerSec, crossedBitsPerSec }] of rates)
        keep.run(siteId, month.name, servedBitsPerSec, crossedBitsPerSec);
      this.#database
        .prepare(
          `INSERT OR REPLACE INTO hour_traffic SELECT appliance, slot / ${SLOTS_PER_HOUR} * ${SLOTS_PER_HOUR},
           ${SUMS.map((name) => `sum(${name})`).join(', ')} FROM slot_traffic WHERE slot < ? GROUP BY 1, 2`,
        )
        .run(end);
      this.#database.prepare('DELETE FROM slot_traffic WHERE slot < ?').run(end);
    });
  }

  #numberOf(applianceId: string): number {
    this.#database.prepare('INSERT OR IGNORE INTO appliance (appliance_id) VALUES (?)').run(applianceId);
    return Number(
      this.#database.prepare('SELECT number FROM appliance WHERE appliance_id = ?').pluck().get(applianceId),
    );
  }
}

const mostOf = ({ servedBytes, fillBytes, missBytes }: TrafficSlot): number =>
  Math.max(servedBytes, ...Object.values(fillBytes), ...Object.values(missBytes));

/** The first month that is kept by five minutes. */
const fineFrom = (nowMs: number): Month => monthAt(nowMs - FINE_MS);
