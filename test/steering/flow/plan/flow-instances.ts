import fc from 'fast-check';
import type { FlowProblem } from '../../../../steering/flow/plan/flow-problem.ts';

/** Random transportation problems in small whole numbers. */
const ORIGIN_COST = 200;

export interface Instance {
  readonly demand: readonly number[];
  /** Without the origin. */
  readonly capacity: readonly number[];
  /** By group, by site: undefined where there is no arc. */
  readonly costs: readonly (readonly (number | undefined)[])[];
}

export const instances = (maxGroups: number, maxSites: number): fc.Arbitrary<Instance> =>
  fc.tuple(fc.integer({ min: 1, max: maxGroups }), fc.integer({ min: 1, max: maxSites })).chain(([groups, sites]) =>
    fc.record({
      demand: fc.array(fc.nat(60), { minLength: groups, maxLength: groups }),
      capacity: fc.array(fc.nat(120), { minLength: sites, maxLength: sites }),
      costs: fc.array(
        fc.array(fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined, freq: 3 }), {
          minLength: sites,
          maxLength: sites,
        }),
        { minLength: groups, maxLength: groups },
      ),
    }),
  );

export function problemOf({ demand, capacity, costs }: Instance): FlowProblem {
  const origin = capacity.length;
  const arcStart = [0];
  const arcSite: number[] = [];
  const arcCost: number[] = [];
  for (const row of costs) {
    for (const [site, cost] of row.entries()) {
      if (cost === undefined) continue;
      arcSite.push(site);
      arcCost.push(cost);
    }
    arcSite.push(origin);
    arcCost.push(ORIGIN_COST);
    arcStart.push(arcSite.length);
  }
  return {
    demand: Float64Array.from(demand),
    capacity: Float64Array.from([...capacity, Infinity]),
    arcStart: Int32Array.from(arcStart),
    arcSite: Int32Array.from(arcSite),
    arcCost: Float64Array.from(arcCost),
  };
}
