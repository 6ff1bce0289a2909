import type { HoldMemory } from '../hold/hold-memory.ts';

/**
 * The words in which the steps of a plan cycle speak to each other. Everything is plain data over one numbering: the
 * renditions of the catalogue in the order of their ids. A step takes and gives arrays over that numbering, so a cycle
 * of 200,000 renditions and 1,000 appliances costs arrays and not maps of strings, and can be handed to a worker.
 *
 *   facts    what is known of each rendition, the same for everybody            RenditionFacts
 *   demand   what each region is expected to ask for                            RegionDemand
 *   hold     what each cluster should hold, best first, and why                 HoldItem
 *   place    on which of its appliances                                         place-files
 *   sources  from whom, in which window, at which rate                          schedule/
 */
export interface RenditionFacts {
  readonly id: string;
  readonly titleId: string;
  readonly isManifest: boolean;
  readonly sizeBytes: number;
  /** Nominal rate of a session that plays it, from size and duration; 0 for manifests. */
  readonly bitsPerSec: number;
  readonly durationSec: number;
  /** Bytes of its first seconds (init segment included), cut where segments or blocks end; 0 where there is no such cut. */
  readonly headBytes: number;
  /** When viewers could first watch it: the launch, if the calendar names one, else when it was added. */
  readonly availableAtMs: number;
}

/** What one region is expected to ask for within the next day; index i speaks of renditions[i]. */
export interface RegionDemand {
  readonly expectedBytes: Float64Array;
  /** One standard deviation of the expectation. */
  readonly deviationBytes: Float64Array;
  /** Expected within the region's busiest hour. */
  readonly peakHourBytes: Float64Array;
}

/** One thing a cluster may hold: a whole rendition, or the head of it so that it starts without waiting. */
export interface HoldItem {
  /** Index of the rendition. */
  readonly rendition: number;
  readonly part: 'whole' | 'head';
  readonly sizeBytes: number;
  /** Bytes that it is expected to serve to this cluster's viewers within the next day. */
  readonly expectedBytes: number;
  /** Rate that it is expected to serve in the busiest hour: what copies are counted by. */
  readonly peakBitsPerSec: number;
  /** For the operator, in words: why it is worth its place. */
  readonly reason: string;
}

/** What the plan before told an appliance to hold, ascending by rendition: what stays where it is costs nothing. */
export interface HeldBefore {
  readonly rendition: Uint32Array;
  /** 1 where only the head was planned. */
  readonly isHead: Uint8Array;
  /** 1 where this appliance fetched it for its cluster. */
  readonly isMaster: Uint8Array;
}

export const NOTHING_HELD: HeldBefore = {
  rendition: new Uint32Array(0),
  isHead: new Uint8Array(0),
  isMaster: new Uint8Array(0),
};

/**
 * Where one cluster holds what, in columns: entry e is an item that found room, and entries go from the best to the
 * least. Columns, because 200 clusters of 200,000 entries cross between threads.
 */
export interface ClusterPlacement {
  readonly clusterId: string;
  /** The numbering of `holders`. */
  readonly applianceIds: readonly string[];
  readonly rendition: Uint32Array;
  /** 1 where only the head is held. */
  readonly isHead: Uint8Array;
  readonly sizeBytes: Float64Array;
  /** Of the whole cluster within the next day. */
  readonly expectedBytes: Float64Array;
  readonly peakBitsPerSec: Float64Array;
  /** Place of the item in the cluster's order of worth, 0-based, those that found no room included. */
  readonly rank: Uint32Array;
  readonly itemCount: number;
  /** Why it is worth its place: an index into `reasons`. */
  readonly reason: Uint32Array;
  readonly reasons: readonly string[];
  /** The holders of entry e, the most suitable first: `holders[holderStart[e]]` up to `holders[holderStart[e + 1]]`. */
  readonly holderStart: Uint32Array;
  readonly holders: Uint16Array;
  /** Renditions with an item that found no room, best first. */
  readonly leftOut: Uint32Array;
  /** Why each rendition is held or not, by rendition: an index into `HOLD_VERDICTS`. */
  readonly holdVerdicts?: Uint8Array | undefined;
  /** What the next cycle has to know of this one. */
  readonly holdMemory?: HoldMemory | undefined;
}
