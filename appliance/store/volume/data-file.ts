import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, OperationalError } from '../../../src/errors/operational-error.ts';

/**
 * The sparse file with the blocks of one generation, open from the first use until `close`. Handles, not descriptor
 * numbers: a handle closes only after what runs on it has ended, so that no operation ever meets a number that the
 * kernel has given to another file.
 */
export class DataFile {
  readonly #path: string;
  #reader: Promise<FileHandle> | undefined;
  #writer: Promise<FileHandle> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Fills `bytes` from `offset`. @returns how many there were: fewer when the file ends. @throws OperationalError VOLUME_IO */
  async read(bytes: Uint8Array, offset: number): Promise<number> {
    try {
      const handle = await (this.#writer ?? this.#openReader());
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    } catch (error) {
      throw diskFailure(error, `read ${this.#path}`);
    }
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO; then any part of the bytes may be written */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      const handle = await this.#openWriter();
      let done = 0;
      while (done < bytes.length) {
        done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
      }
    } catch (error) {
      throw diskFailure(error, `write ${this.#path}`);
    }
  }

  /** Never throws: there is nothing left to lose. */
  async close(): Promise<void> {
    const handles = [this.#reader, this.#writer];
    this.#reader = undefined;
    this.#writer = undefined;
    for (const handle of handles) {
      try {
        await (await handle)?.close();
      } catch {
        // A handle that never opened, or a disk that fails now: what was acknowledged is already in the kernel.
      }
    }
  }

  #openReader(): Promise<FileHandle> {
    this.#reader ??= open(this.#path, constants.O_RDONLY).catch((error: unknown) => {
      this.#reader = undefined;
      throw error;
    });
    return this.#reader;
  }

  #openWriter(): Promise<FileHandle> {
    this.#writer ??= this.#create().catch((error: unknown) => {
      this.#writer = undefined;
      throw error;
    });
    return this.#writer;
  }

  async #create(): Promise<FileHandle> {
    const openIt = () => open(this.#path, constants.O_RDWR | constants.O_CREAT, 0o640);
    try {
      return await openIt();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      // Not `recursive`: that reports ENOENT for a disk that is read-only.
      await mkdir(dirname(this.#path), { mode: 0o750 }).catch((failure: unknown) => {
        if (errnoOf(failure) !== 'EEXIST') throw failure;
      });
      return openIt();
    }
  }
}

/** An error of the file system as ours: no space is VOLUME_FULL, everything else VOLUME_IO. */
export function diskFailure(error: unknown, what: string): OperationalError {
  if (error instanceof OperationalError) return error;
  const full = ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
  return new OperationalError(full ? 'VOLUME_FULL' : 'VOLUME_IO', `${what}: ${messageOf(error)}`, { cause: error });
}

/** The name of the system's error at the root of a failure, as `EIO`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string' && 'errno' in error) return error.code;
  return errnoOf(error.cause);
}
