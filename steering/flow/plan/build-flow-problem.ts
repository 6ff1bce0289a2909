import { rendezvousScore } from '../../../src/hashing/weighted-rendezvous.ts';
import { ORIGIN_ID } from '../../ranking/candidate.ts';
import { type FlowPlace, type FlowSite, ORIGIN_COST, siteCost } from '../site-cost.ts';
import type { FlowProblem } from './flow-problem.ts';

/** What viewers of one neighbourhood take. */
export interface GroupDemand {
  readonly place: FlowPlace;
  readonly bitsPerSec: number;
}

/** A problem with the names that belong to its numbers. */
export interface NamedProblem {
  readonly problem: FlowProblem;
  /** By group. */
  readonly groups: readonly GroupDemand[];
  /** By site; the last is the origin. */
  readonly siteIds: readonly string[];
}

/** Sites that a group may be sent to: the cheapest; a hash decides among equals, by capacity, so that groups differ. */
const ARCS_PER_GROUP = 16;

interface Arc {
  readonly site: number;
  readonly cost: number;
}

export function buildFlowProblem(groups: readonly GroupDemand[], sites: readonly FlowSite[]): NamedProblem {
  const homes = new Map(sites.map((site) => [site.id, site.location]));
  const arcsByPlace = new Map<string, Map<FlowPlace['siteCosts'], readonly Arc[]>>();
  const arcsOf = (place: FlowPlace): readonly Arc[] => {
    // Most groups of a site and network see the same costs: their arcs are found once.
    const key = `${place.siteId ?? ''}\n${place.network ?? ''}`;
    const known = arcsByPlace.get(key) ?? new Map<FlowPlace['siteCosts'], readonly Arc[]>();
    arcsByPlace.set(key, known);
    const arcs = known.get(place.siteCosts) ?? cheapestArcs(place, sites, homes.get(place.siteId ?? ''));
    known.set(place.siteCosts, arcs);
    return arcs;
  };
  const arcStart = new Int32Array(groups.length + 1);
  const arcSite: number[] = [];
  const arcCost: number[] = [];
  for (const [group, { place }] of groups.entries()) {
    for (const { site, cost } of [...arcsOf(place), { site: sites.length, cost: ORIGIN_COST }]) {
      arcSite.push(site);
      arcCost.push(cost);
    }
    arcStart[group + 1] = arcSite.length;
  }
  return {
    problem: {
      demand: Float64Array.from(groups, ({ bitsPerSec }) => bitsPerSec),
      capacity: Float64Array.from([...sites.map(({ capacityBitsPerSec }) => capacityBitsPerSec), Infinity]),
      arcStart,
      arcSite: Int32Array.from(arcSite),
      arcCost: Float64Array.from(arcCost),
    },
    groups,
    siteIds: [...sites.map(({ id }) => id), ORIGIN_ID],
  };
}

function cheapestArcs(place: FlowPlace, sites: readonly FlowSite[], home: FlowSite['location']): readonly Arc[] {
  const key = `${place.siteId ?? ''}\n${place.network ?? ''}`;
  return sites
    .flatMap((site, index) => {
      const cost = site.capacityBitsPerSec > 0 ? siteCost(place, site, home) : undefined;
      if (cost === undefined) return [];
      return [{ site: index, cost, turn: rendezvousScore(key, { id: site.id, weight: site.capacityBitsPerSec }) }];
    })
    .sort((a, b) => a.cost - b.cost || b.turn - a.turn || a.site - b.site)
    .slice(0, ARCS_PER_GROUP);
}
