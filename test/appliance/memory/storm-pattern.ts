/** What every word of a block is: nothing else in a storm has the same. */
export const wordOf = (high: number, low: number, block: number): number =>
  (Math.imul(low + 1, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(block + 1, 0xc2b2ae35)) >>> 0;
