import { costOf, type FlowProblem, type Staying, sumOf } from './flow-problem.ts';
import { PairHeap } from './pair-heap.ts';

/**
 * The cheapest way to serve all groups without asking more of a site than it has.
 *
 * Sending each group to its cheapest site is the obvious way, and one popular evening fills a site while its neighbour
 * idles. Moving the overflow greedily is not much better: who has no other choice must stay, and who has must yield,
 * over several corners if need be. That is a min-cost flow, and its general solvers are slow because they see every
 * group as a node. But there are few sites, and a full site gives way only by the cheapest exchange: one of its groups
 * goes elsewhere. So the search walks over sites alone. Groups come in one after another; each looks for the shortest
 * way from itself over full sites (exchange by exchange) to a site with room, along reduced costs that prices of sites
 * keep from being negative (successive shortest paths: Ahuja, Magnanti, Orlin, "Network Flows", 9.7, with Dijkstra
 * broken off at the target). As long as nothing is full that is one look at a group's own arcs.
 *
 * The cheapest exchanges of each pair of sites lie in a heap whose entries are checked when they come up, because most
 * of them are never asked for.
 *
 * Who is somewhere already may be left there at a discount (`Staying`): the marginal cost of an arc is lower up to what
 * it carries now. That keeps the costs convex, so the same search is still exact.
 */
export interface FlowSolution {
  /** By arc, bits per second. */
  readonly flow: Float64Array;
  /** Without discounts. */
  readonly cost: number;
  /** By site: what one more bit per second of room would save; 0 where there is room. */
  readonly price: Float64Array;
}

/** @throws Error when the search does not end within a bound that no sane problem needs */
export function solveMinCostFlow(problem: FlowProblem, staying?: Staying): FlowSolution {
  const solver = new FlowSolver(problem, staying);
  const { demand } = problem;
  // The largest first: whoever comes late makes others yield in portions no larger than itself, so the small come last.
  const order = Array.from(demand.keys()).sort((a, b) => (demand[b] ?? 0) - (demand[a] ?? 0) || a - b);
  for (const group of order) solver.insert(group);
  return { flow: solver.flow, cost: costOf(problem, solver.flow), price: solver.price };
}

const NONE = -1;
const MAX_STEPS_PER_GROUP = 1000;

class FlowSolver {
  readonly flow: Float64Array;
  readonly price: Float64Array;
  readonly #problem: FlowProblem;
  readonly #kept: Float64Array | undefined;
  readonly #moveCost: number;
  readonly #room: Float64Array;
  readonly #isFull: Uint8Array;
  readonly #arcGroup: Int32Array;
  /** By site: arcs that once brought something, candidates for exchanges once the site is full. */
  readonly #arcsInto: number[][];
  readonly #pairs: (PairHeap | undefined)[];
  /** By site: sites to which exchanges from it were ever known. */
  readonly #targets: number[][];
  readonly #negligible: number;
  readonly #search: SiteSearch;
  #steps: number;

  constructor(problem: FlowProblem, staying: Staying | undefined) {
    const { demand, capacity, arcStart, arcSite } = problem;
    const sites = capacity.length;
    this.#problem = problem;
    this.#moveCost = staying?.moveCost ?? 0;
    this.flow = new Float64Array(arcSite.length);
    this.price = new Float64Array(sites);
    this.#room = Float64Array.from(capacity);
    const negligible = Math.max(sumOf(demand) * 1e-12, Number.MIN_VALUE);
    this.#negligible = negligible;
    // A step as small as that would be rounded away, and the search would take it for ever.
    this.#kept = staying?.kept.map((bits) => (bits > negligible ? bits : 0));
    this.#isFull = Uint8Array.from(capacity, (bits) => Number(bits <= this.#negligible));
    this.#arcGroup = new Int32Array(arcSite.length);
    for (let group = 0; group < demand.length; group += 1)
      this.#arcGroup.fill(group, arcStart[group] ?? 0, arcStart[group + 1] ?? 0);
    this.#arcsInto = Array.from({ length: sites }, () => []);
    this.#targets = Array.from({ length: sites }, () => []);
    this.#pairs = Array.from({ length: sites * sites });
    this.#search = new SiteSearch(sites);
    this.#steps = 10_000 + demand.length * MAX_STEPS_PER_GROUP;
  }

