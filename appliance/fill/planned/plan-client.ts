import type { EnrolledService } from '../../../src/client/enrolled-service.ts';
import { ContractError } from '../../../src/contracts/contract.ts';
import { BLOCK_BYTES, type FileManifest, parseFileManifest } from '../../../src/contracts/file-manifest.ts';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { backoffMs } from '../../../src/resilience/backoff.ts';
import { inSlices } from '../../../src/resilience/in-slices.ts';
import { PeriodicTask } from '../../../src/resilience/periodic-task.ts';
import { documentVerifies } from '../../../src/signing/signed-document.ts';
import { FailureLog } from '../../../src/telemetry/failure-log.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import { layOut } from '../../report/holdings.ts';
import type { HeldPlan } from './held-plan.ts';
import type { PlanFile } from './plan-file.ts';
import type { PlanQuestion } from './taking/judge-plan.ts';
import { PlanTaker } from './taking/plan-taker.ts';
import type { TakenPlan } from './taking/taken-plan.ts';

/**
 * Gets the plan and the manifests of its files from the planner, and keeps the last good ones.
 *
 * A plan steers what this machine fetches and erases, so one that is not the planner's own word is worse than an old
 * one: it must be for this appliance, carry the pinned key's signature, make sense as a whole, and be later than the
 * plan in force, by its number or by its date. A planner that goes back to an older version makes and signs that plan
 * anew, at a later date; an old plan that somebody replays is behind in both. Whatever is refused, the appliance goes
 * on with what it has.
 */
export interface PlanClientOptions {
  readonly applianceId: string;
  readonly service: EnrolledService;
  readonly held: HeldPlan;
  readonly file: PlanFile;
  /** Makes plans of bytes; one over `file` when absent. */
  readonly taker?: PlanTaker;
  readonly world: World;
  readonly logger: Logger;
  readonly planPollMs: number;
  readonly onPoll: (outcome: PollOutcome) => void;
}

/** What came of asking for a plan. A closed set, for the metrics. */
export const POLL_OUTCOMES = ['taken', 'unchanged', 'none', 'refused', 'failed'] as const;
export type PollOutcome = (typeof POLL_OUTCOMES)[number];

const AWAY_MS = 60_000;
const AWAY_POLLS = 3;
const MANIFESTS_AT_ONCE = 4;
/** Less than two milliseconds. */
const FILES_PER_SLICE = 2000;
const RETRY = { firstMs: 1000, maxMs: 60_000 };

export class PlanClient implements Service {
  readonly #options: PlanClientOptions;
  readonly #polls: PeriodicTask;
  readonly #manifests: PeriodicTask;
  readonly #pollLog: FailureLog;
  readonly #manifestLog: FailureLog;
  readonly #taker: PlanTaker;
  #etag: string | undefined;
  #heardAtMs: number;

  constructor(options: PlanClientOptions) {
    this.#options = options;
    this.#taker = options.taker ?? new PlanTaker(options.file);
    this.#heardAtMs = options.world.clock.monotonicMs();
    this.#pollLog = new FailureLog(options.logger, 'get the plan');
    this.#manifestLog = new FailureLog(options.logger, 'get all file manifests');
    this.#polls = new PeriodicTask(options.world, options.planPollMs, (signal) => this.#poll(signal));
    this.#manifests = new PeriodicTask(options.world, options.planPollMs, (signal) => this.#fetchMissing(signal));
  }

  /** Puts the kept plan in force, and begins to poll. Never waits for the planner. */
  async start(): Promise<void> {
    await this.#loadKept(new AbortController().signal);
    await this.#polls.start();
    await this.#manifests.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([this.#polls.stop(deadlineMs), this.#manifests.stop(deadlineMs)]);
  }

  /** Whether the planner has said nothing about our plan for a while. */
  get isPlannerAway(): boolean {
    const { world, planPollMs } = this.#options;
    return world.clock.monotonicMs() - this.#heardAtMs > Math.max(AWAY_MS, AWAY_POLLS * planPollMs);
  }

  /** Asks for a plan now, because somebody said that there is a new one. */
  pollNow(): void {
    this.#polls.nudge();
  }

