import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { readSectors } from '../files/whole-io.ts';
import { errnoOf } from '../volume/data-file.ts';

/**
 * Reads from the disk itself, past the page cache.
 *
 * A scrub that reads what the kernel has in memory proves nothing about the disk, and one that fills the page cache
 * with what nobody asked for takes it from viewers. posix_fadvise, which would empty the cache, is not to be had in
 * Node; O_DIRECT is, but wants memory that begins at a multiple of the disk's sector, and a Buffer begins anywhere (on
 * ext4 all of 20 reads into Buffers were refused with EINVAL). The memory of a WebAssembly instance begins at a page,
 * by its specification's page size and V8's guard pages, without any native code: 20 of 20 reads worked on ext4, on ext4
 * on a loop device, and on tmpfs.
 *
 * Dirty pages of the range are written out first by the kernel, so what is read is what was acknowledged.
 *
 * Limits: one read at a time, since there is one buffer. File systems without O_DIRECT are read through the page cache,
 * and `isDirect` says so.
 */
export class DirectReader {
  readonly #buffer: Buffer;
  #isDirect = true;

  /** @param maxBytes the longest read */
  constructor(maxBytes: number) {
    const pages = Math.ceil(maxBytes / WASM_PAGE_BYTES);
    this.#buffer = Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer);
  }

  /** Whether the last read came from the disk and not from memory. */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /**
   * The bytes from `offset`, a multiple of 4096; fewer when the file ends. They are good until the next read.
   * @throws the error of the file system
   */
  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const handle = await this.#open(path);
    try {
      return this.#buffer.subarray(0, await readSectors(handle, this.#buffer, offset, length));
    } finally {
      await handle.close();
    }
  }

  async #open(path: string): Promise<FileHandle> {
    try {
      const handle = await open(path, constants.O_RDONLY | constants.O_DIRECT);
      this.#isDirect = true;
      return handle;
    } catch (error) {
      if (errnoOf(error) !== 'EINVAL') throw error;
      this.#isDirect = false;
      return open(path, constants.O_RDONLY);
    }
  }
}

/** As the types of Node do not know it. */
declare const WebAssembly: {
  readonly Memory: new (size: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
};

const WASM_PAGE_BYTES = 65_536;
