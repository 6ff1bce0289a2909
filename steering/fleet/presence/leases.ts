import type { Lease } from '../../ranking/candidate.ts';

/**
 * Which appliances count as there, judged by when each was last heard.
 *
 * A lease that runs out means a dead appliance, or a dead path between it and us, or that we ourselves stood still.
 * One missing heartbeat cannot tell them apart; many that stop together can: machines die alone, paths take all with
 * them. Dropping them all would send every viewer to the origin, although the appliances still serve. So when at least
 * `MIN_VANISHED` of the appliances, and more than half of those alive at that moment, fall silent within a short time,
 * they stay candidates, marked doubtful and ranked behind those that are heard; players fall back by themselves from
 * one that is really gone.
 *
 * The leases of those that a fault silences end within an interval of heartbeats, one after the other, and the first ones
 * must not be dropped until the others follow: for that second their viewers would be sent elsewhere, and cold they would
 * come back. But whoever falls silent with them has missed a heartbeat by then. So those that are overdue, silent for
 * more than half of their lease, count among the vanished.
 *
 * How long? While somebody is heard our ears work, and after `preserveMs` silence means silence. While nobody at all is
 * heard there is nothing that it could be told by, and the last known fleet is better than none: then the doubt has no
 * end, and the time runs from the first heartbeat after it. The same goes for a steering that has started again and has
 * not heard anybody yet, whatever the size of its fleet.
 *
 * As appliances come back the group shrinks, and the last ones, no longer many, are dropped: those are the dead. But
 * they come back one after the other within a heartbeat's interval, so whoever was kept is kept for a grace beyond it;
 * without that the second half would be dropped in the moment in which the first is heard. Whoever said goodbye
 * (drained) is not missed. A fleet of one or two has no majority to learn from, so there silence counts.
 *
 * All times are of `ListeningTime`: what we slept through is nobody's silence.
 */
export interface LeaseFacts {
  readonly id: string;
  /** Time at which the lease ends or ended. */
  readonly leaseEndsMs: number;
  readonly lastHeardMs: number;
  /** It told us that it was going. */
  readonly saidGoodbye: boolean;
  /** Known from before our own restart and not heard since. */
  readonly restored: boolean;
  /** It was kept as one of many, and stays so until then although the others have come back. */
  readonly graceEndsMs?: number | undefined;
}

export interface LeaseRules {
  /** Leases that end within this time of each other ended together. */
  readonly togetherMs: number;
  /** Whose lease ends within this time has missed a heartbeat. */
  readonly overdueMs: number;
  /** How long those that vanished together are kept while others are heard. */
  readonly preserveMs: number;
  /** Since when somebody has been heard without a break; undefined when nobody was ever heard. */
  readonly hearingSinceMs?: number | undefined;
}

export interface LeaseVerdicts {
  readonly leases: ReadonlyMap<string, Lease>;
  /** Who is kept because many vanished at once, or because nobody is heard. */
  readonly preserved: ReadonlySet<string>;
  /** Self-preservation is at work, its grace included. */
  readonly preserving: boolean;
}

const MIN_VANISHED = 3;

/** The lease of each appliance at `nowMs`. */
export function judgeLeases(facts: readonly LeaseFacts[], nowMs: number, rules: LeaseRules): LeaseVerdicts {
  const leases = new Map<string, Lease>();
  const preserved = new Set<string>();
  const vanishedTogether = groupRule(facts, nowMs, rules);
  const isHearing = facts.some(({ leaseEndsMs, restored }) => !restored && leaseEndsMs > nowMs);
  const heardNobodyYet = facts.every(({ restored }) => restored);
  const hearingSinceMs = rules.hearingSinceMs ?? Number.NEGATIVE_INFINITY;
  const reasonToKeep = (fact: LeaseFacts): string | undefined => {
    if (fact.saidGoodbye) return undefined;
    if (heardNobodyYet) return 'known from before a restart, and nobody has been heard since';
    const doubtEndsMs = Math.max(fact.leaseEndsMs, hearingSinceMs) + rules.preserveMs;
    if (vanishedTogether(fact) && (!isHearing || nowMs < doubtEndsMs))
      return 'most appliances fell silent at once, so the fault may be the way to them';
    return undefined;
  };
  let preserving = false;
  for (const fact of facts) {
    if (fact.leaseEndsMs > nowMs) {
      leases.set(fact.id, fact.restored ? doubtful('known from before a restart, not heard since') : CURRENT);
      continue;
    }
    const because = reasonToKeep(fact);
    const isInGrace = !fact.saidGoodbye && nowMs < (fact.graceEndsMs ?? nowMs);
    if (because !== undefined) preserved.add(fact.id);
    if (because !== undefined || isInGrace) {
      preserving = true;
      leases.set(fact.id, doubtful(because ?? 'others that fell silent with it have come back, so it may, too'));
    } else {
      leases.set(fact.id, { kind: 'expired', silentMs: nowMs - fact.lastHeardMs });
    }
  }
  return { leases, preserved, preserving };
}

/** Whether the silence of an appliance began together with that of most others. */
function groupRule(
  facts: readonly LeaseFacts[],
  nowMs: number,
  { togetherMs, overdueMs }: LeaseRules,
): (fact: LeaseFacts) => boolean {
  const allEnds = ascending(facts.map(({ leaseEndsMs }) => leaseEndsMs));
  const missedEnds = ascending(
    facts
      .filter((fact) => fact.leaseEndsMs <= nowMs + overdueMs && !fact.saidGoodbye)
      .map(({ leaseEndsMs }) => leaseEndsMs),
  );
  return (fact) => {
    const first = fact.leaseEndsMs - togetherMs;
    const together = countBefore(missedEnds, fact.leaseEndsMs + togetherMs + 1) - countBefore(missedEnds, first);
    const aliveThen = allEnds.length - countBefore(allEnds, first);
    return together >= MIN_VANISHED && together * 2 > aliveThen;
  };
}

/** Of everybody who was heard in time. */
export const CURRENT: Lease = { kind: 'current' };
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
