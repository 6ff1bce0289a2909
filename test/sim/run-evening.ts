import type { MissReport } from '../../steering/accounting/byte-accounts.ts';
import { replayLog } from '../../steering/decision-log/replay-log.ts';
import { Evening } from './evening.ts';
import type { PhaseSums } from './judge.ts';
import { demandStillness, MISFORTUNES, type MisfortuneName } from './misfortunes.ts';

export interface EveningReport {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly phases: readonly PhaseSums[];
  readonly viewers: number;
  readonly digest: number;
  readonly replayed: number;
}

/**
 * One evening from a seed: it fills, then misfortunes happen, and in the end the planner goes and the books are looked at.
 * @param options.misfortunes in the order in which they happen
 */
export async function runEvening(
  seed: number,
  { crowd, misfortunes }: { readonly crowd: number; readonly misfortunes: readonly MisfortuneName[] },
): Promise<EveningReport> {
  const evening = new Evening(seed, crowd);
  const { judge, steering } = evening;
  try {
    await evening.start();
    await evening.run(45_000, 'the evening begins');
    await evening.run(20_000, 'a calm evening');
    demandStillness(evening);
    for (const name of misfortunes) await MISFORTUNES[name](evening);
    await steering.stopPlanner();
    await evening.run(10_000, 'the planner is gone');
    demandStillness(evening);
    await judgeBooks(evening);
    await steering.stopService();
    const { decisions, differing, torn } = await replayLog(steering.decisionLog, () => undefined);
    judge.demand(decisions > 0 && differing === 0 && torn.length === 0, () => `replay: ${differing} of ${decisions}`);
    judge.judgePhases();
    const { violations, phases } = judge;
    return { seed, violations, phases, viewers: evening.viewerCount, digest: evening.digest, replayed: decisions };
  } finally {
    await steering.end();
  }
}

async function judgeBooks({ steering, judge }: Evening): Promise<void> {
  const { missShares } = await steering.admin<MissReport>('GET', '/v1/misses?minutes=1440');
  const sum = Object.values(missShares).reduce((all, share) => all + share, 0);
  judge.demand(Math.abs(sum - 1) < 1e-9, () => `the classes of misses sum to ${sum}`);
}
