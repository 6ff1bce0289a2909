import type { HttpClient } from '../../../src/client/http-client.ts';
import { ContractError } from '../../../src/contracts/contract.ts';
import type { FillPlan, FillPlanFile, FillPlanSource } from '../../../src/contracts/fill-plan.ts';
import { decodeRoots, parseInventory } from '../../../src/contracts/inventory.ts';
import { GRANT_FIELD } from '../../../src/contracts/url-grant.ts';
import { isOperational, OperationalError } from '../../../src/errors/operational-error.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../../src/resilience/periodic-task.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import { INVENTORY_TARGET } from './tell-inventory.ts';

/**
 * What other appliances say that they hold.
 *
 * Two things need it. A source that waits for the silence of others (the plan's `afterSilenceSec`) must not take one for
 * gone who is only busy with other files: whoever holds more than before gets on. And while the planner is away its
 * lists grow old: files are where they were not planned, and who was to give them may be gone. Then those who say that
 * they hold a file are asked first, whether the plan names them for this file or for another one.
 *
 * Asked are the appliances that the plan names as a source of anything, at most 64 of them, while something is missing
 * and a window is open; a few at a time, each answer bounded in bytes and time. A lie costs a question: what comes is
 * checked.
 */
export interface AskInventoriesOptions {
  readonly applianceId: string;
  readonly plan: () => FillPlan | undefined;
  /** Whether anything is missing that may be filled now. */
  readonly isFilling: () => boolean;
  /** Whether the planner has not been heard of for a while. */
  readonly isPlannerAway: () => boolean;
  /** A source holds more than before. */
  readonly onGotOn: (sourceId: string) => void;
  readonly grant: () => string | undefined;
  readonly http: HttpClient;
  readonly world: World;
  readonly logger: Logger;
}

interface Known {
  readonly source: FillPlanSource;
  readonly heldBytes: number;
  readonly holds: (root: string) => boolean;
}

const MAX_ASKED = 64;
const AT_ONCE = 4;
const TIMEOUT_MS = 3000;
const MAX_ANSWER_BYTES = 8 * 2 ** 20;
const LONGEST_PAUSE_MS = 15_000;
const SHORTEST_PAUSE_MS = 1000;
/** The contract takes 16 sources; more than these add nothing. */
const MAX_ADDED = 4;

export class InventoryAsker implements Service {
  readonly #options: AskInventoriesOptions;
  readonly #task: PeriodicTask;
  readonly #known = new Map<string, Known>();
  #plan: FillPlan | undefined;
  #appliances: readonly FillPlanSource[] = [];
  #pauseMs = LONGEST_PAUSE_MS;

  constructor(options: AskInventoriesOptions) {
    this.#options = options;
    this.#task = new PeriodicTask(options.world, SHORTEST_PAUSE_MS, (signal) => this.#ask(signal));
  }

  start(): Promise<void> {
    return this.#task.start();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#task.stop(deadlineMs);
  }

  /** Whom to ask for a file: the plan's list, and while the planner is away who says that he holds it before all others. */
  sourcesOf(file: FillPlanFile): readonly FillPlanSource[] {
    if (this.#known.size === 0 || !this.#options.isPlannerAway()) return file.sources;
    const holders = [...this.#known.values()].filter(({ holds }) => holds(file.root));
    if (holders.length === 0) return file.sources;
    const named = new Set(file.sources.map(({ id }) => id));
    const added = holders.filter(({ source }) => !named.has(source.id)).slice(0, MAX_ADDED);
    const holding = new Set(holders.map(({ source }) => source.id));
    return [
      ...added.map(({ source: { kind, id, baseUrl } }) => ({ kind, id, baseUrl, afterSec: 0 })),
      ...file.sources.map((source) => (holding.has(source.id) ? withoutWait(source) : source)),
    ];
  }

  async #ask(signal: AbortSignal): Promise<number> {
    const { plan, isFilling } = this.#options;
    const inForce = plan();
    if (inForce !== this.#plan) this.#read(inForce);
    if (!isFilling()) return this.#pauseMs;
    const queue = [...this.#appliances];
    const askers = Array.from({ length: AT_ONCE }, async () => {
      for (let source = queue.shift(); source !== undefined; source = queue.shift()) await this.#look(source, signal);
    });
    await Promise.all(askers);
    return this.#pauseMs;
  }

  #read(plan: FillPlan | undefined): void {
    this.#plan = plan;
    const appliances = new Map<string, FillPlanSource>();
    let shortestSilenceSec = Number.POSITIVE_INFINITY;
    for (const { sources } of plan?.files ?? []) {
      for (const source of sources) {
        shortestSilenceSec = Math.min(shortestSilenceSec, source.afterSilenceSec ?? shortestSilenceSec);
        if (source.kind === 'origin' || source.id === this.#options.applianceId) continue;
        if (appliances.size < MAX_ASKED || appliances.has(source.id)) appliances.set(source.id, source);
      }
    }
    this.#appliances = [...appliances.values()];
    for (const id of this.#known.keys()) if (!appliances.has(id)) this.#known.delete(id);
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, (shortestSilenceSec * 1000) / 3));
  }

  async #look(source: FillPlanSource, signal: AbortSignal): Promise<void> {
    try {
      const { heldBytes, roots } = parseInventory(await this.#get(source, signal));
      const before = this.#known.get(source.id);
      if (before !== undefined && heldBytes > before.heldBytes) this.#options.onGotOn(source.id);
      this.#known.set(source.id, { source, heldBytes, holds: decodeRoots(roots) });
    } catch (error) {
      signal.throwIfAborted();
      const isForeseen = isOperational(error) || error instanceof ContractError || error instanceof DOMException;
      if (!isForeseen && !(error instanceof SyntaxError)) throw error;
      // An older appliance, one that is busy, one that is gone: it is asked for blocks all the same.
      this.#known.delete(source.id);
      this.#options.logger.debug({ source: source.id, error }, 'an appliance does not tell what it holds');
    }
  }

  async #get(source: FillPlanSource, signal: AbortSignal): Promise<unknown> {
    const { http, grant, applianceId } = this.#options;
    const given = grant();
    const response = await http.request({
      url: source.baseUrl + INVENTORY_TARGET,
      headers: { via: `1.1 ${applianceId}`, ...(given === undefined ? {} : { [GRANT_FIELD]: given }) },
      headersTimeoutMs: TIMEOUT_MS,
      bodyTimeoutMs: TIMEOUT_MS,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
    });
    if (response.status !== 200) {
      response.discard();
      throw new OperationalError('SOURCE_STATUS', `${source.id}: ${response.status}`);
    }
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of response.body) {
      bytes += piece.length;
      if (bytes > MAX_ANSWER_BYTES) throw new OperationalError('SOURCE_PROTOCOL', `${source.id}: a longer inventory`);
      pieces.push(piece);
    }
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  }
}

const withoutWait = ({ kind, id, baseUrl }: FillPlanSource): FillPlanSource => ({ kind, id, baseUrl, afterSec: 0 });
