import type { OperationalError } from '../../../src/errors/operational-error.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { VolumeState } from '../object-store.ts';
import { errnoOf } from './data-file.ts';

/** So many operations in a row must fail before a disk counts as failing: one bad sector is no bad disk. */
const FAILURES_IN_A_ROW = 3;

/**
 * What a volume can still do, judged by what its operations met.
 *
 * | trouble | state | reads | writes | ends |
 * | --- | --- | --- | --- | --- |
 * | no-room: everything left is in use | full | go on | are tried | with the first that succeeds |
 * | disk-full: the file system has no space | full | go on | refused | when a probe succeeds |
 * | read-only | full | go on | refused | when a probe succeeds |
 * | failing: errors in a row, or it never opened | failing | refused | refused | when a probe succeeds |
 *
 * Writes to a full disk are refused unseen, because each try would evict something that still serves, and whoever else
 * fills the disk would take that room too.
 */
export class VolumeHealth {
  readonly #logger: Logger;
  #trouble: Trouble | undefined;
  #failuresInARow = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get state(): VolumeState['state'] {
    if (this.#trouble === undefined) return 'online';
    return this.#trouble.kind === 'failing' ? 'failing' : 'full';
  }

  /** Whether only a probe can tell that the trouble is over. */
  get needsProbe(): boolean {
    return this.#trouble !== undefined && this.#trouble.kind !== 'no-room';
  }

  /** Why a write is not to be tried; undefined when it is. */
  get writeRefusal(): OperationalError | undefined {
    return this.needsProbe ? this.#trouble?.error : undefined;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
  }

  /** Everything that is reserved has room. */
  foundRoom(): void {
    if (this.#trouble?.kind === 'no-room') this.#set(undefined);
  }

  foundNoRoom(error: OperationalError): void {
    if (this.#trouble === undefined) this.#set({ kind: 'no-room', error });
  }

  /** An operation failed, after whatever was tried to save it. */
  failed(error: OperationalError): void {
    if (error.code === 'OVERLOADED') return;
    if (this.#trouble?.kind === 'failing') return;
    if (error.code === 'VOLUME_FULL') this.#set({ kind: 'disk-full', error });
    else if (isReadOnly(error)) this.#set({ kind: 'read-only', error });
    else {
      this.#failuresInARow += 1;
      if (this.#failuresInARow >= FAILURES_IN_A_ROW) this.#set({ kind: 'failing', error });
    }
  }

  /** It cannot be used at all. */
  broke(error: OperationalError): void {
    this.#set({ kind: 'failing', error });
  }

  /** A probe wrote and removed a block. */
  recovered(): void {
    this.#failuresInARow = 0;
    this.#set(undefined);
  }

  #set(trouble: Trouble | undefined): void {
    const before = this.#trouble?.kind;
    this.#trouble = trouble;
    if (before === trouble?.kind) return;
    if (trouble === undefined) this.#logger.info({ was: before }, 'volume works again');
    else this.#logger.warn({ trouble: trouble.kind, error: trouble.error }, 'volume is in trouble');
  }
}

interface Trouble {
  readonly kind: 'no-room' | 'disk-full' | 'read-only' | 'failing';
  readonly error: OperationalError;
}

/** SQLite reports it in its own words, and the index thread hands on words alone. */
const isReadOnly = (error: OperationalError): boolean =>
  errnoOf(error) === 'EROFS' || /EROFS|readonly database/.test(error.detail);
