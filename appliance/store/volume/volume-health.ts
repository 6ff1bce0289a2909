import type { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Clock } from '../../../src/world/world.ts';
import type { VolumeState } from '../object-store.ts';
import { judgeVolume, type VolumeBudgets, type VolumeFacts } from '../volumes/judge-volume.ts';
import { OperationWindow } from '../volumes/operation-window.ts';
import { errnoOf } from './data-file.ts';

/** Evidence older than this does not count. */
const WINDOW_MS = 60_000;
const DISTRUST_MS = 3_600_000;

/**
 * What a volume can still do.
 *
 * | state | reads | new objects | writes to what is there | ends |
 * | --- | --- | --- | --- | --- |
 * | online | yes | yes | yes | by verdict (judge-volume.ts) |
 * | suspect | yes | no | yes | when the window is calm, or fails |
 * | failing | who reads already, unless it hangs | no | no | offline, after the drain |
 * | offline | no | no | no | when it was opened again |
 *
 * Beside that a volume that is read may take no writes:
 *
 * | trouble | writes | ends |
 * | --- | --- | --- |
 * | no-room: everything left is in use | are tried | with the first that succeeds |
 * | disk-full: the file system has no space | refused | when a probe succeeds |
 * | read-only | refused | when a probe succeeds |
 *
 * Writes to a full disk are refused unseen, because each try would evict something that still serves, and whoever else
 * fills the disk would take that room too.
 */
export class VolumeHealth {
  readonly #options: VolumeHealthOptions;
  readonly #window = new OperationWindow(WINDOW_MS);
  readonly #running = new Set<{ readonly beganAtMs: number }>();
  #state: VolumeState['state'] = 'offline';
  #why = 'it was not opened yet';
  #sinceMs: number;
  #hangs = false;
  #trouble: Trouble | undefined;
  #errorsInARow = 0;
  #distrust: { readonly why: string; readonly endMs: number } | undefined;

  constructor(options: VolumeHealthOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.monotonicMs();
  }

  get state(): VolumeState['state'] {
    return this.#state;
  }

  /** In words; undefined when nothing is wrong. */
  get reason(): string | undefined {
    return this.#state === 'online' ? this.#trouble?.error.detail : this.#why;
  }

