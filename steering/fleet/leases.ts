import type { Lease } from '../ranking/candidate.ts';

/**
 * Which appliances count as there, judged by when each was last heard.
 *
 * A lease that runs out means a dead appliance, or a dead path between it and us, or that we ourselves stood still.
 * One missing heartbeat cannot tell them apart; many that stop together can: machines die alone, paths take all with
 * them. Dropping them all would send every viewer to the origin, although the appliances still serve. So when at least
 * `MIN_VANISHED` of the appliances, and more than half of those alive at that moment, fall silent within a short time,
 * they stay candidates, marked doubtful and ranked behind those that are heard; players fall back by themselves from
 * one that is really gone. It is bounded: after `preserveMs` silence means silence. As appliances come back the group
 * shrinks, and the last ones, no longer many, are dropped at once: those are the dead. Whoever said goodbye (drained)
 * is not missed. A fleet of one or two has no majority to learn from, so there silence always counts.
 */
export interface LeaseFacts {
  readonly id: string;
  /** Monotonic time at which the lease ends or ended. */
  readonly leaseEndsMs: number;
  readonly lastHeardMs: number;
  /** It told us that it was going. */
  readonly saidGoodbye: boolean;
  /** Known from before our own restart and not heard since. */
  readonly restored: boolean;
}

export interface LeaseRules {
  /** Leases that end within this time of each other ended together. */
  readonly togetherMs: number;
  /** How long those that vanished together are kept. */
  readonly preserveMs: number;
}

const MIN_VANISHED = 3;

/** The lease of each appliance at `nowMs` (monotonic), and whether self-preservation is at work. */
export function judgeLeases(
  facts: readonly LeaseFacts[],
  nowMs: number,
  rules: LeaseRules,
): { readonly leases: ReadonlyMap<string, Lease>; readonly preserving: boolean } {
  const leases = new Map<string, Lease>();
  const allEnds = ascending(facts.map(({ leaseEndsMs }) => leaseEndsMs));
  const missedEnds = ascending(
    facts.filter((fact) => fact.leaseEndsMs <= nowMs && !fact.saidGoodbye).map(({ leaseEndsMs }) => leaseEndsMs),
  );
  const isPreserved = (fact: LeaseFacts): boolean => {
    if (fact.saidGoodbye || nowMs - fact.leaseEndsMs >= rules.preserveMs) return false;
    const first = fact.leaseEndsMs - rules.togetherMs;
    const together = countBefore(missedEnds, fact.leaseEndsMs + rules.togetherMs + 1) - countBefore(missedEnds, first);
    const aliveThen = allEnds.length - countBefore(allEnds, first);
    return together >= MIN_VANISHED && together * 2 > aliveThen;
  };
  let preserving = false;
  for (const fact of facts) {
    if (fact.leaseEndsMs > nowMs) {
      leases.set(fact.id, fact.restored ? doubtful('known from before a restart, not heard since') : CURRENT);
    } else if (isPreserved(fact)) {
      preserving = true;
      leases.set(fact.id, doubtful('most appliances fell silent at once, so the fault may be the way to them'));
    } else {
      leases.set(fact.id, { kind: 'expired', silentMs: nowMs - fact.lastHeardMs });
    }
  }
  return { leases, preserving };
}

const CURRENT: Lease = { kind: 'current' };
const doubtful = (because: string): Lease => ({ kind: 'doubtful', because });
const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

/** How many of the ascending numbers are below `limit`. */
function countBefore(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
