import { Command } from '../../src/cli/commander.ts';
import { MISFORTUNES, type MisfortuneName } from './misfortunes.ts';
import { type EveningReport, runEvening } from './run-evening.ts';

const ALL = Object.keys(MISFORTUNES) as MisfortuneName[];

const program = new Command('sim')
  .description(
    'Lets steering live through evenings of a model town, each with every misfortune, and judges every answer.',
  )
  .option('--seeds <N>', 'how many evenings', '3')
  .option('--seed <N>', 'the first of them', '1')
  .option('--crowd <N>', 'viewers at a time when nothing special is on', '300')
  .option('--only <NAMES>', `misfortunes, with commas between them: ${ALL.join()}`, ALL.join());
const options = program.parse().opts<{ seeds: string; seed: string; crowd: string; only: string }>();

// Sockets and threads of the service keep no process alive.
const alive = setInterval(() => undefined, 1000);
const misfortunes = options.only.split(',').filter((name) => name in MISFORTUNES) as MisfortuneName[];
for (let seed = Number(options.seed); seed < Number(options.seed) + Number(options.seeds); seed += 1) {
  const report = await runEvening(seed, { crowd: Number(options.crowd), misfortunes });
  process.stdout.write(describe(report));
  if (report.violations.length > 0) process.exitCode = 1;
}
clearInterval(alive);

function describe({ seed, viewers, replayed, phases, violations }: EveningReport): string {
  const rows = phases.map(({ name, asks, moves, mostOverHard, secondsOver, worst }) => {
    const over = mostOverHard === 0 ? '' : `, ${mostOverHard.toFixed(2)} of a hard limit, ${secondsOver} s: ${worst}`;
    const moved = Object.entries(moves).map(([why, count]) => ` ${why} ${count}`);
    return `  ${name}: ${asks} answers, moved:${moved.join() || ' nobody'}${over}`;
  });
  const wrong = violations.map((what) => `  WRONG ${what}`);
  const head = `seed ${seed}: ${viewers} viewers, ${replayed} decisions replayed, ${violations.length} violations`;
  return `${[head, ...rows, ...wrong].join('\n')}\n`;
}