  get writes(): VolumeState['writes'] {
    if (this.#state === 'failing' || this.#state === 'offline') return 'refused';
    if (this.#trouble === undefined) return 'taken';
    return this.#trouble.kind === 'read-only' ? 'read-only' : 'full';
  }

  /** How long the state has been what it is. */
  get lastsMs(): number {
    return this.#options.clock.monotonicMs() - this.#sinceMs;
  }

  /** Whether who holds an object may read it. */
  get answersReads(): boolean {
    return this.#state !== 'offline' && !this.#hangs;
  }

  /** Whether objects can be found, to be read or filled. */
  get isFindable(): boolean {
    return this.#state === 'online' || this.#state === 'suspect';
  }

  /** Whether only a probe can tell that the trouble is over, or how it goes. */
  get needsProbe(): boolean {
    return this.#state === 'suspect' || (this.#trouble !== undefined && this.#trouble.kind !== 'no-room');
  }

  /** Why a write is not to be tried; undefined when it is. */
  get writeRefusal(): OperationalError | undefined {
    return this.#trouble === undefined || this.#trouble.kind === 'no-room' ? undefined : this.#trouble.error;
  }

  /** Operations that the kernel has, of this opening and of those before. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** Measures an operation of the disk from its beginning to its end, which may never come. */
  async observe<T>(kind: OperationKind, operation: () => Promise<T>): Promise<T> {
    const { clock, slowMs, onEnded } = this.#options;
    const running = { beganAtMs: clock.monotonicMs() };
    this.#running.add(running);
    let isError = false;
    try {
      return await operation();
    } catch (error) {
      isError = isOfDisk(error);
      throw error;
    } finally {
      this.#running.delete(running);
      const tookMs = clock.monotonicMs() - running.beganAtMs;
      onEnded(kind, tookMs, isError);
      this.#window.note(clock.monotonicMs(), { isError, isSlow: tookMs >= slowMs });
      // A scrub follows what is bad: its errors come in a row where viewers may read well.
      if (kind !== 'scrub') this.#errorsInARow = isError ? this.#errorsInARow + 1 : 0;
      if (isError) this.judge();
    }
  }

  /** Looks whether the state has changed; to be called now and then, because a disk that hangs says nothing. */
  judge(): void {
    if (this.#state !== 'online' && this.#state !== 'suspect') {
      this.#hangs &&= this.#state === 'failing';
      return;
    }
    const verdict = judgeVolume(this.#facts(), this.#options.budgets, this.#state === 'suspect');
    if (verdict.kind === 'sound') {
      const distrust = this.#distrust;
      if (distrust === undefined || this.#options.clock.monotonicMs() >= distrust.endMs) this.#enter('online', '');
      else this.#enter('suspect', distrust.why);
    } else {
      if (verdict.hangs) this.#hangs = true;
      this.#enter(verdict.kind, verdict.why);
    }
  }

  /** Everything that is reserved has room. */
  foundRoom(): void {
    if (this.#trouble?.kind === 'no-room') this.#setTrouble(undefined);
  }

  foundNoRoom(error: OperationalError): void {
    if (this.#trouble === undefined) this.#setTrouble({ kind: 'no-room', error });
  }

  /** A write failed, after whatever was tried to save it. */
  writeFailed(error: OperationalError): void {
    if (error.code === 'VOLUME_FULL') this.#setTrouble({ kind: 'disk-full', error });
    else if (isReadOnly(error)) this.#setTrouble({ kind: 'read-only', error });
  }

  /** For an hour it is suspect at best: it loses what it is given. */
  distrust(why: string): void {
    this.#distrust = { why, endMs: this.#options.clock.monotonicMs() + DISTRUST_MS };
    this.judge();
  }

  /** It is to be left, whatever its operations say. */
  broke(why: string): void {
    if (this.#state === 'online' || this.#state === 'suspect') this.#enter('failing', why);
  }

  /** Nothing is asked of it any more. */
  left(why: string): void {
    this.#hangs = false;
    this.#trouble = undefined;
    this.#enter('offline', why);
  }

  /** It was opened, and what was before counts no more. */
  opened(): void {
    this.#window.clear();
    this.#errorsInARow = 0;
    this.#hangs = false;
    this.#trouble = undefined;
    this.#enter('online', '');
  }

  /** A probe wrote and removed a block. */
  recovered(): void {
    this.#setTrouble(undefined);
    this.judge();
  }

  #facts(): VolumeFacts {
    const nowMs = this.#options.clock.monotonicMs();
    const { operations, errors, slow } = this.#window.total(nowMs);
    let longestRunningMs = 0;
    let slowRunning = 0;
    for (const { beganAtMs } of this.#running) {
      longestRunningMs = Math.max(longestRunningMs, nowMs - beganAtMs);
      if (nowMs - beganAtMs >= this.#options.slowMs) slowRunning += 1;
    }
    return {
      operations: operations + slowRunning,
      errors,
      slow: slow + slowRunning,
      errorsInARow: this.#errorsInARow,
      longestRunningMs,
    };
  }

  #enter(state: VolumeState['state'], why: string): void {
    const before = this.#state;
    this.#why = why;
    if (state === before) return;
    this.#state = state;
    this.#sinceMs = this.#options.clock.monotonicMs();
    if (state === 'online') this.#options.logger.info({ was: before }, 'volume is online');
    else this.#options.logger.warn({ state, was: before, why }, `volume is ${state}`);
  }

  #setTrouble(trouble: Trouble | undefined): void {
    const before = this.#trouble?.kind;
    this.#trouble = trouble;
    if (before === trouble?.kind) return;
    const { logger } = this.#options;
    if (trouble === undefined) logger.info({ was: before }, 'volume takes writes again');
    else
      logger.warn({ trouble: trouble.kind, error: trouble.error }, 'volume takes no writes: they are passed through');
  }
}

export type OperationKind = 'read' | 'write' | 'index' | 'probe' | 'scrub';

export interface VolumeHealthOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly budgets: VolumeBudgets;
  /** What takes longer is slow. */
  readonly slowMs: number;
  readonly onEnded: (kind: OperationKind, tookMs: number, isError: boolean) => void;
}

interface Trouble {
  readonly kind: 'no-room' | 'disk-full' | 'read-only';
  readonly error: OperationalError;
}

/** No room, a missing file and a disk that is read-only are no signs that it dies. */
function isOfDisk(error: unknown): boolean {
  const errno = errnoOf(error) ?? '';
  if (['ENOSPC', 'EDQUOT', 'ENOENT', 'EROFS'].includes(errno)) return false;
  if (!(error instanceof Error) || !('code' in error)) return true;
  return error.code !== 'VOLUME_FULL' && error.code !== 'OVERLOADED' && !/readonly database/.test(error.message);
}

/** SQLite reports it in its own words, and the index thread hands on words alone. */
const isReadOnly = (error: OperationalError): boolean =>
  errnoOf(error) === 'EROFS' || /EROFS|readonly database/.test(error.detail);
