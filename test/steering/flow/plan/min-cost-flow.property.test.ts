import fc from 'fast-check';
import { expect, test } from 'vitest';
import { oracleCost } from '../../../../bench/routing/flow-oracle.ts';
import { costOf, loadOf, sumOf } from '../../../../steering/flow/plan/flow-problem.ts';
import { solveMinCostFlow } from '../../../../steering/flow/plan/min-cost-flow.ts';
import { instances, problemOf } from './flow-instances.ts';

test('a flow costs what an established solver says is the least, serves everybody and asks no site for more than it has', () => {
  fc.assert(
    fc.property(instances(14, 7), (instance) => {
      const problem = problemOf(instance);
      const { flow, cost } = solveMinCostFlow(problem);
      const least = oracleCost(problem);
      expect(cost).toBeCloseTo(costOf(problem, flow), 6);
      expect(cost).toBeGreaterThan(least - 1e-6 * (1 + least));
      expect(cost).toBeLessThan(least + 1e-6 * (1 + least));
      for (const [site, bits] of loadOf(problem, flow).entries())
        expect(bits).toBeLessThanOrEqual((problem.capacity[site] ?? 0) * (1 + 1e-9));
      for (const [group, bits] of problem.demand.entries()) {
        const served = sumOf(flow.subarray(problem.arcStart[group], problem.arcStart[group + 1]));
        expect(Math.abs(served - bits)).toBeLessThanOrEqual(1e-6);
      }
    }),
    { numRuns: 300 },
  );
});

test('prices say who is full: a site with room has none, and no group would gain by another site at these prices', () => {
  fc.assert(
    fc.property(instances(14, 7), (instance) => {
      const problem = problemOf(instance);
      const { flow, price } = solveMinCostFlow(problem);
      const load = loadOf(problem, flow);
      for (const [site, each] of price.entries())
        if (each > 1e-9) expect(load[site]).toBeCloseTo(problem.capacity[site] ?? 0, 6);
      for (const [group] of problem.demand.entries()) {
        const arcs = Array.from(flow.keys()).slice(problem.arcStart[group], problem.arcStart[group + 1]);
        const costs = arcs.map((arc) => (problem.arcCost[arc] ?? 0) + (price[problem.arcSite[arc] ?? 0] ?? 0));
        const best = Math.min(...costs);
        for (const [at, arc] of arcs.entries()) if ((flow[arc] ?? 0) > 0) expect(costs[at]).toBeCloseTo(best, 6);
      }
    }),
    { numRuns: 200 },
  );
});

test('with a price on moves the flow is the optimum of the costs with the discount, by the same oracle', () => {
  const moves = fc.tuple(instances(8, 5), instances(8, 5), fc.integer({ min: 1, max: 30 }));
  fc.assert(
    fc.property(moves, ([instance, other, moveCost]) => {
      const problem = problemOf(instance);
      // Where viewers are now: the optimum of other capacities.
      const capacity = problem.capacity.map((bits, site) => (bits === Infinity ? bits : (other.capacity[site] ?? 30)));
      const kept = solveMinCostFlow({ ...problem, capacity }).flow;
      const { flow } = solveMinCostFlow(problem, { kept, moveCost });
      const discounted = (of: Float64Array): number =>
        costOf(problem, of) - moveCost * of.reduce((sum, bits, arc) => sum + Math.min(bits, kept[arc] ?? 0), 0);
      expect(discounted(flow)).toBeCloseTo(oracleCost(problem, kept, moveCost), 4);
    }),
    { numRuns: 150 },
  );
});

test('who is there with next to nothing does not keep the search from ending', () => {
  const problem = problemOf({
    demand: [10, 10],
    capacity: [12, 12],
    costs: [
      [1, 1],
      [1, 2],
    ],
  });
  const kept = Float64Array.of(1e-13, 10, 0, 1e-14, 0, 1e-12);
  const { flow } = solveMinCostFlow(problem, { kept, moveCost: 5 });
  expect(flow[1]).toBeCloseTo(10, 9);
  expect(flow[3]).toBeCloseTo(10, 9);
});
