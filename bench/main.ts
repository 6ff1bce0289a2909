import { Command } from 'commander';
import { benchServe } from './serve-bytes.ts';

const program = new Command('bench').description(
  'Measures the product. Each bench prints a table and writes a dated file to bench/results/.',
);
program
  .command('serve')
  .description('autocannon against one appliance: hits in memory, hits on disk, misses; whole, 64 KiB and 1 MiB ranges')
  .option('--rounds <N>', 'rounds; the table has the medians', '3')
  .option('--seconds <N>', 'length of each load', '4')
  .option('--connections <N>', 'connections held open', '16')
  .action((options: { rounds: string; seconds: string; connections: string }) => {
    const wrong = Object.entries(options).find(([, text]) => !/^[1-9]\d{0,3}$/.test(text));
    if (wrong !== undefined) throw new Error(`--${wrong[0]} must be a whole number from 1 to 9999, not '${wrong[1]}'`);
    return benchServe({
      rounds: Number(options.rounds),
      seconds: Number(options.seconds),
      connections: Number(options.connections),
    });
  });
await program.parseAsync();
