import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import { Command } from '../../src/cli/commander.ts';
import { createProgressBar } from '../../src/cli/progress-bar.ts';
import { type LifeReport, runLife } from './life.ts';

/** Volumes in memory wear out no disk and are quicker. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const REPLAYS = 10;

const program = new Command('model')
  .description(
    'Drives appliances with random requests, fills, evictions, purges, faults and restarts, and judges every answer against a model of what the origin had.',
  )
  .option('--steps <N>', 'how many requests and deeds in all', '20000')
  .option('--life <N>', 'how many of them one appliance lives through, with its own volumes', '10000')
  .option('--seed <N>', 'where the draws begin; by default another one each time, which is printed')
  .option('--replay <SEED:LIFE:STEPS>', `the life that a failure named, up to ${REPLAYS} times`)
  .addHelpText(
    'after',
    `
Examples:
  npm run model -- --steps 1000000 --seed 7     a million steps
  npm run model -- --replay 7:42:10000           what failed, again

The first wrong answer ends the run: it is printed with the request, the generations that it may have been of, and the
words that run that life again. A seed repeats what is asked and what fails; the order in which sockets and disks
deliver is the machine's, so a life may have to be run a few times.`,
  );
const options = program.parse().opts<{ steps: string; life: string; seed?: string; replay?: string }>();
await (options.replay === undefined ? runAll() : replay(options.replay));

async function runAll(): Promise<void> {
  const seed = options.seed === undefined ? Math.floor(Math.random() * 1e6) : whole(options.seed, '--seed');
  const steps = whole(options.steps, '--steps');
  const lifeSteps = whole(options.life, '--life');
  process.stdout.write(`seed ${seed}, ${steps} steps in lives of ${lifeSteps}, volumes in ${FOLDER}\n`);
  const bar = createProgressBar(process.stderr);
  const counts = new Map<string, number>();
  const startedMs = performance.now();
  const counter = { done: 0 };
  for (let life = 0; counter.done < steps; life += 1) {
    const count = Math.min(lifeSteps, steps - counter.done);
    const onStep = (): void => {
      counter.done += 1;
      const { done } = counter;
      if (done % 100 === 0) bar.update(done / steps, `${done} of ${steps} steps, life ${life}, none wrong`);
    };
    const report = await runLife({ seed, life, steps: count, folder: FOLDER, onStep }).catch((error: unknown) => {
      bar.end();
      return giveUp(error);
    });
    add(counts, report);
  }
  bar.end();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  process.stdout.write(`${describe(counts)}\n${counter.done} steps, none wrong, in ${seconds} s\n`);
}

async function replay(words: string): Promise<void> {
  const [seed = 0, life = 0, steps = 0] = words.split(':').map((word) => whole(word, '--replay'));
  for (let time = 1; time <= REPLAYS; time += 1) {
    process.stdout.write(`seed ${seed}, life ${life}, ${steps} steps, time ${time} of ${REPLAYS}\n`);
    await runLife({ seed, life, steps, folder: FOLDER }).catch(giveUp);
  }
  process.stdout.write('none wrong this time\n');
}

function giveUp(error: unknown): never {
  process.stdout.write(`WRONG: ${inspect(error)}\n`);
  process.exit(1);
}

function add(counts: Map<string, number>, report: LifeReport): void {
  for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
}

function describe(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([what, count]) => `${what} ${count}`)
    .join(', ');
}

function whole(text: string, option: string): number {
  if (!/^\d{1,12}$/.test(text)) return program.error(`${option} takes whole numbers, not '${text}'`);
  return Number(text);
}
