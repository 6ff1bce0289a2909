/** A machine of a cluster, as placing sees it. */
export interface PlacementAppliance {
  readonly id: string;
  /** What the plan may fill of its disks. */
  readonly plannedBytes: number;
  /** What it serves safely at the peak; undefined where nobody said. */
  readonly servingBitsPerSec?: number | undefined;
  /** What may be written to it now, so that its disks last; undefined: they do not wear. */
  readonly writeBudgetBytes?: number | undefined;
}

/** The numbers of the items, in their order. */
export interface ItemColumns {
  readonly count: number;
  readonly sizeBytes: Float64Array;
  readonly peakBitsPerSec: Float64Array;
  readonly expectedBytes: Float64Array;
}
