import { rankNodes } from '../../src/hashing/weighted-rendezvous.ts';
import type { Fleet } from '../fleet/fleet.ts';

/**
 * Which part of a fleet one of several planners plans: whole regions, so that everything that a plan is made of (the
 * demand of the region, the sites that fill from each other) is in one place and no two planners have to agree. Regions
 * go by rendezvous hashing: one more planner takes its part from all the others, and nothing else changes hands.
 *
 * Every planner has the same catalogue and fleet document, and state of its own; appliances ask, and report demand to,
 * the planner of their region. Tiers do not cross from one planner's regions to another's.
 */
export interface PlannerShare {
  /** From 1. */
  readonly number: number;
  readonly of: number;
}

/** @param text such as `2/3`: the second of three */
export function parseShare(text: string): PlannerShare {
  const [number = 1, of = 1] = text.split('/').map(Number);
  return { number, of };
}

/** The planner, from 1, that plans a region. */
export function plannerOf(region: string, of: number): number {
  const planners = Array.from({ length: of }, (_, index) => ({ id: String(index + 1), weight: 1 }));
  return Number(rankNodes(region, planners)[0]?.id ?? 1);
}

/** The sites of this planner's regions, with their clusters and appliances. */
export function ownFleet(fleet: Fleet, { number, of }: PlannerShare): Fleet {
  if (of === 1) return fleet;
  const sites = fleet.sites.filter(({ region }) => plannerOf(region, of) === number);
  const siteIds = new Set(sites.map(({ id }) => id));
  const clusters = fleet.clusters.filter(({ siteId }) => siteIds.has(siteId));
  const clusterIds = new Set(clusters.map(({ id }) => id));
  return { sites, clusters, appliances: fleet.appliances.filter(({ clusterId }) => clusterIds.has(clusterId)) };
}
