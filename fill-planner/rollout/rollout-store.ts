import { parseContract } from '../../src/contracts/contract.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import type { CountedHour } from './count-efficiency.ts';
import type { PlanVersions } from './plan-library.ts';
import { NEW_ROLLOUT, type RolloutState, rolloutStateSchema } from './rollout-state.ts';

export const EVENT_KINDS = ['published', 'stage', 'waiting', 'held', 'returned', 'good'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface RolloutEvent {
  readonly atMs: number;
  readonly kind: EventKind;
  readonly says: string;
}

export interface ClusterHour extends CountedHour {
  readonly hourStartMs: number;
  readonly clusterId: string;
}

const MAX_EVENTS = 500;
const KEPT_HOURS_MS = 35 * 86_400_000;

/** How far plans are published, which ones are good, and what was measured of them: `rollout.sqlite`. Nobody else opens it. */
export class RolloutStore {
  readonly #database: Database;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    // A power cut may cost the last moments: what was decided in them is decided again.
    this.#database = openDatabase(file, { durable: false, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  state(): RolloutState {
    const text = this.#database.prepare<[], string>('SELECT document FROM rollout_state').pluck().get();
    return text === undefined
      ? NEW_ROLLOUT
      : parseContract('state of the rollout', rolloutStateSchema, JSON.parse(text));
  }

  goodPlans(): PlanVersions {
    return this.#versions('good_plan');
  }

  markedPlans(): PlanVersions {
    return this.#versions('marked_plan');
  }

  /** Keeps all that a cycle decided in one transaction. Undefined leaves what is there. */
  keep(
    state: RolloutState,
    events: readonly RolloutEvent[],
    plans: { readonly good?: PlanVersions | undefined; readonly marked?: PlanVersions | undefined } = {},
  ): void {
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM rollout_state').run();
      this.#database.prepare('INSERT INTO rollout_state VALUES (?)').run(JSON.stringify(state));
      if (plans.good !== undefined) this.#replace('good_plan', plans.good);
      if (plans.marked !== undefined) this.#replace('marked_plan', plans.marked);
      const insert = this.#database.prepare('INSERT INTO rollout_event (at_ms, kind, says) VALUES (?, ?, ?)');
      for (const { atMs, kind, says } of events) insert.run(atMs, kind, says);
      this.#database
        .prepare('DELETE FROM rollout_event WHERE number <= (SELECT max(number) FROM rollout_event) - ?')
        .run(MAX_EVENTS);
    });
  }

  /** Adds what one sample showed. */
  addHour({ hourStartMs, clusterId, servedBytes, missedBytes, lostBytes, wonBytes }: ClusterHour): void {
    const add = this.#database.prepare(
      `INSERT INTO efficiency_hour VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET
         served_bytes = min(served_bytes + excluded.served_bytes, ${Number.MAX_SAFE_INTEGER}),
         missed_bytes = min(missed_bytes + excluded.missed_bytes, ${Number.MAX_SAFE_INTEGER}),
         lost_bytes = min(lost_bytes + excluded.lost_bytes, ${Number.MAX_SAFE_INTEGER}),
         won_bytes = min(won_bytes + excluded.won_bytes, ${Number.MAX_SAFE_INTEGER})`,
    );
    transact(this.#database, () => add.run(hourStartMs, clusterId, servedBytes, missedBytes, lostBytes, wonBytes));
  }

  /** Hours that began in this half-open interval, all clusters together, oldest first. */
  hours(sinceMs: number, untilMs: number): (CountedHour & { readonly hourStartMs: number })[] {
    return this.#database
      .prepare<[number, number], CountedHour & { hourStartMs: number }>(
        `SELECT hour_start_ms AS hourStartMs, sum(served_bytes) AS servedBytes, sum(missed_bytes) AS missedBytes,
           sum(lost_bytes) AS lostBytes, sum(won_bytes) AS wonBytes
         FROM efficiency_hour WHERE hour_start_ms >= ? AND hour_start_ms < ? GROUP BY hour_start_ms ORDER BY hour_start_ms`,
      )
      .all(sinceMs, untilMs);
  }

  /** Since then, by cluster. */
  clusterSums(sinceMs: number): (CountedHour & { readonly clusterId: string })[] {
    return this.#database
      .prepare<[number], CountedHour & { clusterId: string }>(
        `SELECT cluster_id AS clusterId, sum(served_bytes) AS servedBytes, sum(missed_bytes) AS missedBytes,
           sum(lost_bytes) AS lostBytes, sum(won_bytes) AS wonBytes
         FROM efficiency_hour WHERE hour_start_ms >= ? GROUP BY cluster_id ORDER BY cluster_id`,
      )
      .all(sinceMs);
  }

  /** The newest first. */
  events(limit: number): RolloutEvent[] {
    return this.#database
      .prepare<[number], RolloutEvent>(
        'SELECT at_ms AS atMs, kind, says FROM rollout_event ORDER BY number DESC LIMIT ?',
      )
      .all(limit);
  }

  trim(nowMs: number): void {
    this.#database.prepare('DELETE FROM efficiency_hour WHERE hour_start_ms < ?').run(nowMs - KEPT_HOURS_MS);
  }

  close(): void {
    this.#database.close();
  }

  #versions(table: 'good_plan' | 'marked_plan'): PlanVersions {
    return new Map(
      this.#database.prepare<[], [string, number]>(`SELECT appliance_id, plan_version FROM ${table}`).raw().all(),
    );
  }

  #replace(table: 'good_plan' | 'marked_plan', versions: PlanVersions): void {
    this.#database.prepare(`DELETE FROM ${table}`).run();
    const insert = this.#database.prepare(`INSERT INTO ${table} VALUES (?, ?)`);
    for (const [applianceId, planVersion] of versions) insert.run(applianceId, planVersion);
  }
}
