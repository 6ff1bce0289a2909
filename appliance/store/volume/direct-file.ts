import { close, constants, open, read } from 'node:fs';
import { SECTOR_BYTES } from '../files/whole-io.ts';

/**
 * A file that is read past the page cache (O_DIRECT), open from its first read until `close`.
 *
 * By descriptor number and with callbacks: this is the way of every block that a viewer asks for and memory has not, and
 * a FileHandle makes objects and promises of its own for each step. What a FileHandle is for is done here by hand: a number
 * is given back to the kernel only when no read has it any more, or the read would meet whoever gets that number next.
 */
export class DirectFile {
  readonly #path: string;
  #fd: number | undefined;
  #opening: Promise<number> | undefined;
  /** Reads that have the number, or wait for it. */
  #running = 0;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * @param memory begins at a page, and has room for the last sector, too @param offset a multiple of 4096
   * @returns how many of the bytes there were: fewer when the file ends. Rejects with the error of the file system: EINVAL
   *   where it has no such reads, or not into this memory
   */
  async read(memory: Uint8Array, offset: number, byteLength: number): Promise<number> {
    const wanted = Math.min(memory.length, Math.ceil(byteLength / SECTOR_BYTES) * SECTOR_BYTES);
    this.#running += 1;
    try {
      const fd = this.#fd ?? (await (this.#opening ??= this.#open()));
      let done = 0;
      while (done < byteLength) {
        const count = await readOnce(fd, memory, { at: done, byteLength: wanted - done, offset: offset + done });
        done += count;
        // Only the end of the file ends in the middle of a sector.
        if (count === 0 || done % SECTOR_BYTES !== 0) break;
      }
      return Math.min(done, byteLength);
    } finally {
      this.#running -= 1;
      this.#closeUnused();
    }
  }

  /** What is being read is read to its end. */
  close(): void {
    this.#isClosed = true;
    this.#closeUnused();
  }

  #open(): Promise<number> {
    return new Promise((resolve, reject) => {
      open(this.#path, constants.O_RDONLY | constants.O_DIRECT, (error, fd) => {
        // Where the file system has no such reads it is not asked again.
        if (error?.code !== 'EINVAL') this.#opening = undefined;
        if (error !== null) return reject(error);
        this.#fd = fd;
        resolve(fd);
      });
    });
  }

  #closeUnused(): void {
    if (!this.#isClosed || this.#running > 0 || this.#fd === undefined) return;
    // There was nothing to write: an error would say nothing that matters.
    close(this.#fd, () => undefined);
    this.#fd = undefined;
  }
}

interface Piece {
  readonly at: number;
  readonly byteLength: number;
  readonly offset: number;
}

const readOnce = (fd: number, memory: Uint8Array, { at, byteLength, offset }: Piece): Promise<number> =>
  new Promise((resolve, reject) => {
    read(fd, memory, at, byteLength, offset, (error, count) => (error === null ? resolve(count) : reject(error)));
  });
