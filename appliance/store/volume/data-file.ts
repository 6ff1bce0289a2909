import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BLOCK_BYTES } from '../../../src/contracts/file-manifest.ts';
import { messageOf, OperationalError } from '../../../src/errors/operational-error.ts';
import { type FileOwner, TailWriter } from '../files/tail-writer.ts';
import { readInto, writeAll } from '../files/whole-io.ts';
import { DirectFile } from './direct-file.ts';

const PAGE_BYTES = 4096;

/**
 * The sparse file with the blocks of one generation, open from the first use until `close`. Handles, not descriptor
 * numbers: a handle closes only after what runs on it has ended, so that no operation ever meets a number that the
 * kernel has given to another file. What has to be cheap, reading past the page cache, is in direct-file.ts.
 * Behind the blocks stands the file's tail, from which a lost index is rebuilt (file-tail.ts).
 */
export class DataFile {
  readonly #path: string;
  readonly #tail: TailWriter;
  #reader: Promise<FileHandle> | undefined;
  #writer: Promise<FileHandle> | undefined;
  #direct: DirectFile | undefined;

  constructor(path: string, owner: FileOwner) {
    this.#path = path;
    this.#tail = new TailWriter(owner);
  }

  /** Whether it was opened to be written to. */
  get isWritten(): boolean {
    return this.#writer !== undefined;
  }

  /** Fills `bytes` from `offset`. @returns how many there were: fewer when the file ends. @throws OperationalError VOLUME_IO */
  async read(bytes: Uint8Array, offset: number): Promise<number> {
    try {
      const handle = await (this.#writer ?? this.#openReader());
      return await readInto(handle, bytes, offset);
    } catch (error) {
      throw diskFailure(error, `read ${this.#path}`);
    }
  }

  /**
   * As `read`, and nothing of it stays in the page cache, where the file system can. What is there and not yet on the
   * disk is written out first by the kernel.
   * @param bytes at best they begin at a page, in memory that has room for the whole of the last one
   * @param offset a multiple of 4096
   */
  async readPastCache(bytes: Uint8Array, offset: number): Promise<number> {
    const { buffer, byteLength, byteOffset } = bytes;
    const roomBytes = Math.min(Math.ceil(byteLength / PAGE_BYTES) * PAGE_BYTES, buffer.byteLength - byteOffset);
    this.#direct ??= new DirectFile(this.#path);
    try {
      return await this.#direct.read(new Uint8Array(buffer, byteOffset, roomBytes), offset, byteLength);
    } catch (error) {
      // Not from this file system, or not into this memory: no failure of the disk.
      if (errnoOf(error) !== 'EINVAL') throw diskFailure(error, `read ${this.#path}`);
    }
    return this.read(bytes, offset);
  }

  /** @throws OperationalError VOLUME_FULL, VOLUME_IO; then any part of the bytes may be written */
  async writeBlock(block: number, bytes: Uint8Array, checksum: number): Promise<void> {
    try {
      const file = await this.#openWriter();
      if (await this.#tail.makeWhole(file, bytes, checksum)) return;
      await writeAll(file, bytes, block * BLOCK_BYTES);
      await this.#tail.keep(file, block, checksum);
    } catch (error) {
      throw diskFailure(error, `write ${this.#path}`);
    }
  }

  /** Writes the owner's description, which changed, to where a rebuild finds it. @throws OperationalError VOLUME_FULL, VOLUME_IO */
  async describe(): Promise<void> {
    try {
      await this.#tail.describe(await this.#openWriter());
    } catch (error) {
      throw diskFailure(error, `write ${this.#path}`);
    }
  }

  /** Resolves when what was written is on the disk itself. @throws OperationalError VOLUME_IO */
  async sync(): Promise<void> {
    try {
      await (await this.#writer)?.datasync();
    } catch (error) {
      throw diskFailure(error, `sync ${this.#path}`);
    }
  }

  /** Never throws: there is nothing left to lose. */
  async close(): Promise<void> {
    this.#direct?.close();
    this.#direct = undefined;
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
