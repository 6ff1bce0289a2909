/**
 * From which other site a site takes what it does not get from the origin: a tree over the sites, solved once per plan.
 *
 * If every site went to the origin, the provider would send a file once per site, and each ISP would take it over its
 * dearest link. If one site fetched for all the others, its uplink would be what everybody waits for. So the tree grows
 * from the origin by Prim's rule: the next arrow is always the cheapest one from somebody who is already reached to
 * somebody who is not, where cheap is what a byte costs on that way, and where who gives has rate left. Fill streams
 * block by block through sites that still fill, so a level of the tree costs seconds, not the time of a file, and what
 * counts is that nobody gives more than he can: with four times its own rate to give, 200 sites are four levels.
 *
 * Costs are money per gigabyte where the operator states it, and else proportions: the origin is far (1), another
 * region less so (0.5), a site of the same region near (0.2), and 10,000 km cost 1 more.
 *
 * A site gives only to those whose window opens with its own or up to half a day later: before that it has nothing
 * itself. It gives only to those who take as long as it does, or nearly: who is quicker would wait for it. And only over ways that exist: `fillFrom`, the sites whose routes a site hears, where the operator names them.
 *
 * A rendition is not held everywhere. Each site therefore has a short list: its parent, then the cheapest others that
 * the tree has reached before it. The order in which the tree grew is the same for all renditions, and arrows point only
 * back in it; so nobody waits for somebody who waits for him.
 *
 * Limits: Prim's rule is the best tree only where ways cost the same in both directions, which windows and preferences
 * can spoil: a site that the origin serves cheaply is reached first, also where it could have waited for a cheaper one.
 * Rates are those of whole sites, as if every rendition took the first of the list; renditions that the parent
 * lacks load others beyond what was counted. A list has eight sites.
 */
export interface TierSite {
  readonly id: string;
  readonly region: string;
  /** What it takes across its link while it fills. */
  readonly fillBitsPerSec: number;
  /** What it may give to other sites meanwhile. Absent: four times what it takes. */
  readonly serveFillBitsPerSec?: number | undefined;
  /** How long it takes to take in its plan at its own rate, from nothing. */
  readonly fillSec?: number | undefined;
  /** Start of any of its windows. */
  readonly windowStartsAtMs: number;
  readonly location?: { readonly latitude: number; readonly longitude: number } | undefined;
  /** What a gigabyte from the origin costs it, and from another site. */
  readonly originCostPerGb?: number | undefined;
  readonly tierCostPerGb?: number | undefined;
  /** Sites that it may take from, the preferred ones first. Absent: all. */
  readonly fillFrom?: readonly string[] | undefined;
}

/** By site: indices of the sites to take from, the best first. Where none holds a rendition, the origin. */
export type TierTree = readonly (readonly number[])[];

const MAX_TIERS = 8;
const DAY_MS = 86_400_000;
const GIVES_TIMES_OWN_RATE = 4;
const AS_LONG = 1.1;
const EARTH_RADIUS_KM = 6371;

export function planTiers(sites: readonly TierSite[]): TierTree {
  const parents = growTree(sites);
  const place = new Int32Array(sites.length);
  for (const [at, { site }] of parents.entries()) place[site] = at;
  const parentOf = new Int32Array(sites.length);
  for (const { site, parent } of parents) parentOf[site] = parent;
  return sites.map((site, index) => {
    const parent = parentOf[index] ?? -1;
    // The origin has everything: whom the tree sends there needs no other.
    if (parent === -1) return [];
    const earlier = sites.flatMap((other, from) => {
      if (from === index || from === parent || (place[from] ?? 0) > (place[index] ?? 0)) return [];
      const cost = tierCost(other, site);
      return cost < originCost(site) ? [{ from, cost }] : [];
    });
    earlier.sort((a, b) => a.cost - b.cost || a.from - b.from);
    return [parent, ...earlier.slice(0, MAX_TIERS - 1).map(({ from }) => from)];
  });
}

interface Arrow {
  readonly site: number;
  /** -1: the origin. */
  readonly parent: number;
}

