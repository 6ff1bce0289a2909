import { join } from 'node:path';
import { z } from 'zod';
import { parseContract } from '../../src/contracts/contract.ts';
import {
  type ApplianceTrigger,
  applianceTriggerSchema,
  type TriggerResult,
  triggerReportSchema,
} from '../../src/contracts/trigger-list.ts';
import { messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import { readStateFile, writeStateFile } from '../../src/state/state-file.ts';

/**
 * What this appliance was told to do and what it has done of it, over restarts.
 *
 * A purge that is done must not be done again when its report was lost: what came in since is new. One that was begun
 * must be done again after a kill, whether the planner is there or not. So a trigger is written down before it is begun
 * and its result before it is told; both with fsync, as they are few. Results are kept until there are many, without
 * what they were about; of what is forgotten the newest date stays, and no purge of before it is ever taken again.
 *
 * That date must not be one that lies ahead, which the planner's clock gave on a bad day: no purge would be taken for as
 * long as that clock was wrong by, and nobody would hear of it. Prepositions have no part in it: they are handed out
 * hours after they were made, when a plan has taken them up, and to look at one again does no harm.
 */
const resultSchema = triggerReportSchema.shape.results.element;
const journalSchema = z.object({
  version: z.literal(1),
  open: z.array(z.object({ trigger: applianceTriggerSchema, attempts: z.number().int().nonnegative() })),
  done: z.array(z.object({ result: resultSchema, createdAtMs: z.number(), isTold: z.boolean() })),
  forgottenBeforeMs: z.number(),
});
type Journal = z.infer<typeof journalSchema>;

/** Each write is of all of them. */
const MAX_DONE = 256;
/** One answer of the planner at the most, and what was left of the one before. */
const MAX_OPEN = 512;

export interface OpenTrigger {
  readonly trigger: ApplianceTrigger;
  readonly attempts: number;
}

export class TriggerJournal {
  readonly #file: string;
  readonly #nowMs: () => number;
  #journal: Journal = { version: 1, open: [], done: [], forgottenBeforeMs: 0 };

  /** @param nowMs the wall clock */
  constructor(stateDir: string, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#file = join(stateDir, 'triggers.json');
  }

  /** @throws OperationalError STATE_CORRUPT, VOLUME_IO; it is empty then, and what is open comes again from the planner */
  load(): void {
    const document = readStateFile(this.#file);
    if (document === undefined) return;
    try {
      this.#journal = parseContract('journal of triggers', journalSchema, document);
    } catch (error) {
      throw new OperationalError('STATE_CORRUPT', `${this.#file}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Oldest first. */
  get open(): readonly OpenTrigger[] {
    return this.#journal.open;
  }

  /** Results that the planner may not know yet. */
  get untold(): TriggerResult[] {
    return this.#journal.done.filter(({ isTold }) => !isTold).map(({ result }) => result);
  }

  /**
   * Takes the planner's list in: what is new is open from now on, what is open and not listed any more is let go.
   * @returns ids that are done here and still listed: the planner has not heard of them
   * @throws OperationalError VOLUME_FULL, VOLUME_IO: nothing is taken in then
   */
  take(listed: readonly ApplianceTrigger[]): void {
    const { open, done } = this.#journal;
    // Kept by an older version, it may lie ahead.
    const isAhead = this.#journal.forgottenBeforeMs > this.#nowMs();
    const forgottenBeforeMs = isAhead ? 0 : this.#journal.forgottenBeforeMs;
    const wanted = new Set(listed.map(({ triggerId }) => triggerId));
    const known = new Set([
      ...open.map(({ trigger }) => trigger.triggerId),
      ...done.map(({ result }) => result.triggerId),
    ]);
    const kept = open.filter(({ trigger }) => wanted.has(trigger.triggerId));
    const fresh = listed.filter(
      ({ triggerId, type, createdAtMs }) =>
        !known.has(triggerId) && (type === 'preposition' || createdAtMs > forgottenBeforeMs),
    );
    // Listed although it was told: the planner lost it, so it is told again.
    const retold = done.some(({ result, isTold }) => isTold && wanted.has(result.triggerId));
    if (fresh.length === 0 && kept.length === open.length && !retold) return;
    const room = Math.max(0, MAX_OPEN - kept.length);
    this.#write({
      ...this.#journal,
      open: [...kept, ...fresh.slice(0, room).map((trigger) => ({ trigger, attempts: 0 }))],
      done: done.map((each) => (wanted.has(each.result.triggerId) ? { ...each, isTold: false } : each)),
    });
  }

  /** It was begun and did not end well; it stays open. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  noteAttempt(triggerId: string): void {
    const open = this.#journal.open.map((each) =>
      each.trigger.triggerId === triggerId ? { ...each, attempts: each.attempts + 1 } : each,
    );
    this.#write({ ...this.#journal, open });
  }

  /** It is at its end. @throws OperationalError VOLUME_FULL, VOLUME_IO: it will be done again then */
  finish(trigger: ApplianceTrigger, result: TriggerResult): void {
    const open = this.#journal.open.filter((each) => each.trigger.triggerId !== trigger.triggerId);
    const createdAtMs = trigger.type === 'preposition' ? 0 : trigger.createdAtMs;
    const done = [...this.#journal.done, { result, createdAtMs, isTold: false }];
    const forgotten = done.splice(0, Math.max(0, done.length - MAX_DONE)).map((each) => each.createdAtMs);
    const nowMs = this.#nowMs();
    const forgottenBeforeMs = Math.max(
      this.#journal.forgottenBeforeMs <= nowMs ? this.#journal.forgottenBeforeMs : 0,
      ...forgotten.filter((eachMs) => eachMs <= nowMs),
    );
    this.#write({ ...this.#journal, open, done, forgottenBeforeMs });
  }

  /** The planner has these. @throws OperationalError VOLUME_FULL, VOLUME_IO: they are told once more then */
  noteTold(results: readonly TriggerResult[]): void {
    const told = new Set(results.map(({ triggerId }) => triggerId));
    const done = this.#journal.done.map((each) => (told.has(each.result.triggerId) ? { ...each, isTold: true } : each));
    this.#write({ ...this.#journal, done });
  }

  #write(journal: Journal): void {
    writeStateFile(this.#file, journal, { durable: true });
    this.#journal = journal;
  }
}
