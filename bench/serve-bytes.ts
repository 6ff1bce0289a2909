import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { ChildService, serviceWords } from '../deploy/demo/child-service.ts';
import { type LoadResult, loadUrl } from '../src/cli/load-url.ts';
import { ProgressLine } from '../src/cli/progress-line.ts';
import { formatTable } from '../src/cli/table.ts';
import { type ProcessCost, readProcessCost } from './process-cost.ts';
import { startSteadyOrigin } from './steady-origin.ts';

/**
 * What one appliance gives, by where the bytes come from and how many are asked for. Client, appliance and origin share
 * the machine, and autocannon costs about as much as what it measures: compare runs with each other, not with another
 * tool's figures. "disk" means not in the memory tier: the kernel's page cache may still have it, as on a real server.
 */
const FILE_BYTES = 4 * 2 ** 20;
const HOT_FILES = 4;
const DISK_FILES = 64;
const MEMORY_BYTES = 64 * 2 ** 20;

interface Case {
  readonly name: string;
  readonly range: 'whole' | '64 KiB' | '1 MiB';
  readonly from: 'memory' | 'disk' | 'miss';
}

interface Measured extends LoadResult {
  readonly cpuMicrosPerRequest: number;
  readonly peakBytes: number;
}

const RANGE_BYTES = { whole: undefined, '64 KiB': 65_536, '1 MiB': 2 ** 20 } as const;
const CASES: readonly Case[] = (['memory', 'disk', 'miss'] as const).flatMap((from) =>
  (['whole', '64 KiB', '1 MiB'] as const).map((range) => ({ name: `${from}, ${range}`, range, from })),
);

export async function benchServe(options: { rounds: number; seconds: number; connections: number }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'oca-bench-'));
  const origin = await startSteadyOrigin(FILE_BYTES);
  const measured = new Map<string, Measured[]>();
  const progress = new ProgressLine(process.stderr);
  try {
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const [index, one] of CASES.entries()) {
        const share = ((round - 1) * CASES.length + index) / (options.rounds * CASES.length);
        progress.show(share, `round ${round} of ${options.rounds}: ${one.name}`);
        const volume = join(folder, `${round}-${one.name.replace(/\W+/g, '-')}`);
        mkdirSync(volume);
        const result = await measure(one, origin.url, volume, options);
        measured.set(one.name, [...(measured.get(one.name) ?? []), result]);
        rmSync(volume, { recursive: true, force: true });
      }
    }
  } finally {
    progress.end();
    origin.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  report(measured, options);
}

async function measure(
  one: Case,
  originUrl: string,
  folder: string,
  options: { seconds: number; connections: number },
): Promise<Measured> {
  // A fresh process per case, so that peak memory is the case's own.
  const words = serviceWords('appliance', {
    listen: '127.0.0.1:0',
    adminListen: '127.0.0.1:0',
    origin: originUrl,
    volume: join(folder, 'volume'),
    state: join(folder, 'state'),
    memoryBytes: MEMORY_BYTES,
    logLevel: 'error',
  });
  const appliance = await ChildService.start({ words });
  try {
    const url = appliance.addresses['listen'] ?? '';
    const files = one.from === 'memory' ? HOT_FILES : DISK_FILES;
    if (one.from !== 'miss') await warm(url, files);
    let asked = 0;
    const bytes = RANGE_BYTES[one.range];
    const nextRequest = (): { path: string; range?: string } => {
      asked += 1;
      const path = one.from === 'miss' ? `/cold/${asked}.mp4` : `/hot/${asked % files}.mp4`;
      if (bytes === undefined) return { path };
      // Aligned ranges that walk through the file, as a player's do; a cold one costs the origin one block.
      const first = one.from === 'miss' ? 0 : (Math.floor(asked / files) * bytes) % FILE_BYTES;
      return { path, range: `bytes=${first}-${first + bytes - 1}` };
    };
    const before: ProcessCost = readProcessCost(appliance.pid);
    const result = await loadUrl({ url, connections: options.connections, durationSec: options.seconds, nextRequest });
    const after = readProcessCost(appliance.pid);
    if (result.refused + result.errors > 0)
      throw new Error(`${one.name}: ${result.refused} answers were not 2xx, ${result.errors} failed`);
    return {
      ...result,
      cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / result.requests,
      peakBytes: after.peakBytes,
    };
  } finally {
    await appliance.end('SIGTERM');
  }
}

async function warm(url: string, files: number): Promise<void> {
  for (let index = 0; index < files; index += 1) {
    const response = await fetch(`${url}/hot/${index}.mp4`);
    if ((await response.arrayBuffer()).byteLength !== FILE_BYTES) throw new Error(`warming ${url} gave a short file`);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function report(measured: ReadonlyMap<string, readonly Measured[]>, options: object): void {
  const figures = [...measured].map(([name, runs]) => {
    const of = (key: keyof Measured): number => median(runs.map((run) => run[key]));
    return {
      case: name,
      requestsPerSec: Math.round(of('requestsPerSec')),
      megabytesPerSec: Math.round(of('bytesPerSec') / 1e5) / 10,
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      cpuMicrosPerRequest: Math.round(of('cpuMicrosPerRequest')),
      peakMebibytes: Math.round(of('peakBytes') / 2 ** 20),
    };
  });
  const header = ['from, range', 'requests/s', 'MB/s', 'p50 ms', 'p99 ms', 'cpu us/request', 'peak MiB'];
  process.stdout.write(
    `${formatTable(
      header,
      figures.map((figure) => Object.values(figure).map(String)),
    )}\n`,
  );
  const results = join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  const file = join(results, `serve-${new Date().toISOString().slice(0, 10)}.json`);
  const machine = {
    processor: cpus()[0]?.model,
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    arch: arch(),
    node: process.version,
  };
  writeFileSync(
    file,
    `${JSON.stringify({ command: 'npm run bench -- serve', options, machine, memoryTierBytes: MEMORY_BYTES, fileBytes: FILE_BYTES, medians: figures }, null, 2)}\n`,
  );
  process.stdout.write(`written to ${file}\n`);
}
