import { join } from 'node:path';
import { Command } from 'commander';
import { benchFill } from './fill.ts';
import { benchHold } from './hold.ts';
import { CASE_NAMES } from './peers/figures.ts';
import { PEER_NAMES } from './peers/peer-kinds.ts';
import { benchPeers, profilePeers } from './peers.ts';
import { benchPlan } from './plan.ts';
import { benchPrefixLookup } from './prefix-lookup.ts';
import { benchEviction } from './replay-eviction.ts';
import { benchRouting } from './routing.ts';
import { benchServe } from './serve-bytes.ts';
import { benchSteerHttp } from './steer-http.ts';
import { benchStore } from './store-bench.ts';

const DATA = join(import.meta.dirname, '../../shared/data');
const ROUTES_SAMPLE = join(DATA, 'routes/prefix-origin-asn-2014-05-13.gz');

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
program
  .command('peers')
  .description(
    'both engines beside nginx, Varnish and Traffic Server: processor time per byte, throughput, hot beside cold, idle connections, TLS; about 22 minutes',
  )
  .option('--cases <NAMES>', `only these or those that begin so, with commas: ${CASE_NAMES.join(', ')}`, '')
  .option('--servers <NAMES>', `only these, with commas: ${PEER_NAMES.join(', ')}`, '')
  .option('--rounds <N>', 'rounds of every case; the table has the medians')
  .option('--seconds <N>', 'length of each load')
  .option('--quick', 'two rounds of one second, fewer cold files; writes no file')
  .option('--profile', 'no measuring: where the processor time of our engines goes, by perf; takes --cases cpu-SIZE')
  .action(
    async (
      given: Record<'cases' | 'servers' | 'rounds' | 'seconds', string | undefined> & { quick?: true; profile?: true },
    ) => {
      const isQuick = given.quick === true;
      const [rounds, seconds] = [given.rounds ?? (isQuick ? '2' : '5'), given.seconds ?? (isQuick ? '1' : '2')];
      if (!/^[1-9]\d{0,2}$/.test(rounds) || !/^[1-9]\d{0,2}$/.test(seconds))
        throw new Error('--rounds and --seconds must be whole numbers from 1 to 999');
      const options = {
        cases: chosen(CASE_NAMES, given.cases, '--cases'),
        servers: chosen(PEER_NAMES, given.servers, '--servers'),
        rounds: Number(rounds),
        seconds: Number(seconds),
        isQuick,
      };
      if (given.profile === true) return profilePeers(options);
      if (!(await benchPeers(options))) process.exitCode = 1;
    },
  );
program
  .command('store')
  .description('bytes at rest: start with a million objects, memory, lookups, rebuild, block sizes, sync policies')
  .option('--objects <N>', 'objects of the largest volume, a multiple of 20', '1000000')
  .option('--seconds <N>', 'length of each load', '10')
  .action(({ objects, seconds }: { objects: string; seconds: string }) => {
    if (!/^[1-9]\d{0,6}$/.test(objects) || Number(objects) % 20 > 0) {
      throw new Error(`--objects must be a multiple of 20 up to 9999980, not '${objects}'`);
    }
    if (!/^[1-9]\d{0,2}$/.test(seconds)) throw new Error(`--seconds must be 1 to 999, not '${seconds}'`);
    return benchStore({ objects: Number(objects), seconds: Number(seconds) });
  });
program
  .command('eviction')
  .description(
    'replays requests against eviction policies: byte hit ratio, missed bytes against LRU, disk writes, speed',
  )
  .option('--data <DIR>', 'folder with request logs, where there is one', DATA)
  .action(({ data }: { data: string }) => benchEviction({ dataDir: data }));
