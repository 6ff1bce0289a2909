/**
 * How the appliances that serve one neighbourhood compare with each other.
 *
 * A rate says little of an appliance: copper lines are slow at every appliance, and the one that serves them would look
 * bad beside one that serves fibre. Only within one neighbourhood do the same viewers meet several appliances. So each
 * is held against the best of its neighbourhood, and what is added up over neighbourhoods (for a site, for everybody)
 * are these differences and never the rates.
 *
 * Of few measurements the median is chance, so the best is looked for among medians that are drawn towards the middle
 * of the group, the more the fewer they are. Stalls and errors are held against what the others have in the same place
 * (indirect standardisation, as epidemiologists do): a neighbourhood that stalls everywhere blames nobody.
 *
 * Where a neighbourhood knows one appliance only there is nothing to compare and nothing comes out; its stalls and
 * errors are then held against a rate that is normal.
 */
export interface Measured {
  /** How many rates were measured, and the median in half octaves. */
  readonly rates: number;
  readonly medianRate: number;
  readonly reports: number;
  readonly stalls: number;
  readonly requests: number;
  readonly errors: number;
}

export interface Comparison {
  /** Half octaves below the best, 0 or negative; and how many measurements say so (0: nothing to compare with). */
  readonly rateGap: number;
  readonly rateWeight: number;
  /** How many stalls and errors the others would have had in its place. */
  readonly expectedStalls: number;
  readonly expectedErrors: number;
}

/** Measurements that the middle of the group counts like. */
const PRIOR_RATES = 10;
/** A median of less than this is no best. */
const MIN_RATES = 5;
/** Four octaves: below that one is as bad as it can be, and one wild report cannot say more. */
const LARGEST_GAP = 8;
/** What is normal: a stall in a hundred reports, an error in five hundred requests. As if from 50 of them. */
const PRIOR_COUNT = 50;
const NORMAL_STALLS = 0.01;
const NORMAL_ERRORS = 0.002;

/** @returns one comparison for each, in the same order */
export function compareGroup(group: readonly Measured[]): Comparison[] {
  const sums = { rates: 0, weighed: 0, reports: 0, stalls: 0, requests: 0, errors: 0 };
  for (const one of group) {
    sums.rates += one.rates;
    sums.weighed += one.rates * one.medianRate;
    sums.reports += one.reports;
    sums.stalls += one.stalls;
    sums.requests += one.requests;
    sums.errors += one.errors;
  }
  const best = bestRate(group, sums.rates === 0 ? 0 : sums.weighed / sums.rates);
  return group.map((one) => {
    const hasOther = sums.rates - one.rates >= MIN_RATES && best !== undefined;
    const gap = hasOther && one.rates > 0 ? Math.min(0, one.medianRate - best) : 0;
    return {
      rateGap: Math.max(-LARGEST_GAP, gap),
      rateWeight: hasOther ? one.rates : 0,
      expectedStalls: one.reports * share(sums.stalls - one.stalls, sums.reports - one.reports, NORMAL_STALLS),
      expectedErrors: one.requests * share(sums.errors - one.errors, sums.requests - one.requests, NORMAL_ERRORS),
    };
  });
}

function bestRate(group: readonly Measured[], middle: number): number | undefined {
  let best: number | undefined;
  for (const { rates, medianRate } of group) {
    if (rates < MIN_RATES) continue;
    const drawn = (rates * medianRate + PRIOR_RATES * middle) / (rates + PRIOR_RATES);
    if (best === undefined || drawn > best) best = drawn;
  }
  return best;
}

const share = (seen: number, of: number, normal: number): number =>
  (Math.max(0, seen) + PRIOR_COUNT * normal) / (Math.max(0, of) + PRIOR_COUNT);
