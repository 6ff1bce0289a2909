import type { PublishedReader, SharedMemory } from './published.ts';

/** @param number which of the readers this thread is: no other thread may have it */
export function createReader(memory: SharedMemory, number: number): PublishedReader {
  throw new Error(`not built yet: ${number} of ${memory.readerCount}`);
}
