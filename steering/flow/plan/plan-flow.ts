import { costOf, type FlowProblem, loadOf, movedBetween, sumOf } from './flow-problem.ts';
import { solveMinCostFlow } from './min-cost-flow.ts';

/**
 * The next round of shares, from those of the round before.
 *
 * Solving anew each time is the obvious way, and every round would move viewers about between solutions that cost the
 * same. So a round asks two questions. Must somebody move? Only where the present shares ask more of a site than it
 * has, or leave viewers at the origin who have room elsewhere: then the flow is solved with a price on every move that
 * is higher than any difference between sites, so that exactly those move who must, and as cheaply as that allows. Is
 * it worth moving more? Only when the result costs over `TOLERANCE` of the optimum; then it goes towards the optimum by
 * a part of the way. Both ends fit into the sites, so everything on the straight line between them does, and a part of
 * the way moves that part of the viewers: at most `VOLUNTARY_SHARE` of all in one round. Once begun it goes to the end,
 * so that it does not stop and start at the border of the tolerance.
 *
 * Demand is a measurement and trembles. What is planned fits into the capacities; what was planned before may be over
 * them by `slack` before anybody has to move, otherwise every tremble would move somebody at a full site.
 */
export interface FlowRound {
  readonly problem: FlowProblem;
  /** By arc: the share of its group that is there now, 0 to 1; a group's may sum up to less when its site is gone. */
  readonly present: Float64Array;
  /** The round before was on its way to the optimum. */
  readonly improving: boolean;
  /** By how much of its capacity a site may be over it before anybody has to move. */
  readonly slack: number;
}

export interface PlannedFlow {
  /** By arc: the share of its group, 0 to 1; they sum up to 1 in each group. */
  readonly shares: Float64Array;
  readonly cost: number;
  /** The least that any shares would cost. */
  readonly bound: number;
  /** Bits per second that go elsewhere than before because they had to, and those that go for the cost alone. */
  readonly movedBitsPerSec: { readonly needed: number; readonly voluntary: number };
  readonly improving: boolean;
}

const TOLERANCE = 0.02;
const VOLUNTARY_SHARE = 0.02;
/** Of a site's capacity: what rounding may put on top. */
const ROUNDING = 1e-6;

/** @throws Error when the solver does not end, see min-cost-flow.ts */
export function planFlow({ problem, present, improving, slack }: FlowRound): PlannedFlow {
  const kept = toFlow(problem, present);
  const staying = { kept, moveCost: 0 };
  // Among the optimal flows one that is near: a discount too small to buy anything else.
  const optimum = solveMinCostFlow(problem, { ...staying, moveCost: smallestCost(problem) * 1e-6 });
  const mayStay =
    isComplete(problem, present) && fits(problem, kept, slack) && !wastesOrigin(problem, kept, optimum.flow, slack);
  const needed = mayStay
    ? kept
    : solveMinCostFlow(problem, { ...staying, moveCost: highestSiteCost(problem) * 2 }).flow;
  const neededCost = costOf(problem, needed);
  let flow = needed;
  let isImproving = false;
  if (neededCost > optimum.cost * (1 + (improving ? 1e-6 : TOLERANCE))) {
    const distance = movedBetween(needed, optimum.flow);
    const part = Math.min(1, (sumOf(problem.demand) * VOLUNTARY_SHARE) / distance);
    flow = needed.map((bits, arc) => bits + part * ((optimum.flow[arc] ?? 0) - bits));
    isImproving = part < 1;
  }
  return {
    shares: toShares(problem, flow, present),
    cost: costOf(problem, flow),
    bound: optimum.cost,
    movedBitsPerSec: {
      needed: mayStay ? 0 : movedBetween(kept, needed) + Math.max(0, sumOf(problem.demand) - sumOf(kept)),
      voluntary: movedBetween(needed, flow),
    },
    improving: isImproving,
  };
}

/** What a nearest-only order would do: every group wholly on its cheapest arc. */
export function nearestShares({ demand, arcStart, arcCost }: FlowProblem): Float64Array {
  const shares = new Float64Array(arcCost.length);
  for (let group = 0; group < demand.length; group += 1) {
    let best = arcStart[group] ?? 0;
    for (let arc = best + 1; arc < (arcStart[group + 1] ?? 0); arc += 1)
      if ((arcCost[arc] ?? 0) < (arcCost[best] ?? 0)) best = arc;
    shares[best] = 1;
  }
  return shares;
}

/** Whether no site is asked for more than it has, and by `slack` of it more. */
export function fits({ capacity, ...problem }: FlowProblem, flow: Float64Array, slack: number): boolean {
  return loadOf({ capacity, ...problem }, flow).every(
    (bits, site) => bits <= (capacity[site] ?? 0) * (1 + slack + ROUNDING),
  );
}

export function toFlow({ demand, arcStart }: FlowProblem, shares: Float64Array): Float64Array {
  const flow = new Float64Array(shares.length);
  for (let group = 0; group < demand.length; group += 1)
    for (let arc = arcStart[group] ?? 0; arc < (arcStart[group + 1] ?? 0); arc += 1)
      flow[arc] = (shares[arc] ?? 0) * (demand[group] ?? 0);
  return flow;
}

/** Shares of groups that nobody asks for now stay what they were. */
function toShares(problem: FlowProblem, flow: Float64Array, present: Float64Array): Float64Array {
  const { demand, arcStart } = problem;
  const nearest = nearestShares(problem);
  const shares = new Float64Array(flow.length);
  for (let group = 0; group < demand.length; group += 1) {
    const [start, end] = [arcStart[group] ?? 0, arcStart[group + 1] ?? 0];
    const source = [flow, present, nearest].find((values) => sumOf(values.subarray(start, end)) > 0) ?? nearest;
    const whole = sumOf(source.subarray(start, end));
    for (let arc = start; arc < end; arc += 1) shares[arc] = (source[arc] ?? 0) / whole;
  }
  return shares;
}

function isComplete({ demand, arcStart }: FlowProblem, present: Float64Array): boolean {
  return demand.every(
    (bits, group) =>
      bits === 0 || sumOf(present.subarray(arcStart[group] ?? 0, arcStart[group + 1] ?? 0)) > 1 - ROUNDING,
  );
}

/** Whether it leaves more viewers at the origin than need be. */
function wastesOrigin(problem: FlowProblem, flow: Float64Array, optimum: Float64Array, slack: number): boolean {
  const origin = problem.capacity.length - 1;
  const [now, least] = [loadOf(problem, flow)[origin] ?? 0, loadOf(problem, optimum)[origin] ?? 0];
  return now > least + sumOf(problem.demand) * (slack + ROUNDING);
}

const smallestCost = ({ arcCost }: FlowProblem): number =>
  arcCost.reduce((least, cost) => Math.min(least, cost), Infinity);

/** Of arcs to sites; that to the origin is no measure. */
function highestSiteCost({ capacity, arcCost, arcSite }: FlowProblem): number {
  const origin = capacity.length - 1;
  return arcCost.reduce((most, cost, arc) => (arcSite[arc] === origin ? most : Math.max(most, cost)), 0);
}