  insert(group: number): void {
    let left = this.#problem.demand[group] ?? 0;
    while (left > this.#negligible) {
      this.#steps -= 1;
      if (this.#steps < 0) throw new Error('the search for a min-cost flow does not end');
      const target = this.#findPath(group);
      left -= this.#augment(target, left);
    }
  }

  /** Dijkstra over sites, from the group to the first one with room; raises the prices of those it passed. */
  #findPath(group: number): number {
    const { arcStart, arcSite } = this.#problem;
    const search = this.#search;
    search.begin();
    for (let arc = arcStart[group] ?? 0; arc < (arcStart[group + 1] ?? 0); arc += 1) {
      const site = arcSite[arc] ?? 0;
      search.reach(site, this.#costOfMore(arc) + (this.price[site] ?? 0), NONE, NONE, arc);
    }
    for (let site = search.next(); site !== NONE; site = search.next()) {
      if (this.#isFull[site] !== 1) {
        search.settled((passed, nearer) => {
          this.price[passed] = (this.price[passed] ?? 0) + nearer;
        });
        return site;
      }
      this.#relaxFrom(site);
    }
    throw new Error('a group has no way to a site without limit');
  }

  #relaxFrom(site: number): void {
    const search = this.#search;
    const base = search.distanceOf(site) - (this.price[site] ?? 0);
    const sites = this.#room.length;
    const targets = this.#targets[site] ?? [];
    for (let at = 0; at < targets.length; at += 1) {
      const target = targets[at] ?? 0;
      if (search.isDone(target)) continue;
      const heap = this.#pairs[site * sites + target];
      if (heap === undefined) continue;
      while (!heap.isEmpty && !this.#holds(heap)) heap.pop();
      if (heap.isEmpty) continue;
      const distance = base + heap.topKey + (this.price[target] ?? 0);
      if (distance < search.distanceOf(target)) search.reach(target, distance, site, heap.topFrom, heap.topTo);
    }
  }

  #holds(heap: PairHeap): boolean {
    const { topFrom, topTo, topKey } = heap;
    return (this.flow[topFrom] ?? 0) > 0 && this.#costOfMore(topTo) - this.#costOfLess(topFrom) === topKey;
  }

