/**
 * Events of epoll_wait(2) in memory that the kernel writes. A watched descriptor is known by two words that its owner
 * chose, an index and a generation, never by its number: the kernel gives numbers away again, and an event of before
 * would wake the wrong connection.
 */
import type { KernelMemory } from './kernel-memory.ts';

/** struct epoll_event is packed on x86-64 alone (bits/epoll.h): 12 bytes there, 16 elsewhere. */
const isPacked = process.arch === 'x64';
export const EPOLL_EVENT_BYTES = isPacked ? 12 : 16;
const EVENT_WORDS = EPOLL_EVENT_BYTES / 4;
const DATA_WORD = isPacked ? 1 : 2;

export class EpollEvents {
  readonly memory: KernelMemory;
  readonly capacity: number;
  readonly #words: Int32Array;

  /** @param memory at least EPOLL_EVENT_BYTES for each event */
  constructor(memory: KernelMemory) {
    this.memory = memory;
    this.capacity = Math.floor(memory.byteLength / EPOLL_EVENT_BYTES);
    this.#words = memory.words;
  }

  /** The EPOLL* bits of event number `at`; a signed word, so EPOLLET is negative. */
  bits(at: number): number {
    return this.#words[at * EVENT_WORDS] as number;
  }

  index(at: number): number {
    return this.#words[at * EVENT_WORDS + DATA_WORD] as number;
  }

  generation(at: number): number {
    return this.#words[at * EVENT_WORDS + DATA_WORD + 1] as number;
  }

  /** Makes event 0 what epoll_ctl(2) is to watch for. */
  set(bits: number, index: number, generation: number): void {
    this.#words[0] = bits;
    this.#words[DATA_WORD] = index;
    this.#words[DATA_WORD + 1] = generation;
  }
}
