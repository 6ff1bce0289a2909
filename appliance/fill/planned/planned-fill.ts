import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import type { FillPlan, FillPlanFile, FillPlanSource, FillWindow } from '../../../src/contracts/fill-plan.ts';
import type { FillReport } from '../../../src/contracts/fill-report.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/errors/error-codes.ts';
import { isOperational, type OperationalError } from '../../../src/errors/operational-error.ts';
import type { Service } from '../../../src/lifecycle/service.ts';
import { BoundedMap } from '../../../src/memory/bounded-map.ts';
import { Alarm } from '../../../src/resilience/alarm.ts';
import { TokenBucket } from '../../../src/resilience/token-bucket.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Timer, World } from '../../../src/world/world.ts';
import { missingFiles } from '../../report/holdings.ts';
import type { ObjectStore, StoredObject } from '../../store/object-store.ts';
import type { BlockFiller, BlockFillResult, PlannedFile } from '../block-filler.ts';
import { chooseSource, type SourceChoice } from '../choose-source.ts';
import { openWindow, untilNextWindowMs } from './fill-window.ts';
import type { HeldPlan } from './held-plan.ts';
import { SourceMemory } from './source-memory.ts';

/**
 * Fills what the plan names and the store lacks: inside the plan's windows, within their rate, by priority, block by
 * block, a few files at a time.
 *
 * What is missing is asked of the store, never remembered: after a crash, an eviction or a rotten block the next look
 * finds the gap. A window is looked at again before every block, every second and at every change of the plan, because
 * it is a promise about the wall clock, which jumps, and because a new plan may cut it; when it is over, what is in
 * flight is aborted. A file that no source gives now is put off while others go on, so that one absent peer holds nobody
 * up. Bytes are paid for before they are asked for, so the rate is never exceeded; what did not come is paid back. When
 * viewers need disks or links, the rate goes down to nothing within a second: blocks in hand are finished, none begun.
 */
export interface PlannedFillOptions {
  readonly applianceId: string;
  readonly held: HeldPlan;
  readonly store: ObjectStore;
  readonly filler: BlockFiller;
  readonly world: World;
  readonly logger: Logger;
  /** How much of its rate it may use now, 0 to 1: what viewers leave over (bulk-share.ts). */
  readonly bulkShare: () => number;
  readonly onFilled: (kind: FillPlanSource['kind'], bytes: number) => void;
  readonly onFailed: (code: ErrorCode) => void;
  /** Something that a fill report tells has changed. */
  readonly onProgress: () => void;
}

export type FillState = FillReport['state'];

const FILES_AT_ONCE = 2;
const LOOK_AGAIN_MS = 30_000;
const WATCH_WINDOW_MS = 1000;
const YIELD_MS = 100;
/** Our own disk or limits said no: asking on would only fail on. */
const OWN_FAILURE_PAUSE_MS = 10_000;
const MAX_FAILURES_TOLD = 32;
/** Failures before any byte of content came. */
const COSTS_NOTHING: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_LACKS',
  'SOURCE_UNREACHABLE',
  'SOURCE_STATUS',
  'OVERLOADED',
  'VOLUME_FULL',
]);

/** Work in one open window, on what was missing at one look. */
interface Shift {
  window: FillWindow;
  watch: Timer | undefined;
  readonly ended: AbortController;
  readonly missing: Map<string, FillPlanFile>;
  readonly inHand: Set<string>;
  readonly lookAgainAtMs: number;
  /** Rings when there may be something to ask for that there was not before. */
  readonly alarm: Alarm;
  filledBlocks: number;
  /** Set when the plan changed: the block in hand is finished, nothing new is begun. */
  isSuperseded: boolean;
}

type Pick =
  | { readonly kind: 'file'; readonly file: FillPlanFile; readonly planned: PlannedFile }
  /** Nothing may be asked for now. Stuck: no file has a source left that it only has to wait for. */
  | { readonly kind: 'none'; readonly forMs: number; readonly isStuck: boolean };

export class PlannedFill implements Service {
  readonly #options: PlannedFillOptions;
  readonly #alarm: Alarm;
  readonly #bucket: TokenBucket;
  readonly #ended = new AbortController();
  readonly #failures = new BoundedMap<string, FillReport['failures'][number]>(MAX_FAILURES_TOLD);
  #memory: SourceMemory;
  #loop: Promise<void> = Promise.resolve();
  #state: FillState = 'waiting';
  #plan: FillPlan | undefined;
  #shift: Shift | undefined;
  #pausedUntilMs = 0;
  #filledBytes = { peer: 0, tier: 0, origin: 0 };

  constructor(options: PlannedFillOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.world.clock);
    this.#bucket = new TokenBucket(options.world.clock, 1);
    this.#memory = new SourceMemory(options.world);
    options.held.onChange(() => this.#planChanged());
  }

