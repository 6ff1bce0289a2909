import type { EnrolledService } from '../../src/client/enrolled-service.ts';
import { parseCatalogueSnapshot } from '../../src/contracts/catalogue-snapshot.ts';
import { ContractError } from '../../src/contracts/contract.ts';
import { type PlanRenditions, parsePlanRenditions } from '../../src/contracts/fill-plan.ts';
import { isOperational, messageOf, OperationalError } from '../../src/errors/operational-error.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../src/resilience/periodic-task.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { World } from '../../src/world/world.ts';
import type { CatalogueStore, KeptCatalogue } from './catalogue-store.ts';

/**
 * Keeps the catalogue and the plans' rendition lists up to date from the planner. The planner may be away for ever:
 * everything that came is stored, a failed round changes nothing, and no answer to a player waits for one.
 */
export interface PlannerClientOptions {
  readonly planner: EnrolledService;
  readonly store: CatalogueStore;
  readonly world: World;
  readonly logger: Logger;
  readonly pollMs: number;
  /** Either may take its time: the next round waits for it. */
  readonly onCatalogue: (kept: KeptCatalogue, signal: AbortSignal) => Promise<void>;
  readonly onList: (list: PlanRenditions, signal: AbortSignal) => Promise<void>;
  /** The outcome of each round: undefined when it went well, else why not, in words. */
  readonly onRound: (failure: string | undefined) => void;
}

interface Wish {
  readonly applianceId: string;
  readonly planVersion: number;
  readonly notBeforeMs: number;
}

const MAX_WISHES = 10_000;
/** A list that the planner refuses (its plan is gone) is asked for again only so often. */
const REFUSED_WAIT_MS = 15_000;
/** After a failed round a wish waits like everything else; without failure it is fulfilled at once. */
const SHORTEST_REST_MS = 20;

export class PlannerClient implements Service {
  readonly #options: PlannerClientOptions;
  readonly #rounds: PeriodicTask;
  readonly #wishes = new Map<string, Wish>();
  #etag: string | undefined;
  #nextCatalogueMs = 0;
  #failure: string | undefined;

  /** @param etag of the catalogue that is already in use */
  constructor(options: PlannerClientOptions, etag: string | undefined) {
    this.#options = options;
    this.#etag = etag;
    this.#rounds = new PeriodicTask(options.world, options.pollMs, (signal) => this.#round(signal));
  }

  async start(): Promise<void> {
    await this.#options.planner.start();
    await this.#rounds.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([this.#rounds.stop(deadlineMs), this.#options.planner.stop(deadlineMs)]);
  }

  /** Asks for the rendition list of a plan, soon. A newer plan of the same appliance replaces the wish. */
  want(applianceId: string, planVersion: number): void {
    if (this.#wishes.get(applianceId)?.planVersion === planVersion) return;
    if (this.#wishes.size >= MAX_WISHES && !this.#wishes.has(applianceId)) return;
    this.#wishes.set(applianceId, { applianceId, planVersion, notBeforeMs: 0 });
    // While the planner is away the next round comes in its own time: heartbeats must not turn it into a hot loop.
    if (this.#failure === undefined) this.#rounds.nudge();
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { world, pollMs } = this.#options;
    try {
      if (world.clock.monotonicMs() >= this.#nextCatalogueMs) {
        await this.#fetchCatalogue(signal);
        this.#nextCatalogueMs = world.clock.monotonicMs() + pollMs * (0.9 + 0.2 * world.random.next());
      }
      await this.#fetchLists(signal);
      this.#note(undefined);
    } catch (error) {
      if (!isOperational(error) && !(error instanceof ContractError)) throw error;
      this.#note(messageOf(error));
      return pollMs;
    }
    return Math.max(SHORTEST_REST_MS, this.#nextCatalogueMs - world.clock.monotonicMs());
  }

  #note(failure: string | undefined): void {
    const { logger, onRound } = this.#options;
    if (failure !== undefined && this.#failure === undefined)
      logger.warn({ failure }, 'no news from the planner: what was known stays in use');
    if (failure === undefined && this.#failure !== undefined) logger.info({}, 'news from the planner again');
    this.#failure = failure;
    onRound(failure);
  }

  async #fetchCatalogue(signal: AbortSignal): Promise<void> {
    const { planner, store, world, logger, onCatalogue } = this.#options;
    const answer = await planner.get('/v1/catalogue', this.#etag, signal);
    if (answer.kind === 'not-modified') return;
    const snapshot = parseCatalogueSnapshot(answer.body);
    const kept = { snapshot, etag: answer.etag, receivedAtMs: world.clock.nowMs() };
    await onCatalogue(kept, signal);
    // Only what was kept is asked for by its tag: a disk that is full today gets it again when it has room.
    store.save(kept);
    this.#etag = answer.etag;
    logger.info({ catalogueVersion: snapshot.catalogueVersion, titles: snapshot.titles.length }, 'new catalogue');
  }

  async #fetchLists(signal: AbortSignal): Promise<void> {
    const { world, logger } = this.#options;
    for (let wish = this.#dueWish(); wish !== undefined; wish = this.#dueWish()) {
      try {
        await this.#fetchList(wish, signal);
      } catch (error) {
        const refused = isOperational(error, 'SERVICE_STATUS') || isOperational(error, 'SERVICE_PROTOCOL');
        if (!refused && !(error instanceof ContractError)) throw error;
        const { applianceId, planVersion } = wish;
        logger.warn({ applianceId, planVersion, failure: messageOf(error) }, 'no rendition list for a plan');
        this.#replace(wish, { ...wish, notBeforeMs: world.clock.monotonicMs() + REFUSED_WAIT_MS });
      }
    }
  }

  async #fetchList(wish: Wish, signal: AbortSignal): Promise<void> {
    const { planner, store, onList } = this.#options;
    const { applianceId, planVersion } = wish;
    const target = `/v1/plan/${encodeURIComponent(applianceId)}/renditions?version=${planVersion}`;
    const answer = await planner.get(target, undefined, signal);
    const list = parsePlanRenditions(answer.kind === 'body' ? answer.body : undefined);
    if (list.applianceId !== applianceId || list.planVersion !== planVersion)
      throw new OperationalError('SERVICE_PROTOCOL', `${target}: the answer is for another plan`);
    this.#replace(wish, undefined);
    await onList(list, signal);
    store.saveList(list);
  }

  #dueWish(): Wish | undefined {
    const nowMs = this.#options.world.clock.monotonicMs();
    for (const wish of this.#wishes.values()) if (wish.notBeforeMs <= nowMs) return wish;
    return undefined;
  }

  /** Unless a newer wish has taken its place by now. */
  #replace(wish: Wish, by: Wish | undefined): void {
    if (this.#wishes.get(wish.applianceId) !== wish) return;
    if (by === undefined) this.#wishes.delete(wish.applianceId);
    else this.#wishes.set(wish.applianceId, by);
  }
}
