/**
 * How the disks of a cluster are shared between what is planned and what viewers fetch unplanned, and how much may be
 * written to each of them in a day.
 *
 * The share is one per cluster (tune-split finds it); every appliance gives the same share, so that placement stays
 * proportional to the disks. Flash wears: what is left of a day's endurance, after what viewers wrote, is for the plan.
 */
export interface HoldDisk {
  readonly applianceId: string;
  readonly capacityBytes: number;
  /** Bytes that may be written per day for the disks' whole life; undefined: they do not wear, or nobody said. */
  readonly enduranceBytesPerDay?: number | undefined;
  /** Bytes that demand fill wrote per day lately. */
  readonly demandWrittenBytesPerDay: number;
}

export interface DiskSplit {
  readonly applianceId: string;
  readonly plannedBytes: number;
  readonly demandBytes: number;
  /** What the plan may write within the day; Infinity where nothing wears. */
  readonly writeBudgetBytes: number;
}

/** Of the endurance: some is left for what nobody foresees, such as a repair. */
const WRITABLE_SHARE = 0.9;

export function splitDisks(disks: readonly HoldDisk[], plannedShare: number): DiskSplit[] {
  return disks.map(({ applianceId, capacityBytes, enduranceBytesPerDay, demandWrittenBytesPerDay }) => {
    const plannedBytes = Math.floor(capacityBytes * plannedShare);
    const writable = (enduranceBytesPerDay ?? Number.POSITIVE_INFINITY) * WRITABLE_SHARE;
    return {
      applianceId,
      plannedBytes,
      demandBytes: capacityBytes - plannedBytes,
      writeBudgetBytes: Math.max(0, writable - demandWrittenBytesPerDay),
    };
  });
}

/** Bytes written per day as a share of the endurance, over the disks that wear; 0 where none does. */
export function wornShare(disks: readonly HoldDisk[], plannedWrittenBytesPerDay: number): number {
  let endurance = 0;
  let written = 0;
  let wearingBytes = 0;
  let allBytes = 0;
  for (const { capacityBytes, enduranceBytesPerDay, demandWrittenBytesPerDay } of disks) {
    allBytes += capacityBytes;
    if (enduranceBytesPerDay === undefined) continue;
    wearingBytes += capacityBytes;
    endurance += enduranceBytesPerDay;
    written += demandWrittenBytesPerDay;
  }
  if (endurance === 0) return 0;
  return (written + plannedWrittenBytesPerDay * (wearingBytes / Math.max(1, allBytes))) / endurance;
}
