import { createHash } from 'node:crypto';
import { type FillPlan, plannedBytes } from '../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import { canonicalJson } from '../../src/signing/canonical-json.ts';
import type { Identity } from '../../src/signing/identity.ts';
import { signDocument } from '../../src/signing/signed-document.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import { restartWindow } from '../schedule/fill-window.ts';
import { draftedFiles, type PlanDraft, type RenditionContent } from './draft-plan.ts';
import type { HeldBefore } from './plan-facts.ts';

/**
 * Signed plans with their versions, what they were made with, and what appliances report of them: `plan.sqlite`.
 * Nobody else opens it.
 *
 * What a version means: the rendition list (over which heartbeats count holdings), the files and their sources. Only a
 * change of these makes a new version. Windows move every day, ranks and expectations every hour; such a plan is
 * written again under its version, with a new date, signature and ETag, so that appliances see it and steering need not
 * fetch rendition lists again.
 */
export interface StoredPlan {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly etag: string;
  readonly createdAtMs: number;
  /** The signed plan as JSON text. */
  readonly document: string;
}

export type PlanOutcome = 'new' | 'refreshed' | 'unchanged';

export interface PlannedAppliance {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly outcome: PlanOutcome;
  readonly renditionCount: number;
  readonly fileCount: number;
  readonly planBytes: number;
}

export interface OpenedWindow {
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

const KEPT_VERSIONS = 10;
/** Twice the skew that signatures may have: an old request of a sender whose clock is ahead. */
const REPLAYABLE_MS = 600_000;

export class PlanStore {
  readonly #database: Database;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true, exclusive: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
  }

  /** The newest plan of an appliance that is in the fleet. */
  newest(applianceId: string): StoredPlan | undefined {
    return this.#rows('JOIN plan_counter USING (appliance_id, plan_version) WHERE is_planned = 1 AND appliance_id = ?')
      .all(applianceId)
      .map(toStoredPlan)[0];
  }

  version(applianceId: string, planVersion: number): StoredPlan | undefined {
    return this.#rows('WHERE appliance_id = ? AND plan_version = ?').all(applianceId, planVersion).map(toStoredPlan)[0];
  }

  /** The newest plan of every appliance in the fleet, by id. */
  all(): StoredPlan[] {
    return this.#rows('JOIN plan_counter USING (appliance_id, plan_version) WHERE is_planned = 1 ORDER BY appliance_id')
      .all()
      .map(toStoredPlan);
  }

