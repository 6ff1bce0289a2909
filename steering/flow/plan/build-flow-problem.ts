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

/** Looking at all sites for a place takes as long as so many groups whose sites are known. */
const GROUPS_PER_SEARCH = 200;

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
  #searches = 0;

  use(sites: readonly FlowSite[]): void {
    this.#sites = sites;
    const signature = JSON.stringify(sites.map(({ id, kind, network, location }) => [id, kind, network, location]));
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#homes = new Map(sites.map((site) => [site.id, site.location]));
    this.#networks = new Set(sites.map(({ network }) => network));
    this.#known = new WeakMap();
  }

  /** How often all sites were looked at for a place. */
  get searches(): number {
    return this.#searches;
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
      this.#searches += 1;
    }
    return arcs;
  }
}

/** At once. @param sites that can give something */
export function buildFlowProblem(
  groups: readonly GroupDemand[],
  sites: readonly FlowSite[],
  finder = new ArcFinder(),
): NamedProblem {
  const steps = flowProblemSteps(groups, sites, finder);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same in steps. @yields how many groups were done */
export function* flowProblemSteps(
  groups: readonly GroupDemand[],
  sites: readonly FlowSite[],
  finder: ArcFinder,
): Generator<number, NamedProblem> {
  finder.use(sites);
  const mostArcs = groups.length * (Math.min(ARCS_PER_GROUP, sites.length) + 1);
  const arcStart = new Int32Array(groups.length + 1);
  const arcSite = new Int32Array(mostArcs);
  const arcCost = new Float64Array(mostArcs);
  const demand = new Float64Array(groups.length);
  let arcs = 0;
  const add = (site: number, cost: number): void => {
    arcSite[arcs] = site;
    arcCost[arcs] = cost;
    arcs += 1;
  };
  for (const [group, { place, bitsPerSec }] of groups.entries()) {
    demand[group] = bitsPerSec;
    const { searches } = finder;
    for (const { site, cost } of finder.arcsOf(place)) add(site, cost);
    add(sites.length, ORIGIN_COST);
    arcStart[group + 1] = arcs;
    yield finder.searches === searches ? 1 : GROUPS_PER_SEARCH;
  }
  return {
    problem: {
      demand,
      capacity: Float64Array.from([...sites.map(({ capacityBitsPerSec }) => capacityBitsPerSec), Infinity]),
      arcStart,
      arcSite: arcSite.slice(0, arcs),
      arcCost: arcCost.slice(0, arcs),
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
