import type { DemandSample } from '../../src/contracts/demand-sample.ts';
import type { PlanChange } from './contrast-plans.ts';
import type { EfficiencyHour } from './efficiency-test.ts';

/** What the samples of one hour say for or against the plans in force, in bytes. */
export interface CountedHour extends EfficiencyHour {
  /** Of what was served, bytes of answers for which something had to be fetched first. */
  readonly missedBytes: number;
}

/**
 * Only what the plans in force and the last good ones treat differently speaks for either of them. A miss of a file that
 * both hold (a plan that is not filled yet, a disk that was lost) is no difference between them.
 *
 *   dropped, moved here   what was missed of it is lost
 *   new here              what was served of it without fetching is won
 *
 * An appliance that does not say what it missed is taken at its plan's word: it missed what was dropped.
 * @param changeOf undefined for what both plans treat alike
 */
export function countEfficiency(
  entries: DemandSample['entries'],
  changeOf: (path: string) => PlanChange | undefined,
): CountedHour {
  let servedBytes = 0;
  let missedBytes = 0;
  let lostBytes = 0;
  let wonBytes = 0;
  for (const entry of entries) {
    const change = changeOf(entry.path);
    const missed = Math.min(entry.servedBytes, entry.missedBytes ?? (change === 'dropped' ? entry.servedBytes : 0));
    servedBytes += entry.servedBytes;
    missedBytes += missed;
    if (change === 'dropped' || change === 'moved') lostBytes += missed;
    if (change === 'new') wonBytes += entry.servedBytes - missed;
  }
  return { servedBytes, missedBytes, lostBytes, wonBytes };
}
