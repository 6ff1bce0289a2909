/**
 * Groups of viewers on one side, sites on the other, and what each pairing costs: a transportation problem.
 *
 * The last site is the origin: it takes whatever is left over, so there is always a solution; an arc to it costs more
 * than any other.
 */
export interface FlowProblem {
  /** By group: bits per second that its viewers take. */
  readonly demand: Float64Array;
  /** By site: bits per second that it gives at most; Infinity for the origin. */
  readonly capacity: Float64Array;
  /** By group: where its arcs begin; one more at the end. The arcs of a group lead to different sites. */
  readonly arcStart: Int32Array;
  /** By arc: its site. */
  readonly arcSite: Int32Array;
  /** By arc: what one bit per second over it costs, positive. */
  readonly arcCost: Float64Array;
}

/** What viewers now do, by arc, and what it is worth to leave them alone. */
export interface Staying {
  /** By arc: bits per second that are there already. */
  readonly kept: Float64Array;
  /** What moving one bit per second costs, in the unit of the arcs' costs. */
  readonly moveCost: number;
}

/** The cost of a flow, in bits per second times the unit of the arcs' costs. */
export function costOf({ arcCost }: FlowProblem, flow: Float64Array): number {
  let cost = 0;
  for (let arc = 0; arc < flow.length; arc += 1) cost += (flow[arc] ?? 0) * (arcCost[arc] ?? 0);
  return cost;
}

/** By site: what a flow brings to it. */
export function loadOf({ capacity, arcSite }: FlowProblem, flow: Float64Array): Float64Array {
  const load = new Float64Array(capacity.length);
  for (let arc = 0; arc < flow.length; arc += 1) {
    const site = arcSite[arc] ?? 0;
    load[site] = (load[site] ?? 0) + (flow[arc] ?? 0);
  }
  return load;
}

/** How much of a flow would go elsewhere if another took its place. */
export function movedBetween(before: Float64Array, after: Float64Array): number {
  let moved = 0;
  for (let arc = 0; arc < before.length; arc += 1) moved += Math.max(0, (before[arc] ?? 0) - (after[arc] ?? 0));
  return moved;
}

export const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