  async #loadKept(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    try {
      await using kept = await this.#taker.takeKept(this.#question());
      if (kept === undefined) return;
      const { verdict, etag } = kept;
      if (verdict.kind === 'take') {
        this.#etag = etag;
        await this.#hold(verdict.plan, signal);
        logger.info({ planVersion: verdict.plan.planVersion }, 'going on with the kept plan');
      } else if (verdict.kind === 'refuse') {
        logger.warn({ reason: verdict.reason }, 'the kept plan is not used: asking the planner for one');
      }
    } catch (error) {
      if (!isOperational(error)) throw error;
      logger.warn({ error }, 'the kept plan cannot be read: asking the planner for one');
    }
  }

  #question(): PlanQuestion {
    const { applianceId, service, held } = this.#options;
    const { plan } = held;
    const inForce = plan === undefined ? undefined : { planVersion: plan.planVersion, createdAtMs: plan.createdAtMs };
    return { applianceId, publicKey: service.publicKey, inForce };
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { service, applianceId, onPoll } = this.#options;
    await service.usable(signal);
    try {
      const answer = await service.getStreamed(`/v1/plan/${applianceId}`, this.#etag, signal);
      const outcome = answer.kind === 'body' ? await this.#take(answer.pieces, answer.etag, signal) : 'unchanged';
      if (outcome !== 'refused') {
        this.#heardAtMs = this.#options.world.clock.monotonicMs();
        this.#pollLog.worked();
      }
      onPoll(outcome);
    } catch (error) {
      if (signal.aborted || !isOperational(error)) throw error;
      // A planner that has not planned for us yet is no failure of anybody.
      const none = error.answeredStatus === 404;
      if (!none || this.#options.held.plan !== undefined) this.#pollLog.failed(error);
      onPoll(none ? 'none' : 'failed');
    }
  }

  async #take(pieces: AsyncIterable<Buffer>, etag: string | undefined, signal: AbortSignal): Promise<PollOutcome> {
    const { held, logger } = this.#options;
    await using taken = await this.#taker.take(pieces, this.#question());
    const { verdict } = taken;
    if (verdict.kind === 'refuse') {
      this.#pollLog.failed(new Error(`the plan was refused: ${verdict.reason}`));
      return 'refused';
    }
    if (verdict.kind === 'take') {
      const { plan, goesBack } = verdict;
      const planVersion = plan.planVersion;
      if (goesBack)
        logger.warn({ planVersion, inForce: held.plan?.planVersion }, 'the planner went back to an older plan');
      await this.#hold(plan, signal);
      await this.#keep(taken, etag);
      logger.info({ planVersion, files: plan.files.length, windows: plan.windows.length }, 'took a new plan');
      this.#manifests.nudge();
    }
    this.#etag = etag;
    return verdict.kind === 'take' ? 'taken' : 'unchanged';
  }

  async #hold(plan: FillPlan, signal: AbortSignal): Promise<void> {
    const { held, world } = this.#options;
    if (plan.files.length <= FILES_PER_SLICE) {
      held.hold(plan);
      return;
    }
    const slicing = { clock: world.clock, signal, unitsPerSlice: FILES_PER_SLICE };
    await inSlices(layOut(plan), slicing);
    await held.holdInSlices(plan, slicing);
  }

  async #keep(taken: TakenPlan, etag: string | undefined): Promise<void> {
    try {
      await taken.keep(etag);
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#options.logger.warn({ error }, 'cannot keep the plan: a restart will need the planner');
    }
  }

  /** @returns in how many ms to try again, when some are still missing. */
  async #fetchMissing(signal: AbortSignal): Promise<number | undefined> {
    const roots = this.#options.held.missingManifests();
    if (roots.length === 0) return undefined;
    await this.#options.service.usable(signal);
    let lastError: unknown;
    const fetchers = Array.from({ length: MANIFESTS_AT_ONCE }, async () => {
      for (let root = roots.shift(); root !== undefined; root = roots.shift()) {
        const error = await this.#fetchManifest(root, signal);
        if (error === undefined) continue;
        lastError = error;
        // One that the planner lacks or got wrong says nothing of the others; a planner that is away does.
        if (isOperational(error) && error.code !== 'SERVICE_STATUS') roots.length = 0;
      }
    });
    await Promise.all(fetchers);
    if (lastError === undefined) {
      this.#manifestLog.worked();
      return undefined;
    }
    this.#manifestLog.failed(lastError);
    return backoffMs(this.#manifestLog.failures, RETRY, this.#options.world.random.next());
  }

  async #fetchManifest(root: string, signal: AbortSignal): Promise<Error | undefined> {
    const { service, held } = this.#options;
    try {
      const answer = await service.get(`/v1/file-manifest/${root}`, undefined, signal);
      if (answer.kind === 'not-modified') return new Error(`the planner sent no manifest for ${root}`);
      held.addManifest(checkManifest(answer.body, root, service.publicKey), answer.body);
      return undefined;
    } catch (error) {
      if (signal.aborted || !(isOperational(error) || error instanceof ContractError)) throw error;
      return error;
    }
  }
}

/**
 * A manifest as received, checked: form, root, block size, and signature where a key is pinned.
 * @throws ContractError
 */
function checkManifest(document: unknown, root: string, publicKey: string | undefined): FileManifest {
  const manifest = parseFileManifest(document);
  const problems: string[] = [];
  if (manifest.root !== root) problems.push(`root: must be ${root}`);
  if (manifest.blockBytes !== BLOCK_BYTES) problems.push(`blockBytes: must be ${BLOCK_BYTES}`);
  if (publicKey !== undefined && !documentVerifies(document, publicKey))
    problems.push("signature: not made by the planner's pinned key");
  if (problems.length > 0) throw new ContractError('file manifest', problems);
  return manifest;
}
