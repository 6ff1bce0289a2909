import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import { ContractError } from '../../src/contracts/contract.ts';
import {
  type ApplianceTrigger,
  parseTriggerList,
  type TriggerReport,
  type TriggerResult,
} from '../../src/contracts/trigger-list.ts';
import { isOperational } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import { documentVerifies } from '../../src/signing/signed-document.ts';
import { FailureLog } from '../../src/telemetry/failure-log.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { PurgeReport } from '../purge/purge-content.ts';
import type { PurgeRule } from '../purge/purge-rule.ts';
import { compilePattern } from '../purge/url-pattern.ts';
import type { TriggerJournal } from './trigger-journal.ts';

/**
 * Does what triggers say that the planner has for this appliance, and tells how far it is.
 *
 * The appliance asks, because nobody reaches it from outside. A list that is not signed by the pinned key is refused: it
 * could erase everything. Each trigger is written down, done, written down as done, and told, in this order; a kill
 * anywhere leads to the same end (trigger-journal). What was begun by an earlier process is done before the planner is
 * asked at all.
 *
 * A purge is done when no restart could bring anything back. An invalidation is a purge: what must be asked about again
 * before it is used is as good as gone, and planned files are filled again from peers. A preposition is done when all of
 * it is held; it is the plan that brings it, in its windows.
 */
export interface TriggerClientOptions {
  readonly applianceId: string;
  readonly service: Pick<EnrolledService, 'usable' | 'get' | 'post' | 'publicKey'>;
  readonly journal: TriggerJournal;
  readonly purge: (rule: PurgeRule) => Promise<PurgeReport>;
  /** What of a path is held, of how much; undefined where the plan in force does not name it. */
  readonly heldOf: (path: string) => { readonly heldBytes: number; readonly sizeBytes: number } | undefined;
  readonly world: World;
  readonly logger: Logger;
  readonly pollMs: number;
  readonly onDone: (type: ApplianceTrigger['type'], state: 'complete' | 'failed') => void;
}

/** A volume that does not take deletions is given some minutes to get well. */
const MAX_ATTEMPTS = 20;
const MAX_DETAIL_CHARS = 300;
const MAX_RESULTS = 256;

export class TriggerClient implements Service {
  readonly #options: TriggerClientOptions;
  readonly #log: FailureLog;
  readonly #task: PeriodicTask;
  /** What was last told of triggers that are not done: told again only when it changed. */
  readonly #told = new Map<string, string>();
  #etag: string | undefined;

  constructor(options: TriggerClientOptions) {
    this.#options = options;
    this.#log = new FailureLog(options.logger, 'follow triggers');
    this.#task = new PeriodicTask(options.world, options.pollMs, (signal) => this.#turn(signal));
  }

