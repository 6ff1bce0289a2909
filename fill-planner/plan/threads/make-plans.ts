import { inTurns } from '../../../src/resilience/in-slices.ts';
import { type ClusterFigures, planFigures } from '../../review/plan-figures.ts';
import { countNotHeld, type NotHeldCounts } from '../../review/why-not.ts';
import type { PlanDraft } from '../draft-plan.ts';
import type { FleetInputs } from '../fleet-inputs.ts';
import type { ClusterPlacement, HeldBefore } from '../plan-facts.ts';
import { placeCluster, planFleet, plannedClusters } from '../plan-fleet.ts';
import { type PlannedContents, type PreparedPlan, preparePlan } from '../stored/prepare-plan.ts';
import { ClusterThreads } from './cluster-threads.ts';
import { shareArrays } from './share-arrays.ts';

/** What a cycle makes before anybody decides what of it is published. */
export interface MadePlans {
  /** By appliance, in the order of their ids. */
  readonly drafts: readonly PlanDraft[];
  readonly prepared: ReadonlyMap<string, PreparedPlan>;
  /** Of every cluster, what its plans would do. */
  readonly figures: readonly ClusterFigures[];
  /** By cluster: what of its placement is of interest when the drafts are made. */
  readonly clusters: readonly (Pick<ClusterPlacement, 'clusterId' | 'leftOut' | 'holdMemory'> & {
    readonly notHeld: NotHeldCounts;
  })[];
  readonly contents: PlannedContents;
}

/** Numbers for what is planned, given as columns of renditions; yields what of the work is done. */
export type NumberContents = (planned: Iterable<Uint32Array>) => Iterator<number, PlannedContents>;

/** So many renditions times clusters take a fraction of a second, which starting a thread takes too. */
const SMALL = 20_000;
/** Contents that are numbered in a few milliseconds. */
const CONTENTS_PER_TURN = 500;

/**
 * Plans of a whole fleet by `planFleet`'s steps, in threads: the two that are done for each cluster alone in as many as
 * there may be, the one between in one of them. The plans are the same; what a thread needs is told once, and arrays are
 * shared or handed over, not copied. The thread that asks has next to nothing to do, and answers others meanwhile.
 * @param threads at least 1
 */
export async function makePlans(inputs: FleetInputs, threads: number, number: NumberContents): Promise<MadePlans> {
  const clusterIds = plannedClusters(inputs).map(({ id }) => id);
  return isSmall(inputs, clusterIds.length)
    ? makeHere(inputs, number)
    : inThreads(inputs, Math.min(threads, clusterIds.length), (crew) =>
        makeInThreads(inputs, clusterIds, crew, number),
      );
}

/** Where some clusters of the fleet would place what, in threads where that is much. */
export async function placeClusters(
  inputs: FleetInputs,
  clusterIds: readonly string[],
  threads: number,
): Promise<Map<string, ClusterPlacement>> {
  if (clusterIds.length === 0) return new Map();
  const placements = isSmall(inputs, clusterIds.length)
    ? clusterIds.map((id) => placeCluster(inputs, id))
    : await inThreads(inputs, Math.min(threads, clusterIds.length), (crew) => placeAll(inputs, clusterIds, crew));
  return new Map(placements.map((placement) => [placement.clusterId, placement]));
}

const isSmall = ({ facts }: FleetInputs, clusters: number): boolean => clusters * facts.length <= SMALL;

async function inThreads<T>(
  inputs: FleetInputs,
  count: number,
  work: (threads: ClusterThreads) => Promise<T>,
): Promise<T> {
  const threads = new ClusterThreads(count);
  try {
    await threads.tellInputs(inputs);
    return await work(threads);
  } finally {
    await threads.stop();
  }
}

async function makeHere(inputs: FleetInputs, number: NumberContents): Promise<MadePlans> {
  const { placements, drafts } = planFleet(inputs);
  const contents = await inTurns(number(placements.map(({ rendition }) => rendition)), CONTENTS_PER_TURN);
  return {
    drafts,
    prepared: new Map(drafts.map((draft) => [draft.applianceId, preparePlan(draft, contents)])),
    figures: planFigures(inputs, drafts),
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
  const placements = await placeAll(inputs, clusterIds, threads);
  const link = { kind: 'link', placements, heldBefore: shareArrays(inputs.heldBefore) } as const;
  const [{ links }, contents] = await Promise.all([
    threads.do(link, 'linked'),
    inTurns(number(placements.map(({ rendition }) => rendition)), CONTENTS_PER_TURN),
  ]);
  threads.tellLinks(links, contents);
  const clusters = placements.map((placement) => {
    const { clusterId, leftOut, holdMemory } = placement;
    return { clusterId, leftOut, holdMemory, notHeld: countNotHeld(placement) };
  });
  const heldBefore = heldByCluster(inputs);
  const drafted = await Promise.all(
    // Taken out one by one: of 200 clusters placements are a gigabyte, and drafts as much.
    placements.splice(0).map((placement) => {
      const held = heldBefore(placement.clusterId);
      return threads.do({ kind: 'draft', placement, heldBefore: held }, 'drafted');
    }),
  );
  const plans = drafted
    .flatMap((each) => each.plans)
    .sort((a, b) => (a.draft.applianceId < b.draft.applianceId ? -1 : 1));
  return {
    drafts: plans.map(({ draft }) => draft),
    prepared: new Map(plans.map(({ prepared }) => [prepared.applianceId, prepared])),
    figures: drafted.flatMap(({ figures }) => figures),
    clusters,
    contents,
  };
}

function placeAll(
  inputs: FleetInputs,
  clusterIds: readonly string[],
  threads: ClusterThreads,
): Promise<ClusterPlacement[]> {
  const heldBefore = heldByCluster(inputs);
  return Promise.all(
    clusterIds.map(async (clusterId) => {
      const job = { kind: 'place', clusterId, heldBefore: heldBefore(clusterId) } as const;
      return (await threads.do(job, 'placed')).placement;
    }),
  );
}

/** What the appliances of a cluster held, in copies: others look at it, too. */
function heldByCluster({ appliances, heldBefore }: FleetInputs): (clusterId: string) => Map<string, HeldBefore> {
  const members = Map.groupBy(appliances, ({ clusterId }) => clusterId);
  return (clusterId) =>
    new Map(
      (members.get(clusterId) ?? []).flatMap(({ id }) => {
        const before = heldBefore.get(id);
        return before === undefined ? [] : [[id, shareArrays(before)] as const];
      }),
    );
}
