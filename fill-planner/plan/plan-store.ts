import { createHash } from 'node:crypto';
import type { FillWindow } from '../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../src/contracts/fill-report.ts';
import { OperationalError } from '../../src/errors/operational-error.ts';
import { type Identity, verifySignature } from '../../src/signing/identity.ts';
import { migrate } from '../../src/sqlite/migrate.ts';
import { type Database, openDatabase } from '../../src/sqlite/open-database.ts';
import { transact } from '../../src/sqlite/transact.ts';
import { restartWindow } from '../schedule/fill-window.ts';
import type { PlanDraft, RenditionContent } from './draft-plan.ts';
import type { HeldBefore } from './plan-facts.ts';
import { ContentBook } from './stored/content-book.ts';
import { heldIn } from './stored/held-in.ts';
import { OlderPlans } from './stored/older-plans.ts';
import { decompress, type PackedDraft, readDraft } from './stored/pack-draft.ts';
import { isStillGood, type PlanRow, type SavedBefore, sealOf, textDigestOf } from './stored/plan-seal.ts';
import type { PreparedPlan } from './stored/prepare-plan.ts';
import { writePlan } from './stored/write-plan.ts';

/**
 * Signed plans with their versions, what they were made with, and what appliances report of them: `plan.sqlite`. One
 * planner has it, from several threads: each opens it for itself.
 *
 * What a version means: the rendition list (over which heartbeats count holdings), the files and their sources. Only a
 * change of these makes a new version. Windows move every day, ranks and expectations every hour; such a plan is
 * written again under its version, with a new date, signature and ETag, so that appliances see it and steering need not
 * fetch rendition lists again: at once where windows changed, and every few hours where only ranks and expectations did,
 * because a thousand appliances would else fetch all their plans every hour. They are stored in columns and signed as
 * they lie there; JSON with a signature of its own is written for who asks.
 */
export interface StoredPlan {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly etag: string;
  readonly createdAtMs: number;
  readonly windows: readonly FillWindow[];
  readonly renditionCount: number;
  readonly fileCount: number;
  readonly planBytes: number;
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
/** Versions that are not in force any more; contents are kept for longer. */
const KEPT_MS = 30 * 86_400_000;
/** How old ranks and expectations may be in a plan that is the same in everything else, unless somebody asks. */
export const REFRESH_MS = 6 * 3_600_000;
/** Twice the skew of signatures: an old request of a sender whose clock is ahead. */
const REPLAYABLE_MS = 600_000;
/** A million entries and as many reasons. */
const MAX_PLAN_BYTES = 256 * 2 ** 20;

export class PlanStore {
  readonly #database: Database;
  readonly #contents: ContentBook;
  readonly #olderPlans: OlderPlans;

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO */
  constructor(file: string) {
    this.#database = openDatabase(file, { durable: true });
    migrate(this.#database, new URL('./migrations/', import.meta.url));
    this.#contents = new ContentBook(this.#database);
    this.#olderPlans = new OlderPlans(this.#database);
  }

  /** The newest plan of an appliance that is in the fleet. */
  newest(applianceId: string): StoredPlan | undefined {
    return this.#rows(
      'JOIN plan_counter USING (appliance_id, plan_version) WHERE is_planned = 1 AND appliance_id = ?',
      [applianceId],
    )[0];
  }

  version(applianceId: string, planVersion: number): StoredPlan | undefined {
    return this.#rows('WHERE appliance_id = ? AND plan_version = ?', [applianceId, planVersion])[0];
  }

  /** The newest plan of every appliance in the fleet, by id. */
  all(): StoredPlan[] {
    return this.#rows(
      'JOIN plan_counter USING (appliance_id, plan_version) WHERE is_planned = 1 ORDER BY appliance_id',
      [],
    );
  }

