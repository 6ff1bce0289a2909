import {
  type FillPlan,
  type FillPlanFile,
  type FillPlanSource,
  plannedBlocks,
} from '../../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../../src/contracts/fill-report.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/errors/error-codes.ts';
import type { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { BoundedMap } from '../../../src/memory/bounded-map.ts';
import { Alarm } from '../../../src/resilience/alarm.ts';
import { inTurns } from '../../../src/resilience/in-slices.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { World } from '../../../src/world/world.ts';
import { findMissing } from '../../report/holdings.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { BlockFiller, BlockFillResult } from '../block-filler.ts';
import { chooseSource, type LearnedOfSource, type SourceChoice } from '../choose-source.ts';
import type { FillHours } from '../pace/fill-hours.ts';
import { FillPace } from '../pace/fill-pace.ts';
import type { LinkUse } from '../pace/link-use.ts';
import { MeasuredRate } from '../pace/measured-rate.ts';
import type { SourceBans } from '../sources/source-bans.ts';
import { FillShift } from './fill-shift.ts';
import type { GoneFiles } from './gone-files.ts';
import type { HeldPlan } from './held-plan.ts';
import { SourceMemory } from './source-memory.ts';

/**
 * Fills what the plan names and the store lacks, whenever a window is open (pace/fill-hours.ts), within its rate in
 * every second (pace/rate-ledger.ts).
 *
 * What is missing is asked of the store, never remembered: after a crash, an eviction or a rotten block the next look
 * finds the gap. One look begins a shift (fill-shift.ts), which works until nothing is left, the window closes or the
 * plan changes.
 *
 * A plan may have a million files, so whatever goes through all of it (what went from the plan, what the store is to keep,
 * what is missing) is done a few milliseconds at a time, in this one loop, and a plan that comes meanwhile begins anew.
 */
export interface PlannedFillOptions {
  readonly applianceId: string;
  readonly held: HeldPlan;
  readonly hours: FillHours;
  readonly gone: GoneFiles;
  readonly store: ObjectStore;
  readonly filler: BlockFiller;
  readonly bans: Pick<SourceBans, 'untilMs'>;
  readonly linkUse: Pick<LinkUse, 'fillBytes'>;
  readonly world: World;
  readonly logger: Logger;
  /** How much of its rate it may use now, 0 to 1: what viewers leave over (bulk-share.ts). */
  readonly bulkShare: () => number;
  /** Whom to ask for a file, where that is not only those that the plan names for it. */
  readonly sourcesOf?: (file: FillPlanFile) => readonly FillPlanSource[];
  readonly onFilled: (kind: FillPlanSource['kind'], bytes: number) => void;
  readonly onFailed: (code: ErrorCode) => void;
  /** Something that a fill report tells has changed. */
  readonly onProgress: () => void;
}

export type FillState = FillReport['state'];

const LOOK_AGAIN_MS = 30_000;
/** One or two milliseconds. */
const FILES_PER_TURN = 2000;
const NOTHING_CAME_MS = 1000;
/** Our own disk or limits said no: asking on would only fail on. */
const OWN_FAILURE_PAUSE_MS = 10_000;
const MAX_FAILURES_TOLD = 32;
const NOTHING = { peer: 0, tier: 0, origin: 0 };

export class PlannedFill implements Service {
  readonly #options: PlannedFillOptions;
  readonly #alarm: Alarm;
  readonly #pace: FillPace;
  readonly #ended = new AbortController();
  readonly #failures = new BoundedMap<string, FillReport['failures'][number]>(MAX_FAILURES_TOLD);
  readonly #rate: MeasuredRate;
  #memory: SourceMemory;
  #loop: Promise<void> = Promise.resolve();
  #state: FillState = 'waiting';
  #plan: FillPlan | undefined;
  /** The one that the store keeps places for. */
  #pinnedPlan: FillPlan | undefined;
  #shift: FillShift | undefined;
  #pausedUntilMs = 0;
  /** On the monotonic clock. */
  #takenAtMs: number;
  #filledBytes: FillReport['filledBytes'] = { ...NOTHING };

  constructor(options: PlannedFillOptions) {
    const { clock } = options.world;
    this.#options = options;
    this.#alarm = new Alarm(clock);
    this.#pace = new FillPace({ clock, linkUse: options.linkUse });
    this.#takenAtMs = clock.monotonicMs();
    this.#rate = new MeasuredRate(this.#takenAtMs);
    this.#memory = new SourceMemory(options.world);
    options.held.onChange(() => this.#planChanged());
    options.hours.onChange(() => this.#hoursChanged());
  }

  start(): Promise<void> {
    this.#planChanged();
    this.#loop = this.#run(this.#ended.signal);
    return Promise.resolve();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#ended.abort(new Error('stopped'));
    this.#shift?.end(this.#ended.signal.reason);
    await Promise.race([this.#loop, this.#options.world.clock.delay(deadlineMs)]);
  }

  get state(): FillState {
    return this.#state;
  }

  /** Bytes fetched for the plan in force since this process took it. */
  get filledBytes(): FillReport['filledBytes'] {
    return this.#filledBytes;
  }

  /** What came of late, while it filled; undefined before that is known. */
  get bytesPerSec(): number | undefined {
    return this.#rate.bytesPerSec(this.#options.world.clock.monotonicMs());
  }

  /** What the plan's caps leave for the site's link; Infinity without any. */
  get linkLeftBytes(): number {
    return this.#pace.linkLeftBytes();
  }

  /** Files that failed and are still missing, newest first. */
  failures(): FillReport['failures'] {
    return [...this.#failures.values()].reverse();
  }

  #planChanged(): void {
    const { held, world, onProgress } = this.#options;
    if (held.plan !== undefined && held.plan !== this.#plan) {
      // The planner may renew windows and sources without a new version: the work is the same then.
      if (held.plan.planVersion !== this.#plan?.planVersion) this.#filledBytes = { ...NOTHING };
      this.#plan = held.plan;
      this.#takenAtMs = world.clock.monotonicMs();
      this.#memory = new SourceMemory(world, this.#memory);
      this.#failures.clear();
      this.#shift?.supersede();
      onProgress();
      this.#alarm.ring();
    }
    // Thousands of manifests come one by one: to look through the plan at each would be all that is done.
    this.#shift?.ring();
  }

  /** Keeps a place for the plan's files, and for those that went from it lately: of heads for no more than the head. */
  *#pinning(files: ReadonlyMap<string, FillPlanFile>): Generator<number, void> {
    const { store, gone } = this.#options;
    const heads = new Map<string, number>();
    for (const file of files.values()) {
      if (file.headBytes !== undefined) heads.set(file.path, plannedBlocks(file));
      yield 1;
    }
    yield* store.pinning(yield* gone.pinned(), heads);
  }

  /** What is missing of the plan, once the store keeps places for it; undefined when another plan came meanwhile. */
  async #look(plan: FillPlan): Promise<FillPlanFile[] | undefined> {
    const { held, store, gone } = this.#options;
    const { files } = held;
    if (plan !== this.#pinnedPlan) {
      await inTurns(gone.planChanged(files), FILES_PER_TURN);
      await inTurns(this.#pinning(files), FILES_PER_TURN);
      this.#pinnedPlan = plan;
    }
    const missing = await inTurns(findMissing(plan, store), FILES_PER_TURN);
    if (gone.look(missing, store.usage())) await inTurns(this.#pinning(files), FILES_PER_TURN);
    return held.plan === plan ? missing : undefined;
  }

  #hoursChanged(): void {
    this.#shift?.look();
    this.#alarm.ring();
    this.#options.onProgress();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#alarm.wait(await this.#turn(), signal);
  }

  /** Looks at plan, store and clock, and works while there is something to do. @returns ms until the next look */
  async #turn(): Promise<number> {
    const { held, world, hours } = this.#options;
    if (held.plan === undefined) return LOOK_AGAIN_MS;
    const missing = await this.#look(held.plan);
    if (missing === undefined) return 0;
    const nowMs = world.clock.nowMs();
    const window = hours.open(nowMs);
    const urgent = missing.filter(({ priority }) => priority <= (window?.lastPriority ?? Number.POSITIVE_INFINITY));
    if (urgent.length === 0 || window === undefined) {
      this.#setState(missing.length === 0 ? 'complete' : 'waiting');
      return Math.min(LOOK_AGAIN_MS, hours.untilNextMs(nowMs) ?? LOOK_AGAIN_MS);
    }
    urgent.sort((a, b) => a.priority - b.priority);
    const shift = this.#shiftOf(window, urgent);
    this.#shift = shift;
    this.#setState('filling');
    try {
      return (await shift.work()) === 0 ? NOTHING_CAME_MS : 0;
    } finally {
      this.#shift = undefined;
    }
  }

  #shiftOf(window: ConstructorParameters<typeof FillShift>[0], missing: readonly FillPlanFile[]): FillShift {
    const { filler, bulkShare, held, hours, world, onProgress } = this.#options;
    const { clock } = world;
    return new FillShift(window, missing, {
      clock,
      filler,
      pace: this.#pace,
      bulkShare,
      openWindow: () => hours.open(clock.nowMs()),
      find: (path) => held.find(path),
      choose: (file, sinceStartSec, takenBytes) => this.#choose(file, sinceStartSec, takenBytes),
      asking: (sourceId) => this.#memory.asking(sourceId),
      pausedUntilMs: () => this.#pausedUntilMs,
      onFilling: () => this.#setState('filling'),
      onBlocked: () => this.#setState('blocked'),
      onBlock: (file, source, result) => this.#noteFilled(file, source, result),
      onFile: (file) => {
        this.#failures.delete(file.path);
        this.#memory.forgetFile(file.path);
        onProgress();
      },
      onFailed: (file, source, error) => this.#noteFailed(file, source, error),
    });
  }

  #choose(file: FillPlanFile, sinceWindowStartSec: number, takenBytes: number): SourceChoice {
    const { applianceId, world, sourcesOf } = this.#options;
    return chooseSource({
      askerId: applianceId,
      path: file.path,
      sources: sourcesOf?.(file) ?? file.sources,
      sinceWindowStartSec,
      silentSec: (sourceId) => Math.min(sinceWindowStartSec, this.#silentSec(sourceId)),
      mayAsk: (kind) => this.#pace.mayAsk(kind, takenBytes),
      learned: (sourceId) => this.#learned(file.path, sourceId),
      nowMs: world.clock.monotonicMs(),
    });
  }

  /** A source says that it holds more than before. */
  gotOn(sourceId: string): void {
    this.#memory.saidToGetOn(sourceId);
    this.#shift?.ring();
  }

  #silentSec(sourceId: string): number {
    const sinceMs = Math.max(this.#takenAtMs, this.#memory.gotOnAtMs(sourceId) ?? 0);
    return (this.#options.world.clock.monotonicMs() - sinceMs) / 1000;
  }

  #learned(path: string, sourceId: string): LearnedOfSource | undefined {
    const { bans, world } = this.#options;
    const learned = this.#memory.learned(path, sourceId);
    const bannedUntilMs = bans.untilMs(sourceId);
    if (bannedUntilMs === undefined) return learned;
    // A ban is kept in times of the wall clock.
    const setAsideUntilMs = world.clock.monotonicMs() + bannedUntilMs - world.clock.nowMs();
    return { asked: learned?.asked ?? 0, setAsideUntilMs };
  }

  #noteFilled(file: FillPlanFile, source: FillPlanSource, { kind, bytes }: BlockFillResult): void {
    if (kind !== undefined) {
      this.#memory.succeeded(file.path, source.id);
      this.#filledBytes[kind] += bytes;
      this.#rate.came(bytes, this.#options.world.clock.monotonicMs());
      this.#options.onFilled(kind, bytes);
    }
    this.#options.onProgress();
  }

  /** @param source undefined when it failed before one was asked */
  #noteFailed(file: FillPlanFile, source: FillPlanSource | undefined, error: OperationalError): void {
    const { world, logger, onFailed, onProgress } = this.#options;
    const { code } = error;
    const isOwn = source === undefined || ERROR_CODES[code].source === 'self';
    if (isOwn) this.#pausedUntilMs = world.clock.monotonicMs() + OWN_FAILURE_PAUSE_MS;
    else this.#memory.failed(file.path, source.id, code);
    onFailed(code);
    const where = source?.id ?? this.#options.applianceId;
    logger.debug({ path: file.path, source: where, error }, 'a planned block did not come');
    this.#failures.set(file.path, { path: file.path, code, detail: `${where}: ${error.detail}`.slice(0, 300) });
    onProgress();
  }

  #setState(state: FillState): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'filling') this.#rate.begins(this.#options.world.clock.monotonicMs());
    else this.#rate.ends(this.#options.world.clock.monotonicMs());
    this.#options.logger.info({ state, planVersion: this.#plan?.planVersion }, `planned fill: ${state}`);
    this.#options.onProgress();
  }
}
