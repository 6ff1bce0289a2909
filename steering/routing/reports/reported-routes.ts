import { existsSync } from 'node:fs';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { PeriodicTask } from '../../../src/resilience/periodic-task.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import type { IpAddress } from '../ip-address.ts';
import { PrefixTable } from '../prefix-table.ts';
import type { HeldChange } from './held-change.ts';
import type { Finding, LintFacts } from './lint-routes.ts';
import type { ReportedPlace } from './merge-reports.ts';
import { ReportClient } from './report-client.ts';
import type { FoundRoute, LedgerRules, ReportSummary } from './report-ledger.ts';
import type { BuildOutcome, TakeOutcome } from './report-messages.ts';

export interface ReportedRoutesOptions {
  /** Where reports are kept for a restart. */
  readonly file: string;
  readonly rules: LedgerRules;
  readonly maxRoutes: number;
  readonly world: World;
  readonly logger: Logger;
  /** Whether the appliance is silent for so long that its routes do not count. */
  readonly isSilent: (applianceId: string) => boolean;
  /** The ISP of a site, where the operator says it. */
  readonly networkOf: (siteId: string) => string | undefined;
  readonly onTable: (table: PrefixTable<ReportedPlace>) => void;
  /** After every building. */
  readonly onState: (state: { readonly held: number; readonly leaked: number }) => void;
}

/** How often to look whether an appliance fell silent or what is held has lasted; reports are put together at once. */
const LOOK_EVERY_MS = 1000;
/** Bodies that wait for the thread: above it an appliance is asked to come again. */
const MAX_WAITING_BYTES = 256 * 2 ** 20;

/**
 * What appliances report of the ISP's announcements, for the event loop: all work is done in a thread (report-thread.ts),
 * which begins with the first report. The table in use is replaced when the next one is whole.
 */
export class ReportedRoutes implements Service {
  readonly #options: ReportedRoutesOptions;
  readonly #builds: PeriodicTask;
  #client: ReportClient | undefined;
  #opening: Promise<ReportClient> | undefined;
  #waitingBytes = 0;
  #needsBuild = false;
  /** The site for which each appliance reports. */
  #reporters = new Map<string, string>();
  #conditions = '';
  #restUntilMs = 0;
  #held: HeldChange | undefined;
  #storeProblem: string | undefined;

  constructor(options: ReportedRoutesOptions) {
    this.#options = options;
    this.#builds = new PeriodicTask(options.world, LOOK_EVERY_MS, () => this.#buildIfNeeded());
  }