  /**
   * A plan as its appliance gets it, signed. Takes 10 ms per thousand files; yields how many of them are done.
   * @throws OperationalError STATE_CORRUPT when what is stored is not what was signed
   */
  document(plan: StoredPlan, identity: Identity): Generator<number, Buffer> {
    const draft = this.#read(plan, identity);
    return writePlan({ ...plan, draft }, (number) => this.#contents.content(number), identity);
  }

  /** The list that holdings of this plan count over. Yields how many renditions are read. */
  *readRenditions(plan: StoredPlan): Generator<number, string[]> {
    const ids: string[] = [];
    for (const number of this.#unpack(plan).rendition) {
      ids.push(this.#contents.renditionId(number));
      yield 1;
    }
    return ids.sort();
  }

  /** Which of these renditions the newest plans name, by appliance. Yields how many plans are read. */
  *readHolders(renditionIds: ReadonlySet<string>): Generator<number, Map<string, string[]>> {
    const holders = new Map<string, string[]>();
    if (renditionIds.size === 0) return holders;
    const wanted = this.#contents.numbersOf(renditionIds);
    for (const plan of this.all()) {
      const ids = Array.from(this.#unpack(plan).rendition).flatMap((number) => wanted.get(number) ?? []);
      if (ids.length > 0) holders.set(plan.applianceId, ids);
      yield 1;
    }
    return holders;
  }

  versionsInForce(): ReadonlyMap<string, number> {
    return new Map(this.all().map(({ applianceId, planVersion }) => [applianceId, planVersion]));
  }

  /**
   * What a version says, in the numbering of a cycle: renditions that have no number are left out, and content that was
   * brought in anew under the same name is meant as it is now. Undefined when the version is not kept any more.
   */
  draftOf(
    applianceId: string,
    planVersion: number,
    numberOf: (renditionId: string) => number | undefined,
  ): Omit<PlanDraft, 'windows'> | undefined {
    const plan = this.version(applianceId, planVersion);
    if (plan === undefined) return undefined;
    const stored = this.#unpack(plan);
    const numbers = Array.from(stored.rendition, (number) => numberOf(this.#contents.renditionId(number)));
    const kept = Array.from(numbers.keys()).filter((entry) => numbers[entry] !== undefined);
    const pick = <A extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(column: A): A =>
      column.filter((_, entry) => numbers[entry] !== undefined) as A;
    return {
      ...stored,
      applianceId,
      rendition: Uint32Array.from(kept, (entry) => numbers[entry] ?? 0),
      isHead: pick(stored.isHead),
      isMaster: pick(stored.isMaster),
      expectedBytes: pick(stored.expectedBytes),
      rank: pick(stored.rank),
      copies: pick(stored.copies),
      reason: pick(stored.reason),
      sources: pick(stored.sources),
    };
  }

  /**
   * What the newest plans hold, by appliance; renditions that have no number are left out. Yields how many plans are
   * read, of some milliseconds each.
   */
  *readHeld(numberOf: (renditionId: string) => number | undefined): Generator<number, Map<string, HeldBefore>> {
    const older = this.#olderPlans.heldBefore(numberOf);
    return new Map([...older, ...(yield* this.#readHeld(this.all(), numberOf))]);
  }

  /** The same of these versions; those not kept any more are missing. */
  *readVersions(
    versions: ReadonlyMap<string, number>,
    numberOf: (renditionId: string) => number | undefined,
  ): Generator<number, Map<string, HeldBefore>> {
    const plans = [...versions].flatMap(([id, planVersion]) => this.version(id, planVersion) ?? []);
    return yield* this.#readHeld(plans, numberOf);
  }

  /** The numbers of these contents, for good. */
  numberContents(contents: Iterable<RenditionContent>, nowMs: number): number[] {
    return transact(this.#database, () => this.#contents.number(contents, nowMs));
  }

  /** From now on these appliances are in the fleet and no others: others have no plan any more. */
  setFleet(applianceIds: readonly string[]): void {
    transact(this.#database, () =>
      this.#database
        .prepare('UPDATE plan_counter SET is_planned = appliance_id IN (SELECT value FROM json_each(?))')
        .run(JSON.stringify(applianceIds)),
    );
  }

  /**
   * Stores plans of appliances that are in the fleet, in one transaction.
   * @param refreshMs see `REFRESH_MS`
   */
  save(plans: readonly PreparedPlan[], identity: Identity, nowMs: number, refreshMs = REFRESH_MS): PlannedAppliance[] {
    return transact(this.#database, () =>
      plans.map((plan): PlannedAppliance => {
        const { applianceId, renditionCount, fileCount, planBytes } = plan;
        return {
          applianceId,
          ...this.#saveOne(plan, identity, nowMs, refreshMs),
          renditionCount,
          fileCount,
          planBytes,
        };
      }),
    );
  }

  /**
   * Forgets versions but the last ten, and of these what is a month old.
   * @param needed `appliance version` of those that stay whatever their age
   */
  trim(nowMs: number, needed: Iterable<string> = []): void {
    transact(this.#database, () => {
      this.#database
        .prepare(
          `DELETE FROM plan WHERE EXISTS (
             SELECT 1 FROM plan_counter AS newest
             WHERE newest.appliance_id = plan.appliance_id
               AND (plan.plan_version <= newest.plan_version - ${KEPT_VERSIONS}
                 OR plan.plan_version < newest.plan_version AND plan.created_at_ms < ?))
             AND appliance_id || ' ' || plan_version NOT IN (SELECT value FROM json_each(?))`,
        )
        .run(nowMs - KEPT_MS, JSON.stringify([...needed]));
      this.#contents.forgetUnused(nowMs);
      this.#olderPlans.forgetReplaced();
    });
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

  *#readHeld(
    plans: readonly StoredPlan[],
    numberOf: (renditionId: string) => number | undefined,
  ): Generator<number, Map<string, HeldBefore>> {
    const held = new Map<string, HeldBefore>();
    if (plans.length === 0) return held;
    const numbers = yield* this.#contents.readNumbers(numberOf);
    for (const plan of plans) {
      held.set(plan.applianceId, heldIn(this.#unpack(plan), numbers));
      yield 1;
    }
    return held;
  }

  #saveOne(
    plan: PreparedPlan,
    identity: Identity,
    nowMs: number,
    refreshMs: number,
  ): { planVersion: number; outcome: PlanOutcome } {
    const { applianceId, contentDigest } = plan;
    const lastVersion = Number(
      this.#database.prepare('SELECT plan_version FROM plan_counter WHERE appliance_id = ?').pluck().get(applianceId) ??
        0,
    );
    const before = this.#database
      .prepare<[string, number], SavedBefore>(
        `SELECT content_digest AS contentDigest, text_digest AS textDigest, content_since_ms AS contentSinceMs,
           created_at_ms AS createdAtMs, windows, key_id AS keyId
         FROM plan WHERE appliance_id = ? AND plan_version = ?`,
      )
      .get(applianceId, lastVersion);
    const isSameContent = before?.contentDigest.equals(contentDigest) ?? false;
    const planVersion = isSameContent ? lastVersion : lastVersion + 1;
    const contentSinceMs = isSameContent ? (before?.contentSinceMs ?? nowMs) : nowMs;
    const windows = JSON.stringify(restartWindow(plan.windows, contentSinceMs));
    const textDigest = textDigestOf(plan.layoutDigest, windows, identity.keyId);
    this.#database
      .prepare(
        `INSERT INTO plan_counter VALUES (?, ?, 1) ON CONFLICT DO UPDATE
         SET plan_version = excluded.plan_version, is_planned = 1`,
      )
      .run(applianceId, planVersion);
    if (
      isSameContent &&
      before !== undefined &&
      isStillGood(before, { textDigest, windows, identity, nowMs, refreshMs })
    )
      return { planVersion, outcome: 'unchanged' };
    // An appliance takes a plan of the version that it has only when it is younger, also when our clock was put back.
    const createdAtMs = isSameContent ? Math.max(nowMs, (before?.createdAtMs ?? 0) + 1) : nowMs;
    const row: Record<keyof PlanRow, unknown> = {
      applianceId,
      planVersion,
      contentDigest,
      textDigest,
      contentSinceMs,
      createdAtMs,
      windows,
      renditionCount: plan.renditionCount,
      fileCount: plan.fileCount,
      planBytes: plan.planBytes,
      packed: plan.packed,
      keyId: identity.keyId,
      signature: identity.sign(sealOf(applianceId, planVersion, createdAtMs, textDigest)),
    };
    this.#database
      .prepare(
        `INSERT OR REPLACE INTO plan VALUES (@applianceId, @planVersion, @contentDigest, @textDigest, @contentSinceMs,
           @createdAtMs, @windows, @renditionCount, @fileCount, @planBytes, @packed, @keyId, @signature)`,
      )
      .run(row);
    return { planVersion, outcome: isSameContent ? 'refreshed' : 'new' };
  }

  #rows(where: string, parameters: readonly unknown[]): StoredPlan[] {
    return this.#database
      .prepare<unknown[], Omit<StoredPlan, 'etag' | 'windows'> & { windows: string; textDigest: Buffer }>(
        `SELECT appliance_id AS applianceId, plan_version AS planVersion, text_digest AS textDigest,
           created_at_ms AS createdAtMs, windows, rendition_count AS renditionCount, file_count AS fileCount,
           plan_bytes AS planBytes FROM plan ${where}`,
      )
      .all(...parameters)
      .map(({ textDigest, windows, ...row }) => ({
        ...row,
        etag: `"${row.planVersion}-${textDigest.toString('hex', 0, 8)}"`,
        windows: JSON.parse(windows) as FillWindow[],
      }));
  }

  #unpack({ applianceId, planVersion }: StoredPlan): PackedDraft {
    const packed = this.#database
      .prepare('SELECT packed FROM plan WHERE appliance_id = ? AND plan_version = ?')
      .pluck()
      .get(applianceId, planVersion);
    if (!Buffer.isBuffer(packed)) throw new Error(`plan ${planVersion} of ${applianceId} is not stored any more`);
    return readDraft(decompress(packed, MAX_PLAN_BYTES));
  }

  /** The draft of a plan, checked against its seal: a planner must not sign what a disk has made of it. */
  #read({ applianceId, planVersion }: StoredPlan, identity: Identity): PackedDraft {
    const row = this.#database
      .prepare<[string, number], Pick<PlanRow, 'packed' | 'windows' | 'createdAtMs' | 'keyId' | 'signature'>>(
        `SELECT packed, windows, created_at_ms AS createdAtMs, key_id AS keyId, signature
         FROM plan WHERE appliance_id = ? AND plan_version = ?`,
      )
      .get(applianceId, planVersion);
    if (row === undefined) throw new Error(`plan ${planVersion} of ${applianceId} is not stored any more`);
    const laidOut = decompress(row.packed, MAX_PLAN_BYTES);
    const layoutDigest = createHash('sha256').update(laidOut).digest();
    const textDigest = textDigestOf(layoutDigest, row.windows, row.keyId);
    const seal = sealOf(applianceId, planVersion, row.createdAtMs, textDigest);
    if (!verifySignature(identity.publicKey, seal, row.signature))
      throw new OperationalError('STATE_CORRUPT', `plan ${planVersion} of ${applianceId} is not what was signed`);
    return readDraft(laidOut);
  }
}
