import type { ApplianceTrigger, TriggerResult, TriggerType } from '../../src/contracts/trigger-list.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import {
  cancelledStatus,
  type NodeState,
  nextStatus,
  type TriggerError,
  type TriggerStatus,
} from './trigger-status.ts';

/**
 * Triggers, and how far each appliance is with them: `triggers.sqlite`. Nobody else opens it. Every change is in one
 * transaction with the status that follows from it.
 */
export type TriggerWork = Pick<ApplianceTrigger, 'paths' | 'patterns' | 'tags'>;

export interface StoredTrigger {
  readonly triggerId: string;
  readonly owner: string;
  readonly type: string;
  readonly specification: object;
  readonly work: TriggerWork;
  readonly status: TriggerStatus;
  readonly errors: readonly TriggerError[];
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
  readonly isAssigned: boolean;
}

export interface TriggerNode {
  readonly applianceId: string;
  readonly state: NodeState;
  readonly objectCount: number;
  readonly bytes: number;
  readonly detail: string;
  readonly changedAtMs: number;
}

export interface NewTrigger extends Omit<StoredTrigger, 'modifiedAtMs' | 'status'> {
  readonly status: TriggerStatus;
  /** Appliances that it is for. */
  readonly nodes: readonly string[];
}

interface TriggerRow {
  readonly triggerId: string;
  readonly owner: string;
  readonly type: string;
  readonly specification: string;
  readonly work: string;
  readonly status: TriggerStatus;
  readonly errors: string;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
  readonly isAssigned: number;
}

const COLUMNS = `trigger_id AS triggerId, owner, type, specification, work, status, errors, created_at_ms AS createdAtMs,
  modified_at_ms AS modifiedAtMs, is_assigned AS isAssigned`;
const NODE_COLUMNS = `appliance_id AS applianceId, state, object_count AS objectCount, bytes, detail,
  changed_at_ms AS changedAtMs`;
/** Bounds of one answer to an appliance; what is beyond comes when these are done. */
const MAX_LISTED = 64;
const MAX_LISTED_PATHS = 200_000;