  /** Stores one cycle's plans in one transaction. Appliances without a draft have no plan any more. */
  save(
    drafts: readonly PlanDraft[],
    contentOf: (rendition: number) => RenditionContent,
    identity: Identity,
    nowMs: number,
  ): PlannedAppliance[] {
    return transact(this.#database, () => {
      this.#database.prepare('UPDATE plan_counter SET is_planned = 0').run();
      return drafts.map((draft): PlannedAppliance => {
        const { applianceId, windows } = draft;
        const filled = draftedFiles(draft, contentOf);
        return {
          applianceId,
          ...this.#saveOne({ applianceId, windows, ...filled }, identity, nowMs),
          renditionCount: filled.renditions.length,
          fileCount: filled.files.length,
          planBytes: filled.files.reduce((sum, file) => sum + plannedBytes(file), 0),
        };
      });
    });
  }

  /** What the newest plans hold, by appliance; renditions that have no number any more are left out. */
  heldBefore(numberOf: (renditionId: string) => number | undefined): ReadonlyMap<string, HeldBefore> {
    return new Map(
      this.all().map(({ applianceId, document }) => [applianceId, heldIn(JSON.parse(document) as FillPlan, numberOf)]),
    );
  }

  /** The window opened by hand, if it has not ended. */
  openedWindow(nowMs: number): OpenedWindow | undefined {
    return this.#database
      .prepare<[number], OpenedWindow>(
        'SELECT starts_at_ms AS startsAtMs, ends_at_ms AS endsAtMs FROM opened_window WHERE ends_at_ms > ?',
      )
      .get(nowMs);
  }

  openWindow(window: OpenedWindow): void {
    transact(this.#database, () => {
      this.#database.prepare('DELETE FROM opened_window').run();
      this.#database.prepare('INSERT INTO opened_window VALUES (?, ?)').run(window.startsAtMs, window.endsAtMs);
    });
  }

  /**
   * Keeps the newest report of an appliance. An older one than the last is one that was held up or is replayed, for as
   * long as its signature can still be good; later it only means that the appliance's clock was put back.
   */
  report(report: FillReport, nowMs: number): void {
    const insert = this.#database.prepare(
      `INSERT INTO fill_report VALUES (?, ?, ?) ON CONFLICT DO UPDATE
       SET received_at_ms = excluded.received_at_ms, document = excluded.document
       WHERE document ->> 'reportedAtMs' <= excluded.document ->> 'reportedAtMs'
         OR received_at_ms < excluded.received_at_ms - ${REPLAYABLE_MS}`,
    );
    transact(this.#database, () => insert.run(report.applianceId, nowMs, JSON.stringify(report)));
  }

  /** The newest report of every appliance, by id. */
  reports(): { receivedAtMs: number; report: FillReport }[] {
    return this.#database
      .prepare<[], { receivedAtMs: number; document: string }>(
        'SELECT received_at_ms AS receivedAtMs, document FROM fill_report ORDER BY appliance_id',
      )
      .all()
      .map(({ receivedAtMs, document }) => ({ receivedAtMs, report: JSON.parse(document) as FillReport }));
  }

  close(): void {
    this.#database.close();
  }

  #saveOne(draft: FilledDraft, identity: Identity, nowMs: number): { planVersion: number; outcome: PlanOutcome } {
    const { applianceId } = draft;
    const lastVersion = Number(
      this.#database.prepare('SELECT plan_version FROM plan_counter WHERE appliance_id = ?').pluck().get(applianceId) ??
        0,
    );
    const contentDigest = digest(versioned(draft));
    const before = this.#database
      .prepare<[string, number], { contentDigest: string; textDigest: string; contentSinceMs: number }>(
        `SELECT content_digest AS contentDigest, text_digest AS textDigest, content_since_ms AS contentSinceMs
         FROM plan WHERE appliance_id = ? AND plan_version = ?`,
      )
      .get(applianceId, lastVersion);
    const isSameContent = before?.contentDigest === contentDigest;
    const planVersion = isSameContent ? lastVersion : lastVersion + 1;
    const contentSinceMs = isSameContent ? before.contentSinceMs : nowMs;
    const windows = restartWindow(draft.windows, contentSinceMs);
    const textDigest = digest([{ renditions: draft.renditions, files: draft.files, windows }, identity.keyId]);
    this.#database
      .prepare(
        `INSERT INTO plan_counter VALUES (?, ?, 1) ON CONFLICT DO UPDATE
         SET plan_version = excluded.plan_version, is_planned = 1`,
      )
      .run(applianceId, planVersion);
    if (isSameContent && before.textDigest === textDigest) return { planVersion, outcome: 'unchanged' };
    const unsigned: Omit<FillPlan, 'keyId' | 'signature'> = {
      version: 1,
      planVersion,
      applianceId,
      createdAtMs: nowMs,
      renditions: [...draft.renditions],
      windows,
      files: [...draft.files],
    };
    this.#database
      .prepare('INSERT OR REPLACE INTO plan VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(
        applianceId,
        planVersion,
        contentDigest,
        textDigest,
        contentSinceMs,
        nowMs,
        JSON.stringify(signDocument(unsigned, identity)),
      );
    this.#database
      .prepare('DELETE FROM plan WHERE appliance_id = ? AND plan_version <= ?')
      .run(applianceId, planVersion - KEPT_VERSIONS);
    return { planVersion, outcome: isSameContent ? 'refreshed' : 'new' };
  }

  #rows(where: string) {
    return this.#database.prepare<unknown[], PlanRow>(
      `SELECT appliance_id AS applianceId, plan_version AS planVersion, text_digest AS textDigest,
         created_at_ms AS createdAtMs, document FROM plan ${where}`,
    );
  }
}

type FilledDraft = Pick<PlanDraft, 'applianceId' | 'windows'> & Pick<FillPlan, 'renditions' | 'files'>;

function heldIn(plan: FillPlan, numberOf: (renditionId: string) => number | undefined): HeldBefore {
  const held = new Map<number, { isHead: number; isMaster: number }>();
  for (const { rendition, headBytes, sources } of plan.files) {
    const number = numberOf(plan.renditions[rendition] ?? '');
    if (number === undefined) continue;
    held.set(number, {
      isHead: headBytes === undefined ? 0 : 1,
      // Everybody but the master asks a peer first.
      isMaster: sources[0]?.kind === 'peer' ? 0 : 1,
    });
  }
  const ascending = [...held].sort(([a], [b]) => a - b);
  return {
    rendition: Uint32Array.from(ascending, ([number]) => number),
    isHead: Uint8Array.from(ascending, ([, { isHead }]) => isHead),
    isMaster: Uint8Array.from(ascending, ([, { isMaster }]) => isMaster),
  };
}

interface PlanRow extends Omit<StoredPlan, 'etag'> {
  readonly textDigest: string;
}

const toStoredPlan = ({ textDigest, ...row }: PlanRow): StoredPlan => ({
  ...row,
  etag: `"${row.planVersion}-${textDigest.slice(0, 16)}"`,
});

/** What makes a version: see above. */
function versioned(draft: FilledDraft): unknown {
  const files = draft.files.map(({ path, sizeBytes, headBytes, root, rendition, sources }) => ({
    path,
    sizeBytes,
    headBytes,
    root,
    rendition,
    sources,
  }));
  return { renditions: draft.renditions, files: files.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

const digest = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex');
