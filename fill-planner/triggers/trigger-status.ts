/**
 * From what every appliance says to the one word that the sender of a trigger sees (RFC 8007 section 2.3).
 *
 * A trigger is complete when every appliance is, never before; failed when nobody is at it any more and somebody failed.
 * Appliances that left the fleet are not waited for: nobody is sent to them, and the nodes say so. A cancelled trigger is
 * `cancelling` for as long as an appliance may be at it. What ended stays as it ended, whatever is reported later.
 */
export type TriggerStatus = 'pending' | 'active' | 'complete' | 'processed' | 'failed' | 'cancelling' | 'cancelled';

/** handed: it was given to the appliance, which has not spoken of it yet. */
export const NODE_STATES = ['waiting', 'handed', 'active', 'complete', 'failed', 'cancelled', 'gone'] as const;
export type NodeState = (typeof NODE_STATES)[number];

/** An error of a trigger, in the words of RFC 8007 sections 5.2.6 and 5.2.7. */
export interface TriggerError {
  readonly error: 'emeta' | 'econtent' | 'eperm' | 'ereject' | 'ecdn' | 'ecanceled' | 'eunsupported';
  readonly description: string;
  readonly 'content.urls'?: readonly string[];
  readonly 'content.patterns'?: readonly { readonly pattern: string }[];
}

const isFinalNode = (state: NodeState): boolean =>
  state === 'complete' || state === 'failed' || state === 'cancelled' || state === 'gone';

export const isFinal = (status: TriggerStatus): boolean =>
  status === 'complete' || status === 'processed' || status === 'failed' || status === 'cancelled';

/**
 * The status after something changed.
 * @param trigger isAssigned: it is known which appliances it is for; hasErrors: part of it could not be done from the start
 */
export function nextStatus(
  status: TriggerStatus,
  { isAssigned, hasErrors }: { readonly isAssigned: boolean; readonly hasErrors: boolean },
  nodes: readonly NodeState[],
): TriggerStatus {
  if (isFinal(status)) return status;
  const isOver = nodes.every(isFinalNode);
  if (status === 'cancelling') return isOver ? 'cancelled' : status;
  if (!isAssigned) return 'pending';
  if (isOver) return hasErrors || nodes.includes('failed') ? 'failed' : 'complete';
  return nodes.every((state) => state === 'waiting') ? 'pending' : 'active';
}

/** The status after its sender took a trigger back (RFC 8007 section 4.3); what ended stays as it is. */
export function cancelledStatus(status: TriggerStatus, nodes: readonly NodeState[]): TriggerStatus {
  if (isFinal(status)) return status;
  return nodes.some((state) => state === 'handed' || state === 'active') ? 'cancelling' : 'cancelled';
}

/** In which filtered collection a status is listed (RFC 8007 section 3). */
export function collectionOf(status: TriggerStatus): 'pending' | 'active' | 'complete' | 'failed' {
  switch (status) {
    case 'pending':
      return 'pending';
    case 'active':
    case 'cancelling':
      return 'active';
    case 'complete':
    case 'processed':
      return 'complete';
    case 'failed':
    case 'cancelled':
      return 'failed';
  }
}