  /** Goes on with what an earlier run left. Never waits for the planner. */
  async start(): Promise<void> {
    try {
      this.#options.journal.load();
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#options.logger.warn({ error }, 'cannot read which triggers were done: asking the planner for what is open');
    }
    await this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  async #turn(signal: AbortSignal): Promise<void> {
    try {
      await this.#work();
      await this.#options.service.usable(signal);
      await this.#poll(signal);
      await this.#work();
      await this.#tell(signal);
      this.#log.worked();
    } catch (error) {
      if (signal.aborted || !(isOperational(error) || error instanceof ContractError)) throw error;
      // A planner of before triggers has no such page: that is no failure of anybody.
      if (isOperational(error) && error.answeredStatus === 404) return;
      this.#log.failed(error);
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { service, applianceId, journal } = this.#options;
    const answer = await service.get(`/v1/triggers/${applianceId}`, this.#etag, signal);
    if (answer.kind === 'not-modified') return;
    const { publicKey } = service;
    if (publicKey !== undefined && !documentVerifies(answer.body, publicKey))
      throw new ContractError('trigger list', ["signature: not made by the planner's pinned key"]);
    const list = parseTriggerList(answer.body);
    if (list.applianceId !== applianceId) throw new ContractError('trigger list', [`it is for ${list.applianceId}`]);
    journal.take(list.triggers);
    // Only now: a list that could not be written down has to come again.
    this.#etag = answer.etag;
  }

  async #work(): Promise<void> {
    const { journal, logger, onDone } = this.#options;
    for (const { trigger, attempts } of journal.open) {
      const result = await this.#run(trigger);
      if (result.state === 'active') {
        if (trigger.type === 'preposition' || attempts < MAX_ATTEMPTS) {
          if (trigger.type !== 'preposition') journal.noteAttempt(trigger.triggerId);
          continue;
        }
        journal.finish(trigger, { ...result, state: 'failed' });
      } else journal.finish(trigger, result);
      const state = result.state === 'complete' ? 'complete' : 'failed';
      onDone(trigger.type, state);
      const { triggerId, type } = trigger;
      logger.info(
        { trigger: triggerId, type, state, objects: result.objectCount, bytes: result.bytes },
        'trigger done',
      );
    }
  }

  async #tell(signal: AbortSignal): Promise<void> {
    const { service, journal, applianceId, world } = this.#options;
    const done = journal.untold.slice(0, MAX_RESULTS);
    const active = journal.open
      .map(({ trigger }) => this.#progress(trigger))
      .filter((result) => this.#told.get(result.triggerId) !== JSON.stringify(result))
      .slice(0, MAX_RESULTS - done.length);
    if (done.length + active.length === 0) return;
    const report: TriggerReport = {
      version: 1,
      applianceId,
      reportedAtMs: world.clock.nowMs(),
      results: [...done, ...active],
    };
    await service.post('/v1/trigger-report', report, signal);
    if (done.length > 0) journal.noteTold(done);
    this.#told.clear();
    for (const { trigger } of journal.open) {
      const result = this.#progress(trigger);
      this.#told.set(result.triggerId, JSON.stringify(result));
    }
  }

  async #run(trigger: ApplianceTrigger): Promise<TriggerResult> {
    if (trigger.type === 'preposition') return this.#progress(trigger);
    const { triggerId } = trigger;
    let [objectCount, bytes] = [0, 0];
    for (const rule of rulesOf(trigger)) {
      const report = await this.#options.purge(rule);
      objectCount += report.objects;
      bytes += report.bytes;
      if (report.failure === undefined) continue;
      const detail = `${report.mayComeBack} objects may come back: ${report.failure.message}`.slice(
        0,
        MAX_DETAIL_CHARS,
      );
      return { triggerId, state: 'active', objectCount, bytes, detail };
    }
    return { triggerId, state: 'complete', objectCount, bytes, detail: '' };
  }

  /** How far a trigger is that is not at its end. */
  #progress({ triggerId, type, paths }: ApplianceTrigger): TriggerResult {
    if (type !== 'preposition') return { triggerId, state: 'active', objectCount: 0, bytes: 0, detail: '' };
    let [heldCount, heldBytes, wantedBytes, unplanned] = [0, 0, 0, 0];
    for (const path of paths) {
      const held = this.#options.heldOf(path);
      heldBytes += held?.heldBytes ?? 0;
      wantedBytes += held?.sizeBytes ?? 0;
      if (held === undefined) unplanned += 1;
      else if (held.heldBytes >= held.sizeBytes) heldCount += 1;
    }
    const isComplete = heldCount === paths.length;
    const waits = unplanned > 0 ? `; ${unplanned} files are not in the plan in force yet` : '';
    return {
      triggerId,
      state: isComplete ? 'complete' : 'active',
      objectCount: heldCount,
      bytes: heldBytes,
      detail: isComplete ? '' : `${heldBytes} of ${wantedBytes} bytes are here${waits}`,
    };
  }
}

/** All paths in one search; each pattern and tag is one of its own. */
function rulesOf({ triggerId, paths, patterns, tags }: ApplianceTrigger): PurgeRule[] {
  return [
    ...(paths.length === 0 ? [] : [{ by: 'title' as const, title: triggerId, keys: new Set(paths) }]),
    ...patterns.map((pattern) => ({ by: 'pattern' as const, pattern: compilePattern(pattern) })),
    ...tags.map((tag) => ({ by: 'tag' as const, tag })),
  ];
}
