import type { ServingState } from '../../src/contracts/heartbeat.ts';
import { ORIGIN_ID, ORIGIN_RETRY_ID } from '../../src/contracts/ids.ts';

export { ORIGIN_ID, ORIGIN_RETRY_ID };

/** No appliance may carry these as its id: players bind a pathway id to one host for a whole session. */
export const RESERVED_IDS: ReadonlySet<string> = new Set([ORIGIN_ID, ORIGIN_RETRY_ID]);

/** Whether the appliance was heard in time: `doubtful` is silent, but perhaps through no fault of its own. */
export type Lease =
  | { readonly kind: 'current' }
  | { readonly kind: 'doubtful'; readonly because: string }
  | { readonly kind: 'expired'; readonly silentMs: number };

/**
 * How much of one title an appliance holds: a share of its media bytes from 0 to 1. `unknown` when it holds a plan
 * whose rendition list has not reached us; that is not the same as holding nothing.
 */
export type Held =
  | { readonly kind: 'known'; readonly share: number }
  | { readonly kind: 'nothing'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/** How a site is connected to viewers: inside their ISP, across a peering, or by way of a paid third party. */
export type SiteKind = 'embedded' | 'peering' | 'transit';

/** What the operator says of a site. */
export interface SiteFacts {
  readonly kind: SiteKind;
  /** The ISP whose viewers an embedded site is there for; undefined: everybody's. */
  readonly network: string | undefined;
  /** What fails together with it (a building, a router); by default the site itself. */
  readonly failureDomain: string;
}

/** What players' reports say of an appliance for the neighbourhood of one client. */
export interface QualityVerdict {
  /** 0 as good as the best that is known or nothing known, to 3 clearly worse. */
  readonly qualityClass: 0 | 1 | 2 | 3;
  /** 1 normally; below 1 it is demoted, and only this share of the sessions may try it. */
  readonly probeShare: number;
  /** In words, where it is not as good as the best. */
  readonly because: string | undefined;
}

export const NO_VERDICT: QualityVerdict = { qualityClass: 0, probeShare: 1, because: undefined };

/** An appliance as the view of the fleet has it: the same object in every decision of that view. */
export interface Appliance {
  readonly id: string;
  readonly siteId: string;
  readonly baseUrl: string;
  readonly softwareVersion: string;
  readonly lease: Lease;
  readonly state: ServingState;
  /** Why the operator sends nobody there now; undefined: nobody keeps it back. */
  readonly withheld: string | undefined;
  readonly healthy: boolean;
  readonly healthReasons: readonly string[];
  readonly egressBitsPerSec: number;
  readonly activeRequests: number;
  readonly softEgressBitsPerSec: number;
  readonly hardEgressBitsPerSec: number;
  readonly maxActiveRequests: number;
  /** It was at its hard limit and is not yet below the mark at which it is taken back. */
  readonly atHardLimit: boolean;
  /** 1 normally; less while it warms up after a restart, an absence or a drain. */
  readonly capacityShare: number;
}

/** Everything one decision may know of an appliance: plain data, so that it can be logged and ranked again. */
export interface Candidate {
  readonly member: Appliance;
  /** Of the title that is asked for. */
  readonly held: Held;
  /** What sessions will take that were placed there and that its last heartbeat cannot show yet. */
  readonly pendingBitsPerSec: number;
  readonly site: SiteFacts;
  /** For viewers where this client is. */
  readonly quality: QualityVerdict;
  /** What its site costs the client's ISP, the lower the nearer; undefined where nobody says. */
  readonly siteCost: number | undefined;
}
