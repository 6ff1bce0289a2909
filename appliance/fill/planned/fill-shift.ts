import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import {
  type FillPlanFile,
  type FillPlanSource,
  type FillWindow,
  plannedBlocks,
} from '../../../src/contracts/fill-plan.ts';
import type { ErrorCode } from '../../../src/errors/error-codes.ts';
import { isOperational, type OperationalError } from '../../../src/errors/operational-error.ts';
import { Alarm } from '../../../src/resilience/alarm.ts';
import type { Clock, Timer } from '../../../src/world/world.ts';
import type { StoredObject } from '../../store/object-store.ts';
import type { BlockFiller, BlockFillResult, PlannedFile } from '../block-filler.ts';
import type { SourceChoice } from '../choose-source.ts';
import type { FillPace, Lane } from '../pace/fill-pace.ts';
import { nextChangeMs } from '../pace/fill-window.ts';
import type { RateEntry } from '../pace/rate-ledger.ts';

/**
 * Work in one open window, on what was missing at one look: a few blocks at a time, the most urgent file's first, each
 * from the source that is asked least of those that may be asked now. Blocks are the unit, not files: one large file
 * comes from several sources side by side, and is whole as soon as it can be.
 *
 * The window is looked at again before every block, every second and at every change of plan or order, because it is a
 * promise about the wall clock, which jumps; when it is over, what is in flight is aborted. A file that no source gives
 * now is put off while others go on, so that one absent peer holds nobody up. When viewers need disks or links, the rate
 * goes down to nothing within a second: blocks in hand are finished, none begun.
 */
export interface FillShiftOptions {
  readonly clock: Clock;
  readonly filler: BlockFiller;
  readonly pace: FillPace;
  /** How much of its rate it may use now, 0 to 1. */
  readonly bulkShare: () => number;
  /** The window that is open now. */
  readonly openWindow: () => FillWindow | undefined;
  readonly find: (path: string) => PlannedFile | undefined;
  readonly choose: (file: FillPlanFile, sinceStartSec: number, takenBytes: number) => SourceChoice;
  readonly asking: (sourceId: string) => () => void;
  /** On the monotonic clock: our own disk said no, and nothing is asked before. */
  readonly pausedUntilMs: () => number;
  readonly onFilling: () => void;
  readonly onBlocked: () => void;
  readonly onBlock: (file: FillPlanFile, source: FillPlanSource, result: BlockFillResult) => void;
  readonly onFile: (file: FillPlanFile) => void;
  readonly onFailed: (file: FillPlanFile, source: FillPlanSource | undefined, error: OperationalError) => void;
}

interface Task {
  readonly file: FillPlanFile;
  readonly blocks: number;
  /** No block before it is missing. */
  next: number;
  readonly inHand: Set<number>;
  /** On the monotonic clock: no source gives it before, as far as was known. */
  putOffUntilMs: number;
  /** It only waits for the time at which the plan lets it ask somebody. */
  waitsForLeave: boolean;
}

interface Job {
  readonly kind: 'block';
  readonly task: Task;
  readonly planned: PlannedFile;
  readonly object: StoredObject;
  readonly blockIndex: number;
  readonly lane: Lane;
}
type Pick = Job | { readonly kind: 'none'; readonly forMs: number; readonly isStuck: boolean };

const WATCH_WINDOW_MS = 1000;
const LOOK_AGAIN_MS = 30_000;
const YIELD_MS = 100;
/** A look at a file costs microseconds, and there may be a million. */
const MOST_LOOKED_AT = 1000;
/** A source may be back sooner than was thought. */
const PUT_OFF_AT_MOST_MS = 5000;
const NO_MANIFEST_MS = 1000;
/** Failures before any byte of content came. */
const COSTS_NOTHING: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_LACKS',
  'SOURCE_UNREACHABLE',
  'SOURCE_STATUS',
  'OVERLOADED',
  'VOLUME_FULL',
]);

export class FillShift {
  readonly #options: FillShiftOptions;
  readonly #ended = new AbortController();
  /** Rings when there may be something to ask for that there was not before. */
  readonly #alarm: Alarm;
  readonly #tasks: Set<Task>;
  readonly #lookAgainAtMs: number;
  #window: FillWindow;
  #watch: Timer | undefined;
  readonly #inHand = { link: 0, peers: 0 };
  #filledBlocks = 0;
  #isSuperseded = false;

