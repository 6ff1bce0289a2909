import { Command } from '../../src/cli/commander.ts';
import { createProgressBar } from '../../src/cli/progress-bar.ts';
import { soak } from './soak.ts';
import { FORCED_COLLECTIONS, PLANTED_LEAK } from './soak-appliance.ts';

const MOST_SHOWN = 20;

const program = new Command('soak')
  .description(
    'One appliance under mixed load for a long time: ranges, whole files, conditionals, misses, pipelining, aborts, slow readers, idle connections, purges, evictions, two restarts and two kill -9. Every byte is judged.',
  )
  .option('--minutes <N>', 'how long; memory is judged from 2 GB of the last life on, and the finer the longer', '60')
  .option('--engine <NAME>', 'fast or reference', 'fast')
  .option('--seed <N>', 'what is asked for, by whom and in which order', '1')
  .option('--forced-collections', 'collect garbage in every thread every few turns: finds addresses that move')
  .option('--planted-leak', 'the appliance keeps a little of every miss for good: the soak must say that memory grows')
  .addHelpText(
    'after',
    `
Examples:
  npm run soak -- --minutes 60
  npm run soak -- --minutes 5 --forced-collections

Exit code: 0 when no byte was wrong, nothing hung, descriptors are back and memory is flat; 1 otherwise, and then the
log, the volume and the state of the appliance stay where the last line says.`,
  );
const options = program.parse().opts<{
  minutes: string;
  engine: string;
  seed: string;
  forcedCollections?: true;
  plantedLeak?: true;
}>();
const { engine } = options;
if (engine !== 'fast' && engine !== 'reference') program.error(`--engine is fast or reference, not '${engine}'`);
if (!/^\d{1,5}(?:\.\d)?$/.test(options.minutes)) program.error(`--minutes takes a number, not '${options.minutes}'`);
if (!/^\d{1,9}$/.test(options.seed)) program.error(`--seed takes a whole number, not '${options.seed}'`);

const bar = createProgressBar(process.stderr);
const report = await soak({
  minutes: Number(options.minutes),
  seed: Number(options.seed),
  engine: engine === 'reference' ? 'reference' : 'fast',
  nodeFlags: [
    ...(options.forcedCollections === true ? FORCED_COLLECTIONS : []),
    ...(options.plantedLeak === true ? PLANTED_LEAK : []),
  ],
  onProgress: (share, text) => bar.update(share, text),
}).finally(() => bar.end());
const counts = [...report.counts]
  .toSorted(([a], [b]) => a.localeCompare(b))
  .map(([what, count]) => `${what}: ${count}`);
process.stdout.write(`${counts.join(', ')}\n${(report.servedBytes / 1e9).toFixed(1)} GB judged\n`);
process.stdout.write(`${report.metrics.join('\n')}\n\n${report.lines.join('\n')}\n`);
for (const complaint of report.complaints.slice(0, MOST_SHOWN)) process.stdout.write(`  ${complaint}\n`);
process.stdout.write(
  report.isClean ? `CLEAN, engine ${engine}\n` : `NOT CLEAN, engine ${engine}: see ${report.folder}\n`,
);
if (!report.isClean) process.exitCode = 1;
