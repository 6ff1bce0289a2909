import { numberParameter, ParameterError } from '../config/parameter.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { Command } from './commander.ts';
import { type LoadResult, loadUrl } from './load-url.ts';
import { formatTable } from './table.ts';

const seconds = numberParameter('s', { min: 1, max: 3600 }, 10, '');
const connections = numberParameter('connections', { min: 1, max: 10_000 }, 32, '');

interface BenchOptions {
  readonly url: string;
  readonly duration: string;
  readonly connections: string;
  readonly range?: string;
  readonly json?: boolean;
}

/** For operators: load one URL of an installed appliance, whole and in ranges, and see what it gives. */
export function benchCommand(): Command {
  return new Command('bench')
    .description(
      'Load a URL of an appliance with autocannon: whole, 64 KiB and 1 MiB ranges. The client costs processor time too: run it on another machine for honest figures.',
    )
    .requiredOption('--url <URL>', 'a file on the appliance, for example http://appliance:8080/vod/title/v720.mp4')
    .option('--duration <SECONDS>', 'length of each load', '10')
    .option('--connections <N>', 'connections held open', '32')
    .option('--range <RANGE>', 'only this range, for example bytes=0-65535')
    .option('--json', 'print JSON instead of a table')
    .addHelpText('after', '\nExample:\n  oca bench --url http://127.0.0.1:8080/vod/bars/v360.mp4 --duration 5')
    .action(runBench);
}

async function runBench(options: BenchOptions): Promise<void> {
  if (!/^https?:/i.test(options.url) || !URL.canParse(options.url))
    throw new OperationalError('CONFIG_INVALID', `--url must be an http or https URL, not '${options.url}'`);
  const loads =
    options.range === undefined
      ? ([
          ['whole', undefined],
          ['64 KiB range', 'bytes=0-65535'],
          ['1 MiB range', 'bytes=0-1048575'],
        ] as const)
      : ([[options.range, options.range]] as const);
  const results: Record<string, LoadResult> = {};
  for (const [name, range] of loads) {
    if (process.stderr.isTTY) process.stderr.write(`${name}: ${options.duration} s ...\r`);
    results[name] = await loadUrl({
      url: options.url,
      durationSec: checked(seconds.parse, options.duration, '--duration'),
      connections: checked(connections.parse, options.connections, '--connections'),
      ...(range === undefined ? {} : { headers: { range } }),
    });
  }
  const failed = Object.values(results).every((result) => result.requests === 0);
  process.stdout.write(options.json === true ? `${JSON.stringify(results, null, 2)}\n` : `${describe(results)}\n`);
  if (failed) throw new OperationalError('SERVICE_UNREACHABLE', `no request to ${options.url} succeeded`);
}

function checked<T>(parse: (value: unknown) => T, text: string, option: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof ParameterError) throw new OperationalError('CONFIG_INVALID', `${option} ${error.message}`);
    throw error;
  }
}

function describe(results: Readonly<Record<string, LoadResult>>): string {
  const rows = Object.entries(results).map(([name, result]) => [
    name,
    result.requestsPerSec.toFixed(0),
    (result.bytesPerSec / 1e6).toFixed(1),
    result.p50Ms.toFixed(0),
    result.p99Ms.toFixed(0),
    result.maxMs.toFixed(0),
    String(result.refused),
    String(result.errors),
  ]);
  return formatTable(['load', 'requests/s', 'MB/s', 'p50 ms', 'p99 ms', 'max ms', 'not 2xx', 'errors'], rows);
}
