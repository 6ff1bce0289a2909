import type { ServingState } from '../../src/contracts/heartbeat.ts';

/** Pathway id of the provider's own store, and of the second name for it that a list without appliances needs. */
export const ORIGIN_ID = 'origin';
export const ORIGIN_RETRY_ID = 'origin-retry';

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

/** Everything one decision may know of an appliance. */
export interface Candidate {
  readonly id: string;
  readonly siteId: string;
  readonly baseUrl: string;
  readonly lease: Lease;
  readonly state: ServingState;
  readonly healthy: boolean;
  readonly healthReasons: readonly string[];
  readonly egressBitsPerSec: number;
  readonly activeRequests: number;
  readonly softEgressBitsPerSec: number;
  readonly hardEgressBitsPerSec: number;
  readonly maxActiveRequests: number;
  readonly held: Held;
}
