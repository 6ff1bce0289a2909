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

/**
 * Finds the sites of a place, and remembers them while the sites are the same: looking at hundreds of sites for
 * hundreds of places takes long enough for players to notice, and seldom says anything new.
 */
export class ArcFinder {
  #sites: readonly FlowSite[] = [];
  #signature = '';
  #homes: ReadonlyMap<string, FlowSite['location']> = new Map();
  #networks: ReadonlySet<string | undefined> = new Set();
  /** By what sites cost the ISP, which is the same object for all whom it is the same for, then by site and network. */
  #known = new WeakMap<FlowPlace['siteCosts'], Map<string, readonly Arc[]>>();

  use(sites: readonly FlowSite[]): void {
    this.#sites = sites;
    const signature = JSON.stringify(sites.map(({ id, kind, network, location }) => [id, kind, network, location]));
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#homes = new Map(sites.map((site) => [site.id, site.location]));
    this.#networks = new Set(sites.map(({ network }) => network));
    this.#known = new WeakMap();
  }

  arcsOf(place: FlowPlace): readonly Arc[] {
    let known = this.#known.get(place.siteCosts);
    if (known === undefined) this.#known.set(place.siteCosts, (known = new Map<string, readonly Arc[]>()));
    // A network that no site is there for alone sees the sites as all others do.
    const key = `${place.siteId ?? ''}\n${this.#networks.has(place.network) ? place.network : ''}`;
    let arcs = known.get(key);
    if (arcs === undefined) {
      arcs = cheapestArcs(place, key, this.#sites, this.#homes.get(place.siteId ?? ''));
      known.set(key, arcs);
    }
    return arcs;
  }
}

/** @param sites that can give something */
export function buildFlowProblem(
  groups: readonly GroupDemand[],
  sites: readonly FlowSite[],
  finder = new ArcFinder(),
): NamedProblem {
  finder.use(sites);
  const arcStart = new Int32Array(groups.length + 1);
  const arcSite: number[] = [];
  const arcCost: number[] = [];
  for (const [group, { place }] of groups.entries()) {
    for (const { site, cost } of [...finder.arcsOf(place), { site: sites.length, cost: ORIGIN_COST }]) {
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

function cheapestArcs(
  place: FlowPlace,
  key: string,
  sites: readonly FlowSite[],
  home: FlowSite['location'],
): readonly Arc[] {
  return sites
    .flatMap((site, index) => {
      const cost = siteCost(place, site, home);
      if (cost === undefined) return [];
      return [{ site: index, cost, turn: rendezvousScore(key, { id: site.id, weight: site.capacityBitsPerSec }) }];
    })
    .sort((a, b) => a.cost - b.cost || b.turn - a.turn || a.site - b.site)
    .slice(0, ARCS_PER_GROUP);
}
