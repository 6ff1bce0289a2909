/**
 * Is the plan in force worse than the last good one? Looked at every hour, for days, with one promise over all looks.
 *
 * The obvious ways fail. The efficiency of today against that of yesterday compares two evenings, not two plans. A
 * canary against the rest compares two crowds, and once the plan is everywhere there is no rest. A test of two means
 * that is looked at every hour alarms sooner or later, whatever is true.
 *
 * The idea: compare both plans on the same requests. Of what viewers really asked within an hour only what the plans
 * treat differently can tell (count-efficiency.ts):
 *
 *   lost   bytes that had to be fetched, of what the last good plan held here and this one does not
 *   won    bytes served from what this plan holds here and the last good one did not
 *   served all bytes, of which a small share, the tolerance, may be lost before anybody should care
 *
 * so that y = (lost - won - tolerance served) / (lost + won + tolerance served) lies between -1 and 1 and has no mean
 * above 0 while the plan is no worse. Somebody who begins with 1 and bets a share b of what he has on y > 0 every hour
 * has 1 + b y times as much after it. Against a plan that is no worse nobody wins at this game: his wealth is a
 * supermartingale, also as the mean of five players with different b, and by Ville's inequality it ever reaches
 * 1 / alpha with a chance of at most alpha. So: go back at 1 / alpha, whenever that is. That holds however the hours
 * look and whatever links the bytes within one hour, which is why the hour is the unit and not the request.
 *
 * Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (arXiv 2010.09686). The
 * test of steering's cohorts (counts of sessions drawn by chance) is another one, because bytes of one hour come
 * together and nobody draws them.
 *
 * Limits: the fastest player doubles his wealth in little more than an hour, so a plan that loses a fifth of the bytes
 * is found within about eleven hours and one that loses a twentieth within about a day. What would be worse by the
 * forecast itself never gets that far: see review/guard-rails.ts.
 */
const STAKES: readonly number[] = [0.1, 0.25, 0.5, 0.75, 0.95];

/** What one hour showed, in bytes. */
export interface EfficiencyHour {
  readonly servedBytes: number;
  readonly lostBytes: number;
  readonly wonBytes: number;
}

export interface EfficiencyTest {
  /** Logarithm of what each player of STAKES has. */
  readonly logWealth: readonly number[];
  readonly hours: number;
}

export const NEW_EFFICIENCY_TEST: EfficiencyTest = { logWealth: STAKES.map(() => 0), hours: 0 };

/** The test after one more hour. An hour without traffic says nothing. @param tolerance share of the served bytes, above 0 */
export function judgeHour(test: EfficiencyTest, hour: EfficiencyHour, tolerance: number): EfficiencyTest {
  const { servedBytes, lostBytes, wonBytes } = hour;
  const allowedBytes = tolerance * servedBytes;
  const at = lostBytes + wonBytes + allowedBytes;
  if (at <= 0) return test;
  const y = (lostBytes - wonBytes - allowedBytes) / at;
  return {
    logWealth: STAKES.map((stake, player) => (test.logWealth[player] ?? 0) + Math.log1p(stake * y)),
    hours: test.hours + 1,
  };
}

/** How strongly it speaks against the plan in force: 1 says nothing, 1 / alpha is proof at the level alpha. */
export function evidenceAgainst({ logWealth }: EfficiencyTest): number {
  return logWealth.reduce((sum, log) => sum + Math.exp(Math.min(700, log)), 0) / STAKES.length;
}
