/**
 * The memory itself: a file that is on no disk (memfd), from which every thread can `sendfile` and which the owner has
 * mapped, to read blocks from disks straight into it.
 *
 * Why a memfd and not locked mappings: sendfile wants a descriptor, and vmsplice of private memory hands the kernel pages
 * that the process goes on owning, so nothing says when they may change. A file on tmpfs would be the same memory with a
 * name that outlives a crash and a mount that somebody has to make large enough.
 *
 * Why nothing is ever overwritten: the kernel sends out of the file's own pages, up to the last acknowledgement. Of 1 MiB
 * that was sent and then written over, clients got the new bytes; after punching a hole first, the old ones, all of them.
 * Punching takes the pages away from the file, those that are being sent live on by themselves, and the next write gets
 * others.
 *
 * Why no page is larger than a slot: a hole that is smaller than its page is not taken out of it but written over with
 * zeros, in place, under what is being sent. Pages of up to 1 MiB are asked for where whole blocks lie (large-pages.ts),
 * and their slots are punched out as a whole. A page of 2 MiB can only come where file and addresses are aligned to it
 * alike, so the mapping begins in the middle of one, and what is written is written through it: write(2) knows nothing of
 * that, and where `shmem_enabled` is `always` older kernels give it pages of 2 MiB.
 *
 * The file is sparse: a slot has a MiB of addresses and as many pages as its block. So there are more slots than would
 * fit if all were full.
 *
 * Limits: the mapping stays when the file is closed, without pages. A read of a disk that hangs may end long after, and
 * must find an address that is nobody else's. Where the machine has no memory left, a write into the mapping ends the
 * process (SIGBUS), as it would anywhere in Linux that is not careful: give it no more than there is.
 */
import { closeSync } from 'node:fs';
import { BLOCK_BYTES } from '../../src/contracts/file-manifest.ts';
import type { Libc } from '../kernel/libc.ts';
import { ERRNO } from '../kernel/linux-abi.ts';

/** What one view of the mapping has; V8 counts views as memory that it must collect, so there are no more than needed. */
const CHUNK_BYTES = 64 * BLOCK_BYTES;
const SLOTS_PER_CHUNK = CHUNK_BYTES / BLOCK_BYTES;
export const PAGE_BYTES = 4096;
/** The next size of pages above a block. */
const TOO_LARGE_PAGE_BYTES = 2 * BLOCK_BYTES;

export class MemoryFile {
  readonly fd: number;
  readonly #libc: Libc;
  readonly #sizeBytes: number;
  readonly #address: number;
  readonly #largeSlots: number;
  readonly #chunks: ArrayBuffer[] = [];

  constructor(
    libc: Libc,
    mapping: { readonly fd: number; readonly sizeBytes: number; readonly address: number; readonly largeSlots: number },
  ) {
    this.fd = mapping.fd;
    this.#libc = libc;
    this.#sizeBytes = mapping.sizeBytes;
    this.#address = mapping.address;
    this.#largeSlots = mapping.largeSlots;
  }

  /** The first bytes of a slot, as this thread may write and read them. */
  view(slot: number, byteLength: number): Uint8Array {
    const number = Math.floor(slot / SLOTS_PER_CHUNK);
    const chunk = (this.#chunks[number] ??= this.#libc.view(this.#address + number * CHUNK_BYTES, CHUNK_BYTES));
    return new Uint8Array(chunk, (slot % SLOTS_PER_CHUNK) * BLOCK_BYTES, byteLength);
  }

  /** Gives the pages of a slot back, of which so many bytes were used. What the kernel is sending of them stays. */
  release(slot: number, byteLength: number): void {
    const isLarge = slot < this.#largeSlots;
    this.#punch(slot * BLOCK_BYTES, isLarge ? BLOCK_BYTES : Math.ceil(byteLength / PAGE_BYTES) * PAGE_BYTES);
  }

  /** Gives everything back. */
  close(): void {
    this.#punch(0, this.#sizeBytes);
    closeSync(this.fd);
  }

  #punch(offset: number, byteLength: number): void {
    let answer: number;
    do answer = this.#libc.punchHole(this.fd, offset, byteLength);
    while (answer === -ERRNO.EINTR);
    // A slot whose pages stay would be written over while they are sent.
    if (answer !== 0) throw new Error(`no hole in the memory file: errno ${-answer}`);
  }
}

/** @param largeSlots the first so many are in large pages, where the kernel has them. @returns undefined where the system gives no such file, or no addresses for so much of it */
export function openMemoryFile(libc: Libc, slotCount: number, largeSlots = 0): MemoryFile | undefined {
  const fd = libc.memfdCreate('oca-blocks');
  if (fd < 0) return undefined;
  const file =
    libc.ftruncate(fd, sizeBytesOf(slotCount)) === 0 ? mapMemoryFile(libc, fd, slotCount, largeSlots) : undefined;
  if (file === undefined) closeSync(fd);
  return file;
}

/** The owner's file, mapped by another thread, which may read what it has pinned. @returns undefined where there are no addresses for it */
export function mapMemoryFile(libc: Libc, fd: number, slotCount: number, largeSlots = 0): MemoryFile | undefined {
  const sizeBytes = sizeBytesOf(slotCount);
  const reserved = libc.reserveAddresses(sizeBytes + 2 * TOO_LARGE_PAGE_BYTES);
  if (reserved < 0) return undefined;
  const address = Math.ceil(reserved / TOO_LARGE_PAGE_BYTES) * TOO_LARGE_PAGE_BYTES + BLOCK_BYTES;
  if (libc.mmapSharedAt(address, fd, sizeBytes) < 0) return undefined;
  // Where the kernel does not know of it, pages are small.
  if (largeSlots > 0) libc.askLargePages(address, largeSlots * BLOCK_BYTES);
  return new MemoryFile(libc, { fd, sizeBytes, address, largeSlots });
}

const sizeBytesOf = (slotCount: number): number => Math.ceil(slotCount / SLOTS_PER_CHUNK) * CHUNK_BYTES;
