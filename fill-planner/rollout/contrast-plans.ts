import type { HoldingColumns } from '../review/holding-columns.ts';

/**
 * What two sets of plans treat differently, for every appliance and cluster: the few per cent of a catalogue by which a
 * new plan can be better or worse than the last good one. Only whole renditions count: a head serves a start.
 *
 *   dropped   the cluster held it by the last good plans and does not now
 *   moved     the cluster held it elsewhere, and now this appliance does
 *   new       this appliance holds it, and no appliance of the cluster did
 *
 * An appliance without a good plan (it is new) is left out on both sides.
 */
export type PlanChange = 'dropped' | 'moved' | 'new';

export interface PlansOfAppliance {
  readonly applianceId: string;
  readonly clusterId: string;
  readonly good: HoldingColumns;
  readonly now: HoldingColumns;
}

export interface PlanContrast {
  /** Whether there is any difference: without one nothing can be told. */
  readonly isAny: boolean;
  changeOf(applianceId: string, rendition: number): PlanChange | undefined;
}

/**
 * Yields how many plans are compared.
 * @param count of renditions: the numbering of the columns
 */
export function* contrastPlans(plans: readonly PlansOfAppliance[], count: number): Generator<number, PlanContrast> {
  const changes = new Map<string, Map<number, PlanChange>>();
  const dropped = new Map<string, Set<number>>();
  let isAny = false;
  for (const [clusterId, members] of Map.groupBy(plans, (plan) => plan.clusterId)) {
    const nowNearby = wholes(
      members.map(({ now }) => now),
      count,
    );
    const goodNearby = wholes(
      members.map(({ good }) => good),
      count,
    );
    const gone = new Set<number>();
    goodNearby.forEach((wasHeld, rendition) => {
      if (wasHeld === 1 && nowNearby[rendition] !== 1) gone.add(rendition);
    });
    dropped.set(clusterId, gone);
    isAny ||= gone.size > 0;
    for (const { applianceId, good, now } of members) {
      const own = changesHere(good, now, goodNearby, count);
      changes.set(applianceId, own);
      isAny ||= own.size > 0;
      yield 1;
    }
  }
  const clusterOf = new Map(plans.map(({ applianceId, clusterId }) => [applianceId, clusterId]));
  return {
    isAny,
    changeOf(applianceId, rendition) {
      const clusterId = clusterOf.get(applianceId);
      if (clusterId === undefined) return undefined;
      return dropped.get(clusterId)?.has(rendition) === true ? 'dropped' : changes.get(applianceId)?.get(rendition);
    },
  };
}

/** 1 for each rendition that one of them holds whole. */
function wholes(holdings: readonly HoldingColumns[], count: number): Uint8Array {
  const held = new Uint8Array(count);
  for (const { rendition, isHead } of holdings)
    for (const [entry, index] of rendition.entries()) if (isHead[entry] !== 1) held[index] = 1;
  return held;
}

function changesHere(
  good: HoldingColumns,
  now: HoldingColumns,
  goodNearby: Uint8Array,
  count: number,
): Map<number, PlanChange> {
  const goodHere = wholes([good], count);
  const changes = new Map<number, PlanChange>();
  for (const [entry, index] of now.rendition.entries()) {
    if (now.isHead[entry] === 1 || goodHere[index] === 1) continue;
    changes.set(index, goodNearby[index] === 1 ? 'moved' : 'new');
  }
  return changes;
}