export class TriggerStore {
  readonly #database: Database;
  /** Counts what may give somebody something to do. */
  #news = 0;
  /** Appliances that had nothing to do when they last asked, with the news that they knew: most polls end here. */
  readonly #idleSince = new Map<string, number>();

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  /** Keeps a new trigger; one that is there already under this id stays as it is. */
  create(trigger: NewTrigger): void {
    const { triggerId, owner, type, createdAtMs: nowMs } = trigger;
    this.#news += 1;
    transact(this.#database, () => {
      const { changes } = this.#database
        .prepare('INSERT OR IGNORE INTO trigger_resource VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          triggerId,
          owner,
          type,
          JSON.stringify(trigger.specification),
          JSON.stringify(trigger.work),
          trigger.status,
          JSON.stringify(trigger.errors),
          nowMs,
          nowMs,
          trigger.isAssigned ? 1 : 0,
        );
      if (changes === 0) return;
      for (const applianceId of trigger.nodes) this.#addNode(triggerId, applianceId, undefined, nowMs);
      this.#refresh(triggerId, nowMs);
    });
  }

  find(triggerId: string): StoredTrigger | undefined {
    const row = this.#database
      .prepare<[string], TriggerRow>(`SELECT ${COLUMNS} FROM trigger_resource WHERE trigger_id = ?`)
      .get(triggerId);
    return row && readRow(row);
  }

  /** Ids of triggers with their statuses, oldest first. @param owner undefined for those of all */
  list(owner: string | undefined): { triggerId: string; status: TriggerStatus; modifiedAtMs: number }[] {
    return this.#database
      .prepare<{ owner: string | null }, { triggerId: string; status: TriggerStatus; modifiedAtMs: number }>(
        `SELECT trigger_id AS triggerId, status, modified_at_ms AS modifiedAtMs FROM trigger_resource
         WHERE @owner IS NULL OR owner = @owner ORDER BY created_at_ms, trigger_id`,
      )
      .all({ owner: owner ?? null });
  }

  nodes(triggerId: string): TriggerNode[] {
    return this.#database
      .prepare<[string], TriggerNode>(
        `SELECT ${NODE_COLUMNS} FROM trigger_node WHERE trigger_id = ? ORDER BY appliance_id`,
      )
      .all(triggerId);
  }

  /** Prepositions that no plan knows of yet. */
  unassigned(): StoredTrigger[] {
    return this.#database
      .prepare<[], TriggerRow>(
        `SELECT ${COLUMNS} FROM trigger_resource WHERE is_assigned = 0 AND status IN ('pending', 'active')`,
      )
      .all()
      .map(readRow);
  }

  /** Says which appliances a preposition is for, and which paths each was planned; nobody is an error of its content. */
  assign(
    triggerId: string,
    pathsOf: ReadonlyMap<string, readonly string[]>,
    errors: readonly TriggerError[],
    nowMs: number,
  ): void {
    this.#news += 1;
    transact(this.#database, () => {
      for (const [applianceId, paths] of pathsOf) this.#addNode(triggerId, applianceId, paths, nowMs);
      this.#database
        .prepare('UPDATE trigger_resource SET is_assigned = 1, errors = ? WHERE trigger_id = ?')
        .run(JSON.stringify(errors), triggerId);
      if (pathsOf.size === 0) this.#setStatus(triggerId, 'failed', nowMs);
      else this.#refresh(triggerId, nowMs);
    });
  }

  /**
   * What an appliance has not done yet, oldest first, and prepositions behind what erases: they stay for hours, and as
   * many as one answer takes would keep every purge waiting. One that a purge was not meant for when it came gets it as well: it
   * may have been away from the fleet, with content from before. Notes what is handed out here.
   */
  openFor(applianceId: string, nowMs: number): ApplianceTrigger[] {
    if (this.#idleSince.get(applianceId) === this.#news) return [];
    const listed = transact(this.#database, () => {
      this.#letGoOfCancelled(applianceId, nowMs);
      const rows = this.#unfinished(applianceId);
      let pathCount = 0;
      const taken = rows.slice(0, MAX_LISTED).flatMap((row): ApplianceTrigger[] => {
        const { triggerId, type, createdAtMs, work } = readRow(row);
        const paths = row.nodePaths === null ? work.paths : (JSON.parse(row.nodePaths) as string[]);
        const isFirst = pathCount === 0;
        pathCount += paths.length;
        if (!isFirst && pathCount > MAX_LISTED_PATHS) return [];
        if (row.nodeState === null) this.#addNode(triggerId, applianceId, undefined, nowMs);
        if (row.nodeState !== 'handed' && row.nodeState !== 'active') {
          this.#setNode(triggerId, applianceId, { state: 'handed' }, nowMs);
          this.#refresh(triggerId, nowMs);
        }
        return [{ ...work, triggerId, type: type as TriggerType, createdAtMs, paths }];
      });
      return taken;
    });
    if (listed.length === 0) this.#idleSince.set(applianceId, this.#news);
    return listed;
  }

  /** Takes an appliance's word; what is final stays, and triggers that are gone are passed over. */
  report(applianceId: string, results: readonly TriggerResult[], nowMs: number): void {
    transact(this.#database, () => {
      for (const { triggerId, state, objectCount, bytes, detail } of results) {
        this.#setNode(triggerId, applianceId, { state, objectCount, bytes, detail }, nowMs);
        this.#refresh(triggerId, nowMs);
      }
    });
  }

  cancel(triggerId: string, nowMs: number): TriggerStatus | undefined {
    return transact(this.#database, () => {
      const trigger = this.find(triggerId);
      if (trigger === undefined) return undefined;
      const next = cancelledStatus(trigger.status, this.#states(triggerId));
      if (next === trigger.status) return next;
      this.#database
        .prepare(
          "UPDATE trigger_node SET state = 'cancelled', changed_at_ms = ? WHERE trigger_id = ? AND state = 'waiting'",
        )
        .run(nowMs, triggerId);
      this.#setStatus(triggerId, next, nowMs);
      return next;
    });
  }

  delete(triggerId: string): void {
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM trigger_resource WHERE trigger_id = ?').run(triggerId);
    });
  }

  /** Appliances that are not in the fleet are not waited for. */
  forgetAllBut(applianceIds: ReadonlySet<string>, nowMs: number): void {
    transact(this.#database, () => {
      const waited = this.#database
        .prepare<[], { triggerId: string; applianceId: string }>(
          `SELECT trigger_id AS triggerId, appliance_id AS applianceId FROM trigger_node
           WHERE state IN ('waiting', 'handed', 'active')`,
        )
        .all();
      for (const { triggerId, applianceId } of waited) {
        if (applianceIds.has(applianceId)) continue;
        this.#setNode(triggerId, applianceId, { state: 'gone', detail: 'it left the fleet' }, nowMs);
        this.#refresh(triggerId, nowMs);
      }
    });
  }

  /** Forgets what ended or was given up before a time. */
  trim(beforeMs: number): void {
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM trigger_resource WHERE modified_at_ms < ?').run(beforeMs);
    });
  }

  openCount(owner: string): number {
    return Number(
      this.#database
        .prepare(
          "SELECT count(*) FROM trigger_resource WHERE owner = ? AND status IN ('pending', 'active', 'cancelling')",
        )
        .pluck()
        .get(owner),
    );
  }

  /** What is kept of a sender's triggers, whatever became of them. */
  keptOf(owner: string): { count: number; bytes: number } {
    const kept = this.#database
      .prepare<[string], { count: number; bytes: number }>(
        `SELECT count(*) AS count, coalesce(sum(octet_length(specification) + octet_length(work) + octet_length(errors)), 0)
         AS bytes FROM trigger_resource WHERE owner = ?`,
      )
      .get(owner);
    return kept ?? { count: 0, bytes: 0 };
  }

  countByStatus(): { status: TriggerStatus; count: number }[] {
    return this.#database
      .prepare<[], { status: TriggerStatus; count: number }>(
        'SELECT status, count(*) AS count FROM trigger_resource GROUP BY status',
      )
      .all();
  }

  close(): void {
    this.#database.close();
  }

  #unfinished(applianceId: string) {
    return this.#database
      .prepare<[string, string], TriggerRow & { nodeState: NodeState | null; nodePaths: string | null }>(
        `SELECT * FROM (SELECT ${COLUMNS}, node.state AS nodeState, node.paths AS nodePaths
         FROM trigger_resource LEFT JOIN trigger_node AS node USING (trigger_id)
         WHERE node.appliance_id = ? AND node.state IN ('waiting', 'handed', 'active', 'gone')
           AND status NOT IN ('cancelling', 'cancelled')
         UNION ALL
         SELECT ${COLUMNS}, NULL, NULL FROM trigger_resource
         WHERE type IN ('purge', 'invalidate') AND errors = '[]' AND status NOT IN ('cancelling', 'cancelled')
           AND NOT EXISTS (SELECT 1 FROM trigger_node AS node
             WHERE node.trigger_id = trigger_resource.trigger_id AND node.appliance_id = ?))
         ORDER BY type = 'preposition', createdAtMs, triggerId LIMIT ${MAX_LISTED}`,
      )
      .all(applianceId, applianceId);
  }

  /** It asks again and is not given it: so it lets go of it. */
  #letGoOfCancelled(applianceId: string, nowMs: number): void {
    const cancelled = this.#database
      .prepare<[string], string>(
        `SELECT trigger_id FROM trigger_resource JOIN trigger_node AS node USING (trigger_id)
         WHERE status = 'cancelling' AND node.appliance_id = ? AND node.state IN ('handed', 'active')`,
      )
      .pluck()
      .all(applianceId);
    for (const triggerId of cancelled) {
      this.#setNode(triggerId, applianceId, { state: 'cancelled' }, nowMs);
      this.#refresh(triggerId, nowMs);
    }
  }

  #addNode(triggerId: string, applianceId: string, paths: readonly string[] | undefined, nowMs: number): void {
    this.#database
      .prepare("INSERT OR IGNORE INTO trigger_node VALUES (?, ?, 'waiting', ?, 0, 0, '', ?)")
      .run(triggerId, applianceId, paths === undefined ? null : JSON.stringify(paths), nowMs);
  }

  #setNode(triggerId: string, applianceId: string, change: Partial<TriggerNode>, nowMs: number): void {
    this.#database
      .prepare(
        `UPDATE trigger_node SET state = coalesce(?, state), object_count = coalesce(?, object_count),
           bytes = coalesce(?, bytes), detail = coalesce(?, detail), changed_at_ms = ?
         WHERE trigger_id = ? AND appliance_id = ? AND state NOT IN ('complete', 'failed', 'cancelled')`,
      )
      .run(
        change.state ?? null,
        change.objectCount ?? null,
        change.bytes ?? null,
        change.detail ?? null,
        nowMs,
        triggerId,
        applianceId,
      );
  }

  #states(triggerId: string): NodeState[] {
    return this.nodes(triggerId).map(({ state }) => state);
  }

  #refresh(triggerId: string, nowMs: number): void {
    const trigger = this.#database
      .prepare<[string], { status: TriggerStatus; isAssigned: number; hasErrors: number }>(
        `SELECT status, is_assigned AS isAssigned, errors <> '[]' AS hasErrors FROM trigger_resource WHERE trigger_id = ?`,
      )
      .get(triggerId);
    if (trigger === undefined) return;
    const { isAssigned, hasErrors } = trigger;
    const facts = { isAssigned: isAssigned === 1, hasErrors: hasErrors === 1 };
    const status = nextStatus(trigger.status, facts, this.#states(triggerId));
    this.#setStatus(triggerId, status, nowMs);
  }

  #setStatus(triggerId: string, status: TriggerStatus, nowMs: number): void {
    this.#database
      .prepare('UPDATE trigger_resource SET status = ?, modified_at_ms = max(modified_at_ms, ?) WHERE trigger_id = ?')
      .run(status, nowMs, triggerId);
  }
}

const readRow = ({ specification, work, errors, isAssigned, ...row }: TriggerRow): StoredTrigger => ({
  ...row,
  specification: JSON.parse(specification) as object,
  work: JSON.parse(work) as TriggerWork,
  errors: JSON.parse(errors) as TriggerError[],
  isAssigned: isAssigned === 1,
});
