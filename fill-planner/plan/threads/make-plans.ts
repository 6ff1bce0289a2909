import { countNotHeld, type NotHeldCounts } from '../../review/why-not.ts';
import type { PlanDraft } from '../draft-plan.ts';
import type { FleetInputs } from '../fleet-inputs.ts';
import { linkFleet } from '../link-fleet.ts';
import type { ClusterPlacement } from '../plan-facts.ts';
import { planFleet, plannedClusters } from '../plan-fleet.ts';
import { type PlannedContents, type PreparedPlan, preparePlan } from '../stored/prepare-plan.ts';
import { ClusterThreads } from './cluster-threads.ts';
import { shareArrays } from './share-arrays.ts';

/** What a cycle makes before anybody decides what of it is published. */
export interface MadePlans {
  /** By appliance, in the order of their ids. */
  readonly drafts: readonly PlanDraft[];
  readonly prepared: ReadonlyMap<string, PreparedPlan>;
  /** By cluster: what of its placement is of interest when the drafts are made. */
  readonly clusters: readonly (Pick<ClusterPlacement, 'clusterId' | 'leftOut' | 'holdMemory'> & {
    readonly notHeld: NotHeldCounts;
  })[];
  readonly contents: PlannedContents;
}

export type NumberContents = (planned: Iterable<number>) => PlannedContents;

/** So many renditions times clusters take a fraction of a second, which starting a thread takes too. */
const SMALL = 20_000;

/**
 * Plans of a whole fleet by `planFleet`'s steps, the two that are done for each cluster alone in threads of their own.
 * The plans are the same; what a thread needs is told once, and what crosses with a job is handed over, not copied.
 * @param threads at least 1
 */
export async function makePlans(inputs: FleetInputs, threads: number, number: NumberContents): Promise<MadePlans> {
  const clusters = plannedClusters(inputs);
  return clusters.length * inputs.facts.length <= SMALL
    ? makeHere(inputs, number)
    : makeInThreads(
        inputs,
        clusters.map(({ id }) => id),
        new ClusterThreads(Math.min(threads, clusters.length)),
        number,
      );
}

function makeHere(inputs: FleetInputs, number: NumberContents): MadePlans {
  const { placements, drafts } = planFleet(inputs);
  const contents = number(renditionsOf(placements));
  return {
    drafts,
    prepared: new Map(drafts.map((draft) => [draft.applianceId, preparePlan(draft, contents)])),
    clusters: placements.map((placement) => ({ ...placement, notHeld: countNotHeld(placement) })),
    contents,
  };
}

async function makeInThreads(
  inputs: FleetInputs,
  clusterIds: readonly string[],
  threads: ClusterThreads,
  number: NumberContents,
): Promise<MadePlans> {
  try {
    const { heldBefore, ...common } = inputs;
    threads.tellInputs({ ...common, demand: shareArrays(inputs.demand) });
    const members = Map.groupBy(inputs.appliances, ({ clusterId }) => clusterId);
    const placements = await Promise.all(
      clusterIds.map(async (clusterId) => {
        const held = (members.get(clusterId) ?? []).flatMap(({ id }) => {
          const before = heldBefore.get(id);
          // A copy: others look at what was held when the plans are made.
          return before === undefined ? [] : [[id, shareArrays(before)] as const];
        });
        const job = { kind: 'place', clusterId, heldBefore: new Map(held) } as const;
        return (await threads.do(job, 'placed')).placement;
      }),
    );
    const links = linkFleet(inputs, placements);
    const contents = number(renditionsOf(placements));
    threads.tellLinks({ ...links, sites: shareArrays(links.sites), placeOf: shareArrays(links.placeOf) }, contents);
    const clusters = placements.map((placement) => ({
      clusterId: placement.clusterId,
      leftOut: placement.leftOut.slice(),
      holdMemory: placement.holdMemory,
      notHeld: countNotHeld(placement),
    }));
    const drafted = await Promise.all(
      placements.map(async (placement) => (await threads.do({ kind: 'draft', placement }, 'drafted')).plans),
    );
    const plans = drafted.flat().sort((a, b) => (a.draft.applianceId < b.draft.applianceId ? -1 : 1));
    return {
      drafts: plans.map(({ draft }) => draft),
      prepared: new Map(plans.map(({ prepared }) => [prepared.applianceId, prepared])),
      clusters,
      contents,
    };
  } finally {
    await threads.stop();
  }
}

function* renditionsOf(placements: readonly ClusterPlacement[]): Generator<number> {
  for (const { rendition } of placements) yield* rendition;
}