  /** @param missing the files to fill, the most urgent first */
  constructor(window: FillWindow, missing: readonly FillPlanFile[], options: FillShiftOptions) {
    this.#options = options;
    this.#window = window;
    this.#alarm = new Alarm(options.clock);
    this.#lookAgainAtMs = options.clock.monotonicMs() + LOOK_AGAIN_MS;
    this.#tasks = new Set(missing.map(taskOf));
  }

  /** Works until nothing is left, the window closes, or it is time to look at the store again. @returns blocks that came */
  async work(): Promise<number> {
    this.look();
    try {
      const { pace } = this.#options;
      const workers = pace.atOnce('link') + (this.#window.peerBitsPerSec === undefined ? 0 : pace.atOnce('peers'));
      await Promise.all(Array.from({ length: workers }, () => this.#fillBlocks()));
    } finally {
      this.#watch?.cancel();
    }
    return this.#filledBlocks;
  }

  /** Ends it now: what is in flight is aborted. */
  end(reason: unknown): void {
    this.#ended.abort(reason);
  }

  /** The plan has changed: blocks in hand are finished, nothing new is begun. */
  supersede(): void {
    this.#isSuperseded = true;
    this.look();
  }

  /** There may be more to ask for than there was: a manifest came. */
  ring(): void {
    this.#alarm.ring();
  }

  /** Looks whether the window is open still. */
  look(): void {
    this.#watch?.cancel();
    const window = this.#options.openWindow();
    if (window === undefined) {
      this.#ended.abort(new Error('the fill window is over'));
      return;
    }
    if (this.#ended.signal.aborted) return;
    this.#window = window;
    this.#pace();
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const untilChangeMs = Math.max(1, nextChangeMs(window, nowMs) - nowMs);
    this.#watch = clock.setTimer(Math.min(WATCH_WINDOW_MS, untilChangeMs), () => this.look());
  }

  /** One of a few who take block after block, until the shift has nothing more for them. */
  async #fillBlocks(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted && !this.#isSuperseded && this.#tasks.size > 0) {
      const pick = this.#pick();
      if (pick.kind === 'block') {
        await this.#fill(pick);
        continue;
      }
      if (this.#tasks.size === 0) return;
      if (this.#inHand.link + this.#inHand.peers === 0) {
        if (pick.isStuck) this.#options.onBlocked();
        if (this.#options.clock.monotonicMs() >= this.#lookAgainAtMs) return;
      }
      await this.#alarm.wait(Math.min(pick.forMs, WATCH_WINDOW_MS), signal);
    }
  }

  #pick(): Pick {
    const { clock, find, pausedUntilMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const pausedMs = pausedUntilMs() - nowMs;
    if (pausedMs > 0) return { kind: 'none', forMs: pausedMs, isStuck: true };
    let forMs = Number.POSITIVE_INFINITY;
    let isStuck = true;
    let looked = 0;
    for (const task of this.#tasks) {
      if (!this.#isUrgent(task)) continue;
      if (task.putOffUntilMs <= nowMs) {
        looked += 1;
        if (looked > MOST_LOOKED_AT) return { kind: 'none', forMs: YIELD_MS, isStuck: false };
        const planned = find(task.file.path);
        if (planned === undefined) {
          // Its manifest may not come for hours, and a thousand of them must not stand before all others.
          task.putOffUntilMs = nowMs + NO_MANIFEST_MS;
          forMs = Math.min(forMs, NO_MANIFEST_MS);
          continue;
        }
        const choice = this.#choose(task, 0);
        if (choice.kind === 'ask') {
          const lane = this.#options.pace.laneOf(choice.source.kind);
          // Those who wait for the link must not keep others from what is to be had beside it.
          if (this.#inHand[lane] >= this.#options.pace.atOnce(lane)) {
            isStuck = false;
            continue;
          }
          const job = this.#nextBlock(task, planned, lane);
          if (job !== undefined) return job;
          if (task.inHand.size > 0) isStuck = false;
          continue;
        }
        task.putOffUntilMs = nowMs + Math.min(choice.forMs, PUT_OFF_AT_MOST_MS);
      }
      forMs = Math.min(forMs, task.putOffUntilMs - nowMs);
      isStuck &&= !task.waitsForLeave;
    }
    return { kind: 'none', forMs, isStuck };
  }

  /** The first block of the file that is neither held nor in hand. Of a file that has none left it is the end. */
  #nextBlock(task: Task, planned: PlannedFile, lane: Lane): Job | undefined {
    const object = this.#options.filler.openPlanned(planned);
    if (this.#isDone(task, object)) {
      object[Symbol.dispose]();
      return undefined;
    }
    for (let index = task.next; index < task.blocks; index += 1) {
      if (!task.inHand.has(index) && !object.holds(index)) {
        return { kind: 'block', task, planned, object, blockIndex: index, lane };
      }
    }
    object[Symbol.dispose]();
    return undefined;
  }

  #isDone(task: Task, object: StoredObject): boolean {
    while (task.next < task.blocks && object.holds(task.next)) task.next += 1;
    if (task.next < task.blocks || task.inHand.size > 0) return false;
    if (this.#tasks.delete(task)) this.#options.onFile(task.file);
    this.#alarm.ring();
    return true;
  }

  #choose(task: Task, takenBytes: number): SourceChoice {
    const { file } = task;
    const sinceStartSec = (this.#options.clock.nowMs() - this.#window.startsAtMs) / 1000;
    task.waitsForLeave = file.sources.some(
      ({ afterSec, afterSilenceSec }) => afterSilenceSec !== undefined || afterSec > sinceStartSec,
    );
    return this.#options.choose(file, sinceStartSec, takenBytes);
  }

  async #fill(job: Job): Promise<void> {
    const { task, blockIndex, lane } = job;
    task.inHand.add(blockIndex);
    this.#inHand[lane] += 1;
    this.#options.onFilling();
    try {
      await this.#fillBlock(job);
    } catch (error) {
      if (!this.#ended.signal.aborted && !isOperational(error)) throw error;
      if (!this.#ended.signal.aborted && isOperational(error)) this.#options.onFailed(task.file, undefined, error);
    } finally {
      task.inHand.delete(blockIndex);
      this.#inHand[lane] -= 1;
      this.#isDone(task, job.object);
      job.object[Symbol.dispose]();
      this.#alarm.ring();
    }
  }

  /** Waits for viewers and for the rate, then asks one source for the block. */
  async #fillBlock({ task, planned, object, blockIndex, lane }: Job): Promise<void> {
    const { filler, pace, asking, bulkShare, onBlock, onFailed } = this.#options;
    const { signal } = this.#ended;
    const { file } = task;
    const blockBytes = Math.min(BLOCK_BYTES, file.sizeBytes - blockIndex * BLOCK_BYTES);
    const leave = await this.#leaveFor(lane, blockBytes);
    if (leave === undefined) return;
    // The wait for the rate may have outlasted the window, and the best source may be another one by now.
    this.look();
    const choice = this.#choose(task, lane === 'link' ? BLOCK_BYTES : 0);
    if (
      signal.aborted ||
      bulkShare() === 0 ||
      choice.kind === 'wait' ||
      this.#options.pausedUntilMs() > this.#options.clock.monotonicMs() ||
      pace.laneOf(choice.source.kind) !== lane ||
      !this.#isUrgent(task)
    ) {
      leave.end(0);
      return;
    }
    const answered = asking(choice.source.id);
    try {
      const result = await filler.fillPlannedBlock(object, planned, blockIndex, [choice.source], signal);
      this.#filledBlocks += 1;
      leave.end(result.bytes);
      onBlock(file, choice.source, result);
    } catch (error) {
      leave.end(isOperational(error) && COSTS_NOTHING.has(error.code) ? 0 : blockBytes);
      if (signal.aborted || !isOperational(error)) throw error;
      onFailed(file, choice.source, error);
    } finally {
      answered();
    }
  }

  async #leaveFor(lane: Lane, blockBytes: number): Promise<RateEntry | undefined> {
    const { clock, pace, bulkShare } = this.#options;
    const { signal } = this.#ended;
    while (bulkShare() === 0 && !this.#isSuperseded) await clock.delay(YIELD_MS, signal);
    if (this.#isSuperseded) return undefined;
    this.#pace();
    const leave = await pace.take(lane, blockBytes, signal);
    if (!this.#isSuperseded) return leave;
    leave.end(0);
    return undefined;
  }

  #pace(): void {
    this.#options.pace.follow(this.#window, this.#options.bulkShare());
  }

  /** Whether the window is for such files. */
  #isUrgent({ file }: Task): boolean {
    return file.priority <= (this.#window.lastPriority ?? Number.POSITIVE_INFINITY);
  }
}

const taskOf = (file: FillPlanFile): Task => ({
  file,
  blocks: plannedBlocks(file),
  next: 0,
  inHand: new Set(),
  putOffUntilMs: 0,
  waitsForLeave: false,
});
