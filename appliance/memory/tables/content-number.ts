import { scrambled } from '../../store/eviction/structures/hash-of-key.ts';

/**
 * The number of a content in shared memory, where a word has 32 bits: two of them, signed as an Int32Array gives them
 * back. The first is never 0, which in a slot says that nothing is there.
 */
export interface ContentNumber {
  readonly high: number;
  readonly low: number;
}

/** Of the contents of a process, counted from 0 and never back. */
export const contentNumber = (count: number): ContentNumber => ({
  high: 1 + Math.floor(count / 2 ** 32),
  low: count | 0,
});

/** Where the table of blocks looks for a block. */
export const hashOfBlock = (high: number, low: number, block: number): number =>
  scrambled(low ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(block + 1, 0x9e3779b1));