  /** Sends what fits along the path that was found. @returns how much */
  #augment(target: number, wanted: number): number {
    const search = this.#search;
    let amount = Math.min(wanted, this.#room[target] ?? 0);
    for (let site = target; site !== NONE; site = search.siteBefore(site)) {
      amount = Math.min(amount, this.#roomAtCost(search.arcTaking(site)));
      const giving = search.arcGiving(site);
      if (giving !== NONE) amount = Math.min(amount, this.#leaveAtCost(giving));
    }
    for (let site = target; site !== NONE; site = search.siteBefore(site)) {
      this.#change(search.arcTaking(site), amount);
      const giving = search.arcGiving(site);
      if (giving !== NONE) this.#change(giving, -amount);
    }
    const room = (this.#room[target] ?? 0) - amount;
    this.#room[target] = room;
    if (room <= this.#negligible) this.#fill(target);
    return amount;
  }

  #fill(site: number): void {
    this.#isFull[site] = 1;
    for (const arc of new Set(this.#arcsInto[site])) if ((this.flow[arc] ?? 0) > 0) this.#offerAway(arc);
  }

  #change(arc: number, by: number): void {
    const before = this.flow[arc] ?? 0;
    const [moreBefore, lessBefore] = [this.#costOfMore(arc), this.#costOfLess(arc)];
    const kept = this.#kept?.[arc] ?? 0;
    let now = before + by;
    if (now <= this.#negligible) now = 0;
    else if (Math.abs(now - kept) <= this.#negligible) now = kept;
    this.flow[arc] = now;
    const site = this.#problem.arcSite[arc] ?? 0;
    if (before === 0 && now > 0) this.#arcsInto[site]?.push(arc);
    if (now > 0 && this.#isFull[site] === 1 && (before === 0 || this.#costOfLess(arc) !== lessBefore))
      this.#offerAway(arc);
    if (this.#costOfMore(arc) !== moreBefore) this.#offerTo(arc);
  }

  /** Makes known for what the viewers on an arc could go to each of their other sites. */
  #offerAway(arc: number): void {
    const { arcStart } = this.#problem;
    const group = this.#arcGroup[arc] ?? 0;
    const less = this.#costOfLess(arc);
    for (let other = arcStart[group] ?? 0; other < (arcStart[group + 1] ?? 0); other += 1)
      if (other !== arc) this.#offer(arc, other, this.#costOfMore(other) - less);
  }

  /** The same for an arc that takes at another price now. */
  #offerTo(arc: number): void {
    const { arcStart, arcSite } = this.#problem;
    const group = this.#arcGroup[arc] ?? 0;
    const more = this.#costOfMore(arc);
    for (let other = arcStart[group] ?? 0; other < (arcStart[group + 1] ?? 0); other += 1)
      if (other !== arc && (this.flow[other] ?? 0) > 0 && this.#isFull[arcSite[other] ?? 0] === 1)
        this.#offer(other, arc, more - this.#costOfLess(other));
  }

  #offer(from: number, to: number, key: number): void {
    const { arcSite } = this.#problem;
    const site = arcSite[from] ?? 0;
    const target = arcSite[to] ?? 0;
    const at = site * this.#room.length + target;
    let heap = this.#pairs[at];
    if (heap === undefined) {
      heap = new PairHeap();
      this.#pairs[at] = heap;
      this.#targets[site]?.push(target);
    }
    heap.push(key, from, to);
  }

  #costOfMore(arc: number): number {
    const cost = this.#problem.arcCost[arc] ?? 0;
    return this.#kept !== undefined && (this.flow[arc] ?? 0) < (this.#kept[arc] ?? 0) ? cost - this.#moveCost : cost;
  }

  #costOfLess(arc: number): number {
    const cost = this.#problem.arcCost[arc] ?? 0;
    return this.#kept !== undefined && (this.flow[arc] ?? 0) <= (this.#kept[arc] ?? 0) ? cost - this.#moveCost : cost;
  }

  /** How much more an arc takes before its cost changes. */
  #roomAtCost(arc: number): number {
    const kept = this.#kept?.[arc] ?? 0;
    const flow = this.flow[arc] ?? 0;
    return flow < kept ? kept - flow : Infinity;
  }

  #leaveAtCost(arc: number): number {
    const kept = this.#kept?.[arc] ?? 0;
    const flow = this.flow[arc] ?? 0;
    return flow > kept ? flow - kept : flow;
  }
}

/** The state of one search over sites, kept from search to search so that none begins by clearing arrays. */
class SiteSearch {
  readonly #distance: Float64Array;
  readonly #before: Int32Array;
  readonly #giving: Int32Array;
  readonly #taking: Int32Array;
  /** By site: 2n - 1 while reached in search n, 2n once done. */
  readonly #stamp: Float64Array;
  readonly #open = new PairHeap();
  #done: number[] = [];
  #search = 0;

  constructor(sites: number) {
    this.#distance = new Float64Array(sites);
    this.#before = new Int32Array(sites);
    this.#giving = new Int32Array(sites);
    this.#taking = new Int32Array(sites);
    this.#stamp = new Float64Array(sites);
  }

  begin(): void {
    this.#search += 1;
    this.#done = [];
    while (!this.#open.isEmpty) this.#open.pop();
  }

  reach(site: number, distance: number, before: number, giving: number, taking: number): void {
    if (distance >= this.distanceOf(site)) return;
    this.#stamp[site] = 2 * this.#search - 1;
    this.#distance[site] = distance;
    this.#before[site] = before;
    this.#giving[site] = giving;
    this.#taking[site] = taking;
    this.#open.push(distance, site, 0);
  }

  /** The nearest site that is not done yet, which is done by that; NONE when there is none. */
  next(): number {
    while (!this.#open.isEmpty) {
      const site = this.#open.topFrom;
      this.#open.pop();
      if (this.isDone(site)) continue;
      this.#stamp[site] = 2 * this.#search;
      this.#done.push(site);
      return site;
    }
    return NONE;
  }

  /** Tells of each site on the way to the last one how much nearer it was. */
  settled(tell: (site: number, nearer: number) => void): void {
    const last = this.distanceOf(this.#done.at(-1) ?? 0);
    for (const site of this.#done) tell(site, last - this.distanceOf(site));
  }

  distanceOf(site: number): number {
    return (this.#stamp[site] ?? 0) >= 2 * this.#search - 1 ? (this.#distance[site] ?? 0) : Infinity;
  }

  isDone(site: number): boolean {
    return this.#stamp[site] === 2 * this.#search;
  }

  siteBefore(site: number): number {
    return this.#before[site] ?? NONE;
  }

  arcGiving(site: number): number {
    return this.#giving[site] ?? NONE;
  }

  arcTaking(site: number): number {
    return this.#taking[site] ?? NONE;
  }
}