  /** With reports of the last run the table stands when this resolves. @throws OperationalError STATE_IN_USE, VOLUME_IO */
  async start(): Promise<void> {
    if (existsSync(this.#options.file)) {
      await this.#open();
      this.#needsBuild = true;
      await this.#buildIfNeeded();
    }
    await this.#builds.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#builds.stop(deadlineMs);
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    await Promise.race([client.close(), this.#options.world.clock.delay(deadlineMs).then(() => client.kill())]);
  }

  /**
   * Takes a report as it came. @param senderId who signed it; undefined when nobody did
   * @throws OperationalError OVERLOADED when too much waits
   */
  async take(body: Uint8Array, senderId: string | undefined): Promise<TakeOutcome> {
    if (this.#waitingBytes + body.length > MAX_WAITING_BYTES)
      throw new OperationalError('OVERLOADED', 'more route reports wait than there is memory for');
    this.#waitingBytes += body.length;
    try {
      const client = await this.#open();
      const outcome = await client.ask({ kind: 'take', body, senderId });
      if (outcome.kind === 'taken') {
        this.#reporters.set(outcome.applianceId, outcome.siteId);
        this.#wantBuild();
      }
      return outcome;
    } finally {
      this.#waitingBytes -= body.length;
    }
  }

  /** An appliance is gone for good. @throws OperationalError VOLUME_IO, VOLUME_FULL */
  async forget(applianceId: string): Promise<void> {
    if (!this.#reporters.delete(applianceId)) return;
    await this.#client?.ask({ kind: 'forget', applianceId });
    this.#wantBuild();
  }

  /** What is held counts now. @returns whether anything was */
  async accept(): Promise<boolean> {
    if (this.#held === undefined) return false;
    await this.#client?.ask({ kind: 'accept' });
    this.#needsBuild = true;
    this.#restUntilMs = 0;
    await this.#buildIfNeeded();
    return true;
  }

  get held(): HeldChange | undefined {
    return this.#held;
  }

  async summaries(): Promise<readonly ReportSummary[]> {
    return (await this.#client?.ask({ kind: 'summaries' })) ?? [];
  }

  async find({ words }: IpAddress): Promise<readonly FoundRoute[]> {
    return (await this.#client?.ask({ kind: 'find', words })) ?? [];
  }

  async lint(fleet: LintFacts['fleet']): Promise<readonly Finding[]> {
    return (await this.#client?.ask({ kind: 'lint', fleet })) ?? [];
  }

  #open(): Promise<ReportClient> {
    this.#opening ??= this.#openNow();
    return this.#opening;
  }

  async #openNow(): Promise<ReportClient> {
    const { file, rules, maxRoutes, logger } = this.#options;
    const client = new ReportClient({ file, rules, maxRoutes });
    this.#client = client;
    const { reporters, problem } = await client.ask({ kind: 'open' });
    if (problem !== undefined) logger.error({ file, problem }, 'kept route reports are damaged: begun anew');
    if (reporters.size > 0) logger.info({ reports: reporters.size }, 'route reports of the last run');
    this.#reporters = new Map(reporters);
    return client;
  }

  #wantBuild(): void {
    this.#needsBuild = true;
    this.#builds.nudge();
  }

  /** Also when an appliance fell silent or was heard again, a site got another network, or what is held lasted. */
  async #buildIfNeeded(): Promise<number | undefined> {
    const { world, isSilent, networkOf } = this.#options;
    const silent = new Set([...this.#reporters.keys()].filter(isSilent));
    const sites = new Set(this.#reporters.values());
    const networks = new Map([...sites].flatMap((siteId) => pairOf(siteId, networkOf(siteId))));
    const conditions = JSON.stringify([[...silent], [...networks]]);
    const nowMs = world.clock.monotonicMs();
    const hasLasted = this.#held !== undefined && nowMs >= this.#held.untilMs;
    const client = this.#client;
    if (client === undefined || (!this.#needsBuild && conditions === this.#conditions && !hasLasted)) return undefined;
    if (nowMs < this.#restUntilMs) return this.#restUntilMs - nowMs;
    this.#needsBuild = false;
    this.#conditions = conditions;
    this.#take(await client.ask({ kind: 'build', nowMs, silent, networks }));
    const doneMs = world.clock.monotonicMs();
    // Reports may come all the time: putting them together takes half of one core at most.
    this.#restUntilMs = doneMs + (doneMs - nowMs);
    return undefined;
  }

  #take({ table, held, leaked, storeProblem }: BuildOutcome): void {
    const { logger, onTable, onState } = this.#options;
    if (table !== undefined) onTable(new PrefixTable(table));
    this.#noteHeld(held);
    if (storeProblem !== undefined && this.#storeProblem === undefined)
      logger.error({ problem: storeProblem }, 'route reports cannot be kept for a restart');
    this.#storeProblem = storeProblem;
    onState({ held: held?.applianceIds.length ?? 0, leaked });
  }

  #noteHeld(held: HeldChange | undefined): void {
    const { logger } = this.#options;
    if (held !== undefined && this.#held?.sinceMs !== held.sinceMs) {
      const { because, applianceIds } = held;
      logger.error(
        { because, appliances: applianceIds.slice(0, 20), count: applianceIds.length },
        "a mass change of routes is held: what stood counts until it has lasted, or 'oca routes accept'",
      );
    }
    if (held === undefined && this.#held !== undefined) logger.info({}, 'no change of routes is held any more');
    this.#held = held;
  }
}

const pairOf = (siteId: string, network: string | undefined): Array<[string, string]> =>
  network === undefined ? [] : [[siteId, network]];
