import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateHistory } from '../fill-planner/backtest/generated-history.ts';
import { readHistory } from '../fill-planner/backtest/read-history.ts';
import { formatTable } from '../src/cli/table.ts';
import { timeHold } from './hold/hold-time.ts';
import { type Rule, replayDays, type Site } from './hold/replay-days.ts';
import { replaySplit } from './hold/replay-split.ts';
import { describeMachine } from './machine.ts';
import { campusTraces } from './workloads/campus-requests.ts';
import { popularityDrift, smallIsp } from './workloads/generated-traces.ts';
import { seededRandom } from './workloads/trace.ts';

/**
 * What it is worth to decide well what to hold: what a fill must save, churn against efficiency, heads, and the split of
 * a disk. Weekly lists and request logs when their folder is there, generated ones otherwise.
 */
const WEEKS = 26;
const SPLIT_DAYS = 60;
const FIXED_SHARES = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
const FIRST_SHARE = 0.9;
const SEED = 7;

const SITES: readonly Site[] = [30, 100, 300, 3000].map((viewsPerDay) => ({ viewsPerDay, diskShare: 0.2 }));
const RULES: Readonly<Record<string, Rule>> = {
  'whatever fits': { settings: { minSavedPerFilled: 0 } },
  'as it is': { settings: {} },
  'on the mean': { settings: { fillCaution: 0 } },
  'caution 0.7': { settings: { fillCaution: 0.7 } },
  'saves 2x': { settings: { minSavedPerFilled: 2 } },
  'saves 4x': { settings: { minSavedPerFilled: 4 } },
  'no heads': { settings: { headShare: 0 } },
};

export function benchHold({ dataDir }: { dataDir: string }): void {
  const history = readHistory(join(dataDir, 'popularity'));
  const campus = campusTraces(dataDir)?.slice(0, 2);
  if (history === undefined || campus === undefined)
    process.stdout.write(`not all of the data is in ${dataDir}: generated lists or traces stand for what is missing\n`);
  const days = SITES.flatMap((site) =>
    Object.entries(RULES).map(([rule, its]) => ({
      ...site,
      rule,
      ...replayDays(history ?? generateHistory(80, seededRandom(SEED)), WEEKS, site, its, seededRandom(SEED)),
    })),
  );
  process.stdout.write(`\nA site of so many views a day, ${WEEKS} weeks, disk of 20 % of what is watched at a time\n`);
  process.stdout.write(
    formatTable(
      ['views/day', 'rule', 'served', 'fetched', 'crossed', 'churn/day', 'local starts', 'days over'],
      days.map((row) => [
        String(row.viewsPerDay),
        row.rule,
        ...[row.servedShare, row.fetchedShare, row.crossedShare].map((share) => share.toFixed(3)),
        row.churn.toFixed(4),
        row.localStartShare.toFixed(3),
        String(row.daysOverExpected),
      ]),
    ),
  );
  const splits = [...(campus ?? []), popularityDrift(), smallIsp()].flatMap((trace) =>
    [0.05, 0.2].map((diskShare) => {
      const fixed = FIXED_SHARES.map((share) => replaySplit(trace, SPLIT_DAYS, diskShare, share, false).hitShare);
      const tuned = replaySplit(trace, SPLIT_DAYS, diskShare, FIRST_SHARE, true);
      return { trace: trace.name, diskShare, fixed, ...tuned };
    }),
  );
  process.stdout.write('\nShare of the bytes that a disk serves, by how much of it is planned\n');
  process.stdout.write(
    formatTable(
      ['trace', 'disk', ...FIXED_SHARES.map((share) => `${100 * share} %`), 'tuned', 'ends at'],
      splits.map(({ trace, diskShare, fixed, hitShare, plannedShareAtEnd }) => [
        trace,
        `${100 * diskShare} %`,
        ...[...fixed, hitShare, plannedShareAtEnd].map((share) => share.toFixed(3)),
      ]),
    ),
  );
  const times = [25_000, 50_000, 100_000, 200_000].map(timeHold);
  process.stdout.write('\nTime to choose, of one core\n');
  process.stdout.write(
    formatTable(
      ['renditions', 'ms, median', 'items'],
      times.map(({ renditions, medianMs, items }) => [String(renditions), medianMs.toFixed(0), String(items)]),
    ),
  );
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(
    join(folder, `hold-${date}.json`),
    `${JSON.stringify({ machine: describeMachine(), days, splits, times }, null, 2)}\n`,
  );
}
