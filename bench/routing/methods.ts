import { costOf, type FlowProblem, sumOf } from '../../steering/flow/plan/flow-problem.ts';
import { solveMinCostFlow } from '../../steering/flow/plan/min-cost-flow.ts';
import { nearestShares, planFlow, toFlow } from '../../steering/flow/plan/plan-flow.ts';

/** A way to say where everybody goes, round by round. It gives shares by arc. */
export interface Method {
  readonly name: string;
  /** It asks no site for more than it has, so that what has to move is a question. */
  readonly keepsCaps: boolean;
  readonly plan: (problem: FlowProblem, present: Float64Array) => Float64Array;
}

/** Ours, and what others do. */
export function methods(): Method[] {
  let improving = false;
  return [
    {
      name: 'ours',
      keepsCaps: true,
      plan: (problem, present) => {
        const planned = planFlow({ problem, present, improving, slack: 0 });
        improving = planned.improving;
        return planned.shares;
      },
    },
    { name: 'optimum anew', keepsCaps: true, plan: (problem) => sharesOf(problem, solveMinCostFlow(problem).flow) },
    { name: 'nearest only', keepsCaps: false, plan: (problem) => nearestShares(problem) },
    { name: 'weighted round robin', keepsCaps: false, plan: byCapacity },
    { name: 'stable allocation', keepsCaps: true, plan: stableAllocation },
  ];
}

/** Every group over its sites by their capacities, as a balancer with weights does. */
function byCapacity({ demand, arcStart, arcSite, capacity }: FlowProblem): Float64Array {
  const shares = new Float64Array(arcSite.length);
  const origin = capacity.length - 1;
  for (let group = 0; group < demand.length; group += 1) {
    const [start, end] = [arcStart[group] ?? 0, arcStart[group + 1] ?? 0];
    let sum = 0;
    for (let arc = start; arc < end; arc += 1) sum += arcSite[arc] === origin ? 0 : (capacity[arcSite[arc] ?? 0] ?? 0);
    for (let arc = start; arc < end; arc += 1)
      shares[arc] = arcSite[arc] === origin ? 0 : (capacity[arcSite[arc] ?? 0] ?? 0) / sum;
  }
  return shares;
}

/**
 * Groups propose to their sites in the order of cost, sites keep whom they are nearest to and turn the rest away: the
 * stable allocation that Akamai describes (Maggs and Sitaraman, "Algorithmic nuggets in content delivery", CCR 2015).
 */
function stableAllocation(problem: FlowProblem): Float64Array {
  const { demand, arcStart, arcSite, arcCost, capacity } = problem;
  const flow = new Float64Array(arcSite.length);
  const order = Array.from(demand.keys(), (group) =>
    Array.from(
      { length: (arcStart[group + 1] ?? 0) - (arcStart[group] ?? 0) },
      (_, at) => (arcStart[group] ?? 0) + at,
    ).sort((a, b) => (arcCost[a] ?? 0) - (arcCost[b] ?? 0)),
  );
  const groupOf = new Int32Array(arcSite.length);
  for (const [group, arcs] of order.entries()) for (const arc of arcs) groupOf[arc] = group;
  const held: number[][] = Array.from(capacity, () => []);
  const load = new Float64Array(capacity.length);
  const left = Float64Array.from(demand);
  const next = new Int32Array(demand.length);
  const queue = Array.from(demand.keys());
  for (let group = queue.pop(); group !== undefined; group = queue.pop()) {
    const arc = order[group]?.[next[group] ?? 0];
    const bits = left[group] ?? 0;
    if (arc === undefined || bits <= 0) continue;
    const site = arcSite[arc] ?? 0;
    flow[arc] = (flow[arc] ?? 0) + bits;
    left[group] = 0;
    load[site] = (load[site] ?? 0) + bits;
    held[site]?.push(arc);
    let over = (load[site] ?? 0) - (capacity[site] ?? 0);
    if (over <= 0) continue;
    // The farthest leave first.
    const here = [...new Set(held[site])].sort((a, b) => (arcCost[b] ?? 0) - (arcCost[a] ?? 0) || b - a);
    for (const leaving of here) {
      if (over <= 0) break;
      const gone = Math.min(over, flow[leaving] ?? 0);
      if (gone <= 0) continue;
      flow[leaving] = (flow[leaving] ?? 0) - gone;
      over -= gone;
      const other = groupOf[leaving] ?? 0;
      left[other] = (left[other] ?? 0) + gone;
      while (
        order[other]?.[next[other] ?? 0] !== undefined &&
        arcCostAt(order, next, other, arcCost) <= (arcCost[leaving] ?? 0)
      )
        next[other] = (next[other] ?? 0) + 1;
      queue.push(other);
    }
    load[site] = capacity[site] ?? 0;
    held[site] = here.filter((kept) => (flow[kept] ?? 0) > 0);
  }
  return sharesOf(problem, flow);
}

const arcCostAt = (order: readonly number[][], next: Int32Array, group: number, arcCost: Float64Array): number =>
  arcCost[order[group]?.[next[group] ?? 0] ?? 0] ?? 0;

function sharesOf({ demand, arcStart }: FlowProblem, flow: Float64Array): Float64Array {
  const shares = new Float64Array(flow.length);
  for (let group = 0; group < demand.length; group += 1) {
    const [start, end] = [arcStart[group] ?? 0, arcStart[group + 1] ?? 0];
    const whole = sumOf(flow.subarray(start, end));
    for (let arc = start; arc < end; arc += 1) shares[arc] = whole > 0 ? (flow[arc] ?? 0) / whole : 0;
  }
  return shares;
}

/** How many bits per second have to move at least, whatever it costs, so that nobody is at the origin who need not be. */
export function leastMoved(problem: FlowProblem, present: Float64Array): number {
  const kept = toFlow(problem, present);
  const origin = problem.capacity.length - 1;
  const arcCost = problem.arcCost.map((_, arc) => (problem.arcSite[arc] === origin ? 1000 : 1));
  const moves = { ...problem, arcCost };
  const { flow } = solveMinCostFlow(moves, { kept, moveCost: 1 });
  const stays = flow.reduce((sum, bits, arc) => sum + Math.min(bits, kept[arc] ?? 0), 0);
  return sumOf(problem.demand) - stays;
}

export const costOfShares = (problem: FlowProblem, shares: Float64Array): number =>
  costOf(problem, toFlow(problem, shares));
