/** What the appliance carries now, against what it may. */
export interface Load {
  readonly activeRequests: number;
  readonly maxActiveRequests: number;
  readonly egressBitsPerSec: number;
  readonly hardEgressBitsPerSec: number;
}

export type Admission = { readonly kind: 'admitted' } | { readonly kind: 'shed'; readonly retryAfterSec: number };

const MAX_RETRY_AFTER_SEC = 5;

/** Over the threshold from which requests are shed. */
export const isFull = (load: Load): boolean =>
  load.activeRequests >= load.maxActiveRequests || load.egressBitsPerSec >= load.hardEgressBitsPerSec;

/**
 * Whether one more request is taken on. A player that is refused at once goes elsewhere; one that waits ten seconds for
 * a first byte stalls. `chance` in [0, 1) spreads those who come back over 1 to 5 seconds (RFC 9110 section 15.6.4).
 */
export function admit(load: Load, chance: number): Admission {
  if (!isFull(load)) return { kind: 'admitted' };
  return { kind: 'shed', retryAfterSec: 1 + Math.floor(chance * MAX_RETRY_AFTER_SEC) };
}
