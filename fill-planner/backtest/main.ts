import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createProgressBar } from '../../src/cli/progress-bar.ts';
import { generateHistory } from './generated-history.ts';
import { readHistory } from './read-history.ts';
import { runBacktest } from './run-backtest.ts';
import { reportPage, tableText } from './write-report.ts';

/** `npm run backtest [-- REPORT.html]`: replays the demand models over history, prints tables, writes a page with plots. */
const DATA = join(import.meta.dirname, '../../../shared/data/popularity');
const GENERATED_WEEKS = 104;

/** Park and Miller's generator: the same intervals and the same generated history on every run. */
function startRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const reportPath = resolve(process.argv[2] ?? join(tmpdir(), 'fill-planner-backtest.html'));
const random = startRandom(1);
const real = readHistory(DATA);
if (real === undefined) process.stdout.write(`no history in ${DATA}: a generated one shows that the replay works\n`);
const bar = createProgressBar(process.stderr);
const report = runBacktest(real ?? generateHistory(GENERATED_WEEKS, random), random, (share, step) => {
  bar.update(share, step);
});
bar.end();
for (const table of report.tables) process.stdout.write(`${tableText(table)}\n`);
writeFileSync(reportPath, reportPage({ ...report, source: real === undefined ? 'generated' : 'published lists' }));
process.stdout.write(`report: ${reportPath}\n`);
