/** How far the scrub of a volume is, for the operator. */
export interface ScrubProgress {
  /** Of the pass that is under way, 0 to 1. */
  readonly passShare: number;
  readonly passBeganAtMs: number;
  /** When the pass is to be through; in the past when the disk, or its viewers, leave too little. */
  readonly passDueAtMs: number;
  readonly passesEnded: number;
  /** Since the start of the process. */
  readonly checkedBytes: number;
  readonly lostBlocks: number;
  readonly bytesPerSec: number;
  /** As measured; undefined until there was enough to read. */
  readonly sequentialBytesPerSec: number | undefined;
  /** Whether the neighbourhood of a hit is being checked. */
  readonly isSearching: boolean;
  /** False where the file system gives no way past the page cache: then a scrub finds only what the kernel has to read. */
  readonly readsDisk: boolean;
}
