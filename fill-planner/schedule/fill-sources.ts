import type { FillPlanSource } from '../../src/contracts/fill-plan.ts';

/**
 * From whom each holder fetches a rendition: a tree whose root is the origin.
 *
 * If every holder went to the origin, a file would cross the long way once per appliance. If everybody asked everybody,
 * nobody would begin. So in each cluster one holder, the fill master of the rendition, fetches for all; one cluster,
 * the tier root, fetches from the origin and the masters of the others fetch from its master. Every other arrow is a
 * fallback that opens after a wait, long enough that it is only used when the one before has failed:
 *
 *   master in the root cluster     origin at once
 *   master elsewhere               tier root's master at once, origin after one wait
 *   everybody else                 own master at once, other holders of the cluster after one wait, origin after two
 *
 * Waits grow down the tree, so a cluster whose master gave up on its tier and went to the origin still has its peers
 * waiting for it. Arrows point only up this order (peer -> master -> root master -> origin; later peers by their place
 * in the list), so nobody waits for somebody who waits for him.
 *
 * A master stays master as long as it holds the rendition: a change in the middle of a fill would fetch again. A new
 * one is the holder whose link has the least to fetch so far.
 *
 * Limits: one level of tier; the root is the cluster with the most fill rate, whatever its distance.
 */
export interface SourceCluster {
  readonly id: string;
  readonly appliances: readonly SourceAppliance[];
}

export interface SourceAppliance {
  readonly id: string;
  readonly baseUrl: string;
  readonly fillBitsPerSec: number;
}

export interface SourceRendition {
  readonly id: string;
  readonly sizeBytes: number;
  readonly originUrl: string;
  /** Holders by cluster id. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
}

/** Fill masters: appliance id by `clusterId renditionId` (see `masterKey`). */
export type FillMasters = ReadonlyMap<string, string>;

export const masterKey = (clusterId: string, renditionId: string): string => `${clusterId} ${renditionId}`;

/** A cluster whose master's fill takes longer than this is helped from the origin. */
export interface SourceWaits {
  readonly originWaitSec: number;
}

/**
 * Chooses the master of every rendition in every cluster that holds it.
 * @param previous masters of the plan before; kept where they still hold the rendition
 */
export function chooseMasters(
  clusters: readonly SourceCluster[],
  renditions: readonly SourceRendition[],
  previous: FillMasters,
): FillMasters {
  const rates = new Map(clusters.flatMap(({ appliances }) => appliances.map((each) => [each.id, each.fillBitsPerSec])));
  const fetchSec = new Map<string, number>();
  const masters = new Map<string, string>();
  const appoint = (key: string, applianceId: string, sizeBytes: number): void => {
    masters.set(key, applianceId);
    const seconds = (sizeBytes * 8) / Math.max(1, rates.get(applianceId) ?? 1);
    fetchSec.set(applianceId, (fetchSec.get(applianceId) ?? 0) + seconds);
  };
  const open: { key: string; holders: readonly string[]; sizeBytes: number }[] = [];
  for (const { id, sizeBytes, holders } of renditions) {
    for (const [clusterId, members] of holders) {
      const key = masterKey(clusterId, id);
      const before = previous.get(key);
      if (before !== undefined && members.includes(before)) appoint(key, before, sizeBytes);
      else open.push({ key, holders: members, sizeBytes });
    }
  }
  // Largest first balances best; by key among equals, so that the result does not depend on the input's order.
  open.sort((a, b) => b.sizeBytes - a.sizeBytes || (a.key < b.key ? -1 : 1));
  for (const { key, holders, sizeBytes } of open) {
    const [least] = holders.toSorted((a, b) => (fetchSec.get(a) ?? 0) - (fetchSec.get(b) ?? 0) || (a < b ? -1 : 1));
    if (least !== undefined) appoint(key, least, sizeBytes);
  }
  return masters;
}

/** Clusters in the order in which they are a rendition's tier root, if they hold it: most fill rate first. */
export function tierOrder(clusters: readonly SourceCluster[]): readonly string[] {
  return clusters
    .map(({ id, appliances }) => ({
      id,
      rate: appliances.reduce((sum, { fillBitsPerSec }) => sum + fillBitsPerSec, 0),
    }))
    .sort((a, b) => b.rate - a.rate || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

// The contract takes 16 sources; a cluster's other holders beyond these add nothing.
const MAX_PEERS = 8;

/** The sources of one holder, in the order to try. */
export function sourcesFor(
  applianceId: string,
  clusterId: string,
  rendition: SourceRendition,
  context: {
    readonly masters: FillMasters;
    readonly tierOrder: readonly string[];
    readonly appliances: ReadonlyMap<string, SourceAppliance>;
    readonly waits: SourceWaits;
  },
): FillPlanSource[] {
  const { masters, appliances, waits } = context;
  const rootClusterId = context.tierOrder.find((id) => rendition.holders.has(id));
  const master = masters.get(masterKey(clusterId, rendition.id));
  const origin = (waitCount: number): FillPlanSource => ({
    kind: 'origin',
    id: 'origin',
    baseUrl: rendition.originUrl,
    afterSec: waitCount * waits.originWaitSec,
  });
  const from = (kind: 'peer' | 'tier', id: string | undefined, afterSec: number): FillPlanSource[] => {
    const appliance = id === undefined ? undefined : appliances.get(id);
    return appliance === undefined ? [] : [{ kind, id: appliance.id, baseUrl: appliance.baseUrl, afterSec }];
  };
  const isRoot = clusterId === rootClusterId;
  if (applianceId === master) {
    if (isRoot || rootClusterId === undefined) return [origin(0)];
    return [...from('tier', masters.get(masterKey(rootClusterId, rendition.id)), 0), origin(1)];
  }
  const holders = rendition.holders.get(clusterId) ?? [];
  // Only peers before us in the rendition's order: of two holders exactly one may ask the other.
  const earlier = holders.slice(0, holders.indexOf(applianceId)).filter((id) => id !== master);
  return [
    ...from('peer', master, 0),
    ...earlier.slice(0, MAX_PEERS).flatMap((id) => from('peer', id, waits.originWaitSec)),
    origin(isRoot ? 1 : 2),
  ];
}
