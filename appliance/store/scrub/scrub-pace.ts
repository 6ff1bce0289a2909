/**
 * How fast a volume is scrubbed: as slow as a pass within its period allows, never above a twentieth of what the disk
 * reads in a row, and of that only what viewers leave over. After a hit the whole twentieth is used, because the time
 * until the rest of a burst is known is the time in which it can hurt.
 */
export interface ScrubPaceInput {
  readonly heldBytes: number;
  /** How much of the pass is done, 0 to 1. */
  readonly progress: number;
  readonly passBeganMsAgo: number;
  readonly periodMs: number;
  /** As measured on this disk; undefined until there was something to measure with. */
  readonly sequentialBytesPerSec: number | undefined;
  /** What viewers leave over, 0 to 1. */
  readonly bulkShare: number;
  /** A hit is being followed, here or on a sister volume. */
  readonly isUrgent: boolean;
}

/** In bytes per second. */
export function scrubRate(input: ScrubPaceInput): number {
  const { heldBytes, progress, passBeganMsAgo, periodMs, bulkShare, isUrgent } = input;
  const limit = scrubLimit(input.sequentialBytesPerSec);
  if (isUrgent) return limit * bulkShare;
  const remainingMs = Math.max(0, periodMs * IN_TIME - passBeganMsAgo);
  const neededPerSec = remainingMs === 0 ? limit : (heldBytes * (1 - progress) * 1000) / remainingMs;
  return Math.min(limit, neededPerSec) * bulkShare;
}

/** The fastest that a volume is ever scrubbed, in bytes per second. */
export const scrubLimit = (sequentialBytesPerSec: number | undefined): number =>
  Math.min(CHECKSUM_LIMIT, DISK_SHARE * (sequentialBytesPerSec ?? ASSUMED_BYTES_PER_SEC));

const DISK_SHARE = 0.05;
/** A slow disk of today. */
const ASSUMED_BYTES_PER_SEC = 80e6;
/** Checksums are computed at 1.2 GB/s beside everything else that serves: 3 % of a core, however quick the disk. */
const CHECKSUM_LIMIT = 32 * 2 ** 20;
/** The rest of the period is for what viewers take. */
const IN_TIME = 0.9;
