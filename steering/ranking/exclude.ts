import type { Candidate } from './candidate.ts';

/** Why an appliance takes no part in a decision: one closed word for metrics and tests, one sentence for people. */
export type ExclusionCode =
  | 'lease-expired'
  | 'withheld'
  | 'not-serving'
  | 'unhealthy'
  | 'full'
  | 'lacks-title'
  | 'other-software';

export interface Exclusion {
  readonly id: string;
  readonly code: ExclusionCode;
  readonly reason: string;
}

const MAX_REASON_CHARS = 200;

/**
 * Whether an appliance may be given to a player for this title at all; undefined when it may. The checks stand in the
 * order in which an operator would look: is it there, does it want sessions, is it well, has it room, has it the title.
 */
export function exclude(candidate: Candidate): Exclusion | undefined {
  const because = (code: ExclusionCode, reason: string): Exclusion => ({
    id: candidate.id,
    code,
    reason: reason.slice(0, MAX_REASON_CHARS),
  });
  if (candidate.lease.kind === 'expired')
    return because('lease-expired', `no heartbeat for ${(candidate.lease.silentMs / 1000).toFixed(1)} s`);
  if (candidate.withheld !== undefined) return because('withheld', candidate.withheld);
  if (candidate.state !== 'serving') return because('not-serving', `is ${candidate.state}`);
  if (!candidate.healthy)
    return because('unhealthy', `unhealthy: ${candidate.healthReasons.join('; ') || 'it gives no reason'}`);
  const { egressBitsPerSec, pendingBitsPerSec, hardEgressBitsPerSec } = candidate;
  if (egressBitsPerSec + pendingBitsPerSec >= hardEgressBitsPerSec) {
    const placed =
      egressBitsPerSec >= hardEgressBitsPerSec ? '' : `, and ${megabits(pendingBitsPerSec)} just placed there,`;
    return because(
      'full',
      `at its hard limit: ${megabits(egressBitsPerSec)}${placed} of ${megabits(hardEgressBitsPerSec)} Mbit/s`,
    );
  }
  if (candidate.activeRequests >= candidate.maxActiveRequests)
    return because(
      'full',
      `at its hard limit: ${candidate.activeRequests} of ${candidate.maxActiveRequests} requests in hand`,
    );
  if (candidate.atHardLimit) return because('full', 'was at its hard limit, and is not far enough below it yet');
  if (candidate.held.kind === 'nothing') return because('lacks-title', candidate.held.because);
  return undefined;
}

const megabits = (bitsPerSec: number): string => (bitsPerSec / 1e6).toFixed(1);