/** Sites in the order in which they are reached, each with whom it takes from. */
function growTree(sites: readonly TierSite[]): Arrow[] {
  const leftBitsPerSec = sites.map(
    ({ serveFillBitsPerSec, fillBitsPerSec }) => serveFillBitsPerSec ?? fillBitsPerSec * GIVES_TIMES_OWN_RATE,
  );
  const waiting = new Set(sites.keys());
  // The origin's cost stands as the first offer; among equals who can give most goes first, then by id.
  const best = sites.map((site): { parent: number; cost: number } => ({ parent: -1, cost: originCost(site) }));
  const arrows: Arrow[] = [];
  while (waiting.size > 0) {
    const site = nextSite(sites, waiting, best, leftBitsPerSec);
    waiting.delete(site);
    const { parent } = best[site] ?? { parent: -1 };
    arrows.push({ site, parent });
    const rate = sites[site]?.fillBitsPerSec ?? 0;
    if (parent !== -1) leftBitsPerSec[parent] = (leftBitsPerSec[parent] ?? 0) - rate;
    for (const other of waiting) {
      offer(sites, best, leftBitsPerSec, site, other);
      // Who has given his rate away withdraws his offer; the next best is looked for among those reached.
      const taken = best[other]?.parent ?? -1;
      if (taken !== -1 && !canGive(sites, leftBitsPerSec, taken, other)) {
        best[other] = { parent: -1, cost: originCost(at(sites, other)) };
        for (const reached of arrows) offer(sites, best, leftBitsPerSec, reached.site, other);
      }
    }
  }
  return arrows;
}

function nextSite(
  sites: readonly TierSite[],
  waiting: ReadonlySet<number>,
  best: readonly { readonly cost: number }[],
  leftBitsPerSec: readonly number[],
): number {
  let next = -1;
  for (const site of waiting) {
    if (next === -1) {
      next = site;
      continue;
    }
    const order =
      (best[site]?.cost ?? 0) - (best[next]?.cost ?? 0) ||
      (leftBitsPerSec[next] ?? 0) - (leftBitsPerSec[site] ?? 0) ||
      (at(sites, site).id < at(sites, next).id ? -1 : 1);
    if (order < 0) next = site;
  }
  return next;
}

function offer(
  sites: readonly TierSite[],
  best: { parent: number; cost: number }[],
  leftBitsPerSec: readonly number[],
  from: number,
  to: number,
): void {
  if (!canGive(sites, leftBitsPerSec, from, to)) return;
  const cost = tierCost(at(sites, from), at(sites, to));
  if (cost < (best[to]?.cost ?? 0)) best[to] = { parent: from, cost };
}

const canGive = (sites: readonly TierSite[], leftBitsPerSec: readonly number[], from: number, to: number): boolean =>
  (leftBitsPerSec[from] ?? 0) >= at(sites, to).fillBitsPerSec;

const originCost = ({ originCostPerGb }: TierSite): number => originCostPerGb ?? 1;

/** What a gigabyte costs that `to` takes from `from`; infinite where it cannot. */
function tierCost(from: TierSite, to: TierSite): number {
  const preferred = to.fillFrom?.indexOf(from.id) ?? 0;
  if (preferred === -1) return Number.POSITIVE_INFINITY;
  const aheadMs = (((to.windowStartsAtMs - from.windowStartsAtMs) % DAY_MS) + DAY_MS) % DAY_MS;
  if (aheadMs > DAY_MS / 2) return Number.POSITIVE_INFINITY;
  // Hours ahead are hours in which it fills already.
  const aheadSec = aheadMs / 1000;
  if ((from.fillSec ?? 0) - aheadSec > (to.fillSec ?? Number.POSITIVE_INFINITY) * AS_LONG)
    return Number.POSITIVE_INFINITY;
  const perGb = to.tierCostPerGb ?? (from.region === to.region ? 0.2 : 0.5);
  // What the operator prefers breaks ties only: he states costs where they differ.
  return perGb + kilometres(from, to) / 10_000 + preferred * 1e-6;
}

/** Along the great circle; 0 where a place is not known. */
function kilometres({ location: a }: TierSite, { location: b }: TierSite): number {
  if (a === undefined || b === undefined) return 0;
  const radians = Math.PI / 180;
  const halfLatitude = Math.sin(((b.latitude - a.latitude) * radians) / 2);
  const halfLongitude = Math.sin(((b.longitude - a.longitude) * radians) / 2);
  const across = Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * halfLongitude ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, halfLatitude ** 2 + across)));
}

function at(sites: readonly TierSite[], index: number): TierSite {
  const site = sites[index];
  if (site === undefined) throw new Error(`there is no site ${index}`);
  return site;
}
