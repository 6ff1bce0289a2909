import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadOf, sumOf } from '../../../../steering/flow/plan/flow-problem.ts';
import { nearestShares, planFlow, toFlow } from '../../../../steering/flow/plan/plan-flow.ts';
import { instances, problemOf } from './flow-instances.ts';

/** Rounds until nothing more is improved. */
function settle(problem: ReturnType<typeof problemOf>, from: Float64Array): ReturnType<typeof planFlow> {
  let planned = planFlow({ problem, present: from, improving: false, slack: 0 });
  for (let round = 0; planned.improving && round < 300; round += 1)
    planned = planFlow({ problem, present: planned.shares, improving: true, slack: 0 });
  return planned;
}

test('in any instance the shares fit into all sites at once, and come within 1.02 of the optimum', () => {
  fc.assert(
    fc.property(instances(12, 6), (instance) => {
      const problem = problemOf(instance);
      const first = planFlow({ problem, present: nearestShares(problem), improving: false, slack: 0 });
      for (const shares of [first.shares, settle(problem, first.shares).shares])
        for (const [site, bits] of loadOf(problem, toFlow(problem, shares)).entries())
          expect(bits).toBeLessThanOrEqual((problem.capacity[site] ?? 0) * (1 + 1e-5) + 1e-6);
      const settled = settle(problem, first.shares);
      expect(settled.cost).toBeLessThanOrEqual(settled.bound * 1.02 + 1e-6);
    }),
    { numRuns: 60 },
  );
});

test('the same input again moves nobody', () => {
  fc.assert(
    fc.property(instances(12, 6), (instance) => {
      const problem = problemOf(instance);
      const { shares } = settle(problem, nearestShares(problem));
      const again = planFlow({ problem, present: shares, improving: false, slack: 0 });
      expect(again.movedBitsPerSec).toEqual({ needed: 0, voluntary: 0 });
      for (const [arc, share] of shares.entries()) expect(again.shares[arc]).toBeCloseTo(share, 9);
    }),
    { numRuns: 60 },
  );
});

test('when a site is lost and others have room for its viewers, they move and at most one in a hundred of the others', () => {
  fc.assert(
    fc.property(instances(12, 6), fc.nat(5), (instance, which) => {
      const lost = which % instance.capacity.length;
      // Room everywhere: nobody has to make place for those who come.
      const roomy = { ...instance, capacity: instance.capacity.map(() => 10_000) };
      const before = problemOf(roomy);
      const { shares } = settle(before, nearestShares(before));
      const lostBits = loadOf(before, toFlow(before, shares))[lost] ?? 0;
      const after = problemOf({
        ...roomy,
        costs: roomy.costs.map((row) => row.map((cost, site) => (site === lost ? undefined : cost))),
      });
      const present = shares.filter((_, arc) => before.arcSite[arc] !== lost);
      const { movedBitsPerSec } = planFlow({ problem: after, present, improving: false, slack: 0 });
      expect(movedBitsPerSec.needed).toBeCloseTo(lostBits, 4);
      expect(movedBitsPerSec.voluntary).toBeLessThanOrEqual(sumOf(after.demand) * 0.01 + 1e-6);
    }),
    { numRuns: 100 },
  );
});

test('a site that is a little over what was planned for it keeps its viewers, one that is clearly over does not', () => {
  const problem = (bits: number): ReturnType<typeof problemOf> =>
    problemOf({ demand: [bits], capacity: [100, 100], costs: [[1, 2]] });
  const present = Float64Array.of(1, 0, 0);
  const plan = (bits: number): ReturnType<typeof planFlow> =>
    planFlow({ problem: problem(bits), present, improving: false, slack: 0.05 });
  expect(plan(104).movedBitsPerSec).toEqual({ needed: 0, voluntary: 0 });
  expect(plan(106).movedBitsPerSec.needed).toBeCloseTo(6, 6);
});