  start(): Promise<void> {
    this.#planChanged();
    this.#loop = this.#run(this.#ended.signal);
    return Promise.resolve();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#ended.abort(new Error('stopped'));
    this.#shift?.ended.abort(this.#ended.signal.reason);
    await Promise.race([this.#loop, this.#options.world.clock.delay(deadlineMs)]);
  }

  get state(): FillState {
    return this.#state;
  }

  /** Bytes fetched for the plan in force since this process took it. */
  get filledBytes(): FillReport['filledBytes'] {
    return this.#filledBytes;
  }

  /** Files that failed and are still missing, newest first. */
  failures(): FillReport['failures'] {
    return [...this.#failures.values()].reverse();
  }

  #planChanged(): void {
    const { held, store, world, onProgress } = this.#options;
    if (held.plan !== undefined && held.plan !== this.#plan) {
      // The planner may renew windows and sources without a new version: the work is the same then.
      if (held.plan.planVersion !== this.#plan?.planVersion) this.#filledBytes = { peer: 0, tier: 0, origin: 0 };
      this.#plan = held.plan;
      this.#memory = new SourceMemory(world);
      this.#failures.clear();
      store.pin(new Set(held.files.keys()));
      if (this.#shift !== undefined) {
        this.#shift.isSuperseded = true;
        this.#watchWindow(this.#shift);
      }
      onProgress();
    }
    this.#alarm.ring();
    this.#shift?.alarm.ring();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#alarm.wait(await this.#turn(), signal);
  }

  /** Looks at plan, store and clock, and works while there is something to do. @returns ms until the next look */
  async #turn(): Promise<number> {
    const { held, store, world } = this.#options;
    if (held.plan === undefined) return LOOK_AGAIN_MS;
    const nowMs = world.clock.nowMs();
    const window = openWindow(held.plan.windows, nowMs);
    const missing = missingFiles(held.plan, store);
    if (missing.length === 0 || window === undefined) {
      this.#setState(missing.length === 0 ? 'complete' : 'waiting');
      return Math.min(LOOK_AGAIN_MS, untilNextWindowMs(held.plan.windows, nowMs) ?? LOOK_AGAIN_MS);
    }
    const filledBlocks = await this.#work(window, missing);
    return filledBlocks === 0 ? WATCH_WINDOW_MS : 0;
  }

  /** @returns how many blocks came */
  async #work(window: FillWindow, missing: FillPlanFile[]): Promise<number> {
    missing.sort((a, b) => a.priority - b.priority);
    const shift: Shift = {
      window,
      watch: undefined,
      ended: new AbortController(),
      missing: new Map(missing.map((file) => [file.path, file])),
      inHand: new Set(),
      lookAgainAtMs: this.#options.world.clock.monotonicMs() + LOOK_AGAIN_MS,
      alarm: new Alarm(this.#options.world.clock),
      filledBlocks: 0,
      isSuperseded: false,
    };
    this.#shift = shift;
    this.#setState('filling');
    this.#watchWindow(shift);
    try {
      await Promise.all(Array.from({ length: FILES_AT_ONCE }, () => this.#fillFiles(shift)));
    } finally {
      shift.watch?.cancel();
      this.#shift = undefined;
    }
    return shift.filledBlocks;
  }

  #watchWindow(shift: Shift): void {
    shift.watch?.cancel();
    const { held, world } = this.#options;
    const nowMs = world.clock.nowMs();
    const window = openWindow(held.plan?.windows ?? [], nowMs);
    if (window === undefined) {
      shift.ended.abort(new Error('the fill window is over'));
      return;
    }
    shift.window = window;
    this.#pace(window);
    const nextLookMs = Math.min(WATCH_WINDOW_MS, window.endsAtMs - nowMs);
    shift.watch = world.clock.setTimer(nextLookMs, () => this.#watchWindow(shift));
  }

  /** One of a few who take file after file, until the shift has nothing more for them. */
  async #fillFiles(shift: Shift): Promise<void> {
    const { signal } = shift.ended;
    while (!signal.aborted && !shift.isSuperseded && shift.missing.size > 0) {
      const pick = this.#pick(shift);
      if (pick.kind === 'file') {
        shift.inHand.add(pick.file.path);
        this.#setState('filling');
        try {
          await this.#fillFile(shift, pick.file, pick.planned);
        } catch (error) {
          if (!signal.aborted && !isOperational(error)) throw error;
          if (!signal.aborted && isOperational(error)) this.#noteFailed(pick.file, undefined, error);
        } finally {
          shift.inHand.delete(pick.file.path);
          shift.alarm.ring();
        }
      } else {
        if (shift.inHand.size === 0) {
          if (pick.isStuck) this.#setState('blocked');
          if (this.#options.world.clock.monotonicMs() >= shift.lookAgainAtMs) return;
        }
        await shift.alarm.wait(Math.min(pick.forMs, WATCH_WINDOW_MS), signal);
      }
    }
  }

  #pick(shift: Shift): Pick {
    const { held, world } = this.#options;
    const pausedMs = this.#pausedUntilMs - world.clock.monotonicMs();
    if (pausedMs > 0) return { kind: 'none', forMs: pausedMs, isStuck: true };
    let forMs = Number.POSITIVE_INFINITY;
    let isStuck = true;
    for (const file of shift.missing.values()) {
      if (shift.inHand.has(file.path)) continue;
      const choice = this.#choose(shift, file);
      if (choice.kind === 'wait') {
        forMs = Math.min(forMs, choice.forMs);
        isStuck &&= file.sources.every((source) => source.afterSec <= this.#sinceStartSec(shift));
        continue;
      }
      const planned = held.find(file.path);
      if (planned !== undefined) return { kind: 'file', file, planned };
    }
    return { kind: 'none', forMs, isStuck };
  }

  #choose(shift: Shift, file: FillPlanFile): SourceChoice {
    return chooseSource({
      askerId: this.#options.applianceId,
      path: file.path,
      sources: file.sources,
      sinceWindowStartSec: this.#sinceStartSec(shift),
      learned: (sourceId) => this.#memory.learned(file.path, sourceId),
      nowMs: this.#options.world.clock.monotonicMs(),
    });
  }

  #sinceStartSec(shift: Shift): number {
    return (this.#options.world.clock.nowMs() - shift.window.startsAtMs) / 1000;
  }

  /** Fills a file's missing blocks in order, until it is whole or no source gives it now. */
  async #fillFile(shift: Shift, file: FillPlanFile, planned: PlannedFile): Promise<void> {
    using object = this.#options.filler.openPlanned(planned);
    for (let blockIndex = 0; blockIndex < object.blockCount; blockIndex += 1) {
      if (!object.holds(blockIndex) && !(await this.#fillBlock(shift, file, planned, object, blockIndex))) return;
    }
    shift.missing.delete(file.path);
    this.#failures.delete(file.path);
    this.#memory.forgetFile(file.path);
    this.#options.onProgress();
  }

  /** @returns false when the file has to wait: nobody to ask now, or the shift is over. */
  async #fillBlock(
    shift: Shift,
    file: FillPlanFile,
    planned: PlannedFile,
    object: StoredObject,
    blockIndex: number,
  ): Promise<boolean> {
    const { filler, onProgress } = this.#options;
    const { signal } = shift.ended;
    const blockBytes = Math.min(BLOCK_BYTES, file.sizeBytes - blockIndex * BLOCK_BYTES);
    while (!signal.aborted && !shift.isSuperseded) {
      await this.#letViewersFirst(shift);
      await this.#bucket.take(blockBytes, signal);
      if (this.#options.bulkShare() === 0) {
        this.#bucket.giveBack(blockBytes);
        continue;
      }
      // The wait for the rate may have outlasted the window.
      this.#watchWindow(shift);
      const choice = this.#choose(shift, file);
      if (signal.aborted || choice.kind === 'wait') {
        this.#bucket.giveBack(blockBytes);
        return false;
      }
      const answered = this.#memory.asking(choice.source.id);
      try {
        const result = await filler.fillPlannedBlock(object, planned, blockIndex, [choice.source], signal);
        shift.filledBlocks += 1;
        this.#noteFilled(file, choice.source, result);
        if (result.bytes < blockBytes) this.#bucket.giveBack(blockBytes - result.bytes);
        onProgress();
        return true;
      } catch (error) {
        if (signal.aborted || !isOperational(error)) throw error;
        if (COSTS_NOTHING.has(error.code)) this.#bucket.giveBack(blockBytes);
        this.#noteFailed(file, choice.source, error);
        if (ERROR_CODES[error.code].source === 'self') return false;
      } finally {
        answered();
      }
    }
    return false;
  }

  async #letViewersFirst({ window, ended }: Shift): Promise<void> {
    const { world, bulkShare } = this.#options;
    while (bulkShare() === 0) await world.clock.delay(YIELD_MS, ended.signal);
    this.#pace(window);
  }

  /** A share of nothing keeps its rate: it begins no block anyway, and a rate of nothing would never look again. */
  #pace({ fillBitsPerSec }: FillWindow): void {
    const share = this.#options.bulkShare();
    this.#bucket.setRate((fillBitsPerSec / 8) * (share === 0 ? 1 : share));
  }

  #noteFilled(file: FillPlanFile, source: FillPlanSource, { kind, bytes }: BlockFillResult): void {
    if (kind === undefined) return;
    this.#memory.succeeded(file.path, source.id);
    this.#filledBytes[kind] += bytes;
    this.#options.onFilled(kind, bytes);
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
    this.#options.logger.info({ state, planVersion: this.#plan?.planVersion }, `planned fill: ${state}`);
    this.#options.onProgress();
  }
}
