/**
 * Is a cohort worse than its control? Looked at after every bad session, for days, with one promise over all looks.
 *
 * The obvious way, a test of two rates every ten seconds, is wrong: each look is another chance to be unlucky, and an
 * A/A comparison that is looked at long enough always alarms. Waiting for a fixed number of sessions keeps the promise
 * and lets a broken version hurt viewers until then.
 *
 * The idea: take only the sessions that went bad and ask whose they were. If a cohort gets the share p of what it and
 * its control get together, and its sessions go bad at most r0 times as often, then each bad session is the cohort's
 * with a chance of at most q0 = p r0 / (p r0 + 1 - p), whatever the rate is and however it changes over the day. That is
 * one coin with a known bound. Against the bound stand a few alternatives (1.5, 2, ... times r0); for each the
 * likelihood ratio is a supermartingale while the cohort is not worse, so their mean E is one, and by Ville's inequality
 * E ever reaches 1 / alpha with a chance of at most alpha. So: roll back at E >= 1 / alpha, whenever that is.
 *
 * Source: Lindon and Malek, "Anytime-valid inference for multinomial count data" (arXiv 2011.03567), there with a
 * Dirichlet mixture; a finite mixture is one-sided and keeps what was counted when the share changes.
 *
 * Limits: a session counts once (its own troubles come together), and sessions must be drawn by chance. It tells that
 * a cohort is worse, never that it is good: nothing here rolls anything forward.
 */
const WORSE_BY: readonly number[] = [1.25, 1.5, 2, 3, 5, 10];

export interface SequentialTest {
  /** Log-likelihood ratio of each alternative of WORSE_BY. */
  readonly logRatios: readonly number[];
  readonly cohortCount: number;
  readonly controlCount: number;
}

export const NEW_TEST: SequentialTest = { logRatios: WORSE_BY.map(() => 0), cohortCount: 0, controlCount: 0 };

export interface Comparison {
  /** The cohort's share of the sessions of cohort and control, between 0 and 1. */
  readonly share: number;
  /** How many times as often its sessions may go bad: at least 1. */
  readonly allowedRatio: number;
}

/** The test after one more bad session. */
export function countBad(test: SequentialTest, isCohort: boolean, { share, allowedRatio }: Comparison): SequentialTest {
  const allowed = chanceOfCohort(share, allowedRatio);
  return {
    logRatios: test.logRatios.map((sum, at) => {
      const worse = chanceOfCohort(share, allowedRatio * (WORSE_BY[at] ?? 1));
      return sum + (isCohort ? Math.log(worse / allowed) : Math.log((1 - worse) / (1 - allowed)));
    }),
    cohortCount: test.cohortCount + Number(isCohort),
    controlCount: test.controlCount + Number(!isCohort),
  };
}

/** How strongly it speaks against the cohort: 1 says nothing, 1 / alpha is proof at the level alpha. */
export function evidence({ logRatios }: SequentialTest): number {
  return logRatios.reduce((sum, logRatio) => sum + Math.exp(Math.min(700, logRatio)), 0) / logRatios.length;
}

const chanceOfCohort = (share: number, ratio: number): number => (share * ratio) / (share * ratio + 1 - share);