program
  .command('steer')
  .description('decisions per second and their latency through HTTP on one core, next to nginx with a fixed answer')
  .option('--rounds <N>', 'rounds; the table has the medians', '5')
  .option('--seconds <N>', 'length of each load', '6')
  .option('--connections <N>', 'connections held open', '64')
  .option('--prefixes <N>', 'client prefixes', '1000000')
  .option('--appliances <N>', 'appliances in the fleet', '2000')
  .option('--files <N>', 'files in the catalogue', '100000')
  .option('--no-growth', 'leave out the growth with appliances and prefixes')
  .option('--sample <FILE>', 'real announcements, where there are any', ROUTES_SAMPLE)
  .action(({ growth, sample, ...given }: Record<string, string> & { growth: boolean; sample: string }) => {
    const wrong = Object.entries(given).find(([, text]) => !/^[1-9]\d{0,6}$/.test(text));
    if (wrong !== undefined) throw new Error(`--${wrong[0]} must be a whole number, not '${wrong[1]}'`);
    const [rounds = 0, seconds = 0, connections = 0, prefixes = 0, appliances = 0, files = 0] = [
      'rounds',
      'seconds',
      'connections',
      'prefixes',
      'appliances',
      'files',
    ].map((name) => Number(given[name]));
    return benchSteerHttp({ rounds, seconds, connections, size: { prefixes, appliances, files }, growth, sample });
  });
program
  .command('routing')
  .description(
    'where viewers are sent: sites against the min-cost flow optimum through a surge and a loss, segments with a slow appliance',
  )
  .option('--sample <FILE>', 'real announcements, where there are any', ROUTES_SAMPLE)
  .option('--sizes <N>', 'how many sizes: 50, 200, 500 sites', '3')
  .action(({ sample, sizes }: { sample: string; sizes: string }) => {
    if (!/^[1-3]$/.test(sizes)) throw new Error(`--sizes must be 1 to 3, not '${sizes}'`);
    return benchRouting({ sample, sizes: Number(sizes) });
  });
program
  .command('hold')
  .description(
    'what to hold: what a fill must save for sites of 30 to 3,000 views a day, heads, how the split of a disk finds its place, time to choose',
  )
  .option('--data <DIR>', 'folder with weekly lists and request logs, where there is one', DATA)
  .action(({ data }: { data: string }) => {
    benchHold({ dataDir: data });
  });
program
  .command('fill')
  .description(
    'fleets of 10 to 50 unlike appliances that fill from nothing, in simulated time: makespan over the bound, copies across links, seconds over budget, a window cut short, a machine lost',
  )
  .option('--data <DIR>', 'folder with media sizes and runtimes, where there is one', DATA)
  .option('--only <TEXT>', 'scenarios with this in their name; writes no file')
  .action(({ data, only }: { data: string; only?: string }) =>
    benchFill({ dataDir: data, ...(only === undefined ? {} : { only }) }),
  );
program
  .command('plan')
  .description(
    'plan cycles: time, memory and storage as catalogue and fleet grow; placements below the bound by linear programming',
  )
  .option('--titles <N>', 'titles of ten rungs in the largest catalogue', '20000')
  .option('--clusters <N>', 'clusters of five appliances in the largest fleet', '200')
  .option('--threads <N>', 'threads that plan clusters', '2')
  .action((given: { titles: string; clusters: string; threads: string }) => {
    const wrong = Object.entries(given).find(([, text]) => !/^[1-9]\d{0,5}$/.test(text));
    if (wrong !== undefined)
      throw new Error(`--${wrong[0]} must be a whole number from 1 to 999999, not '${wrong[1]}'`);
    return benchPlan({
      titles: Number(given.titles),
      clusters: Number(given.clusters),
      threads: Number(given.threads),
    });
  });
program
  .command('prefixes')
  .description('where clients are: reading a table of prefixes, its memory, a lookup, each answer checked another way')
  .option('--prefixes <N>', 'rows of the table', '1000000')
  .action(({ prefixes }: { prefixes: string }) => {
    if (!/^[1-9]\d{0,6}$/.test(prefixes)) throw new Error(`--prefixes must be 1 to 9999999, not '${prefixes}'`);
    return benchPrefixLookup(Number(prefixes));
  });
await program.parseAsync();

/** Those of `all` that equal one of the words, or begin with it and a dash; all when there are no words. */
function chosen<Name extends string>(all: readonly Name[], words: string | undefined, option: string): Name[] {
  const wanted = (words ?? '').split(',').filter((word) => word !== '');
  const fits = (name: Name, word: string): boolean =>
    name === word || (option === '--cases' && name.startsWith(`${word}-`));
  const unknown = wanted.filter((word) => !all.some((name) => fits(name, word)));
  if (unknown.length > 0) throw new Error(`${option}: ${unknown.join(', ')} is none of ${all.join(', ')}`);
  return wanted.length === 0 ? [...all] : all.filter((name) => wanted.some((word) => fits(name, word)));
}
