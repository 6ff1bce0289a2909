/**
 * Memory whose address the kernel is told. Everything that a system call reads or writes by address is made here.
 *
 * The trap: a small typed array lives on V8's own heap, and the collector moves it; a larger one goes when nobody holds
 * it. An address that was taken once and is used later then points into something else, which on Node 24 corrupts the
 * heap within a second. So this memory is not V8's at all: each piece is a mapping of its own (mmap), whole pages,
 * zeroed, never moved and never given back. A thread makes its pieces once, when it begins, and keeps them.
 */

export interface KernelMemory {
  /** As a number, which calls take without making a BigInt: addresses of a process have 47 bits. On a page's border. */
  readonly address: number;
  /** What was asked for; further bytes of the last page are there, and not used. */
  readonly byteLength: number;
  readonly bytes: Uint8Array;
  /** The whole 32-bit words of the same bytes, in the machine's order. */
  readonly words: Int32Array;
  readonly unsignedWords: Uint32Array;
  readonly view: DataView;
}

/** A piece of memory that was mapped at `address` and is never unmapped. */
export function viewKernelMemory(address: number, byteLength: number, mapped: ArrayBuffer): KernelMemory {
  const words = Math.floor(byteLength / Int32Array.BYTES_PER_ELEMENT);
  return {
    address,
    byteLength,
    bytes: new Uint8Array(mapped, 0, byteLength),
    words: new Int32Array(mapped, 0, words),
    unsignedWords: new Uint32Array(mapped, 0, words),
    view: new DataView(mapped, 0, byteLength),
  };
}
