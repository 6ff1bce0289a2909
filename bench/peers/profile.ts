import { execFile, execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkBytes, warm } from './media-set.ts';
import { dropPageCache, HOT, Stage } from './stage.ts';
import { startAppliance } from './start-ours.ts';
import { runWrk, writeRangeScript } from './wrk-load.ts';

const SAMPLES_PER_SEC = '997';
const CONNECTIONS = 32;
/** Before sampling, so that the compiler has done its part. */
const WARM_SEC = 8;
const LEAST_PERCENT = '0.5';

/**
 * Where the processor time of one engine goes, kernel included, by perf: shares by thread, then by function. The names of
 * compiled functions come from Node itself (`--perf-basic-prof`).
 * @param rangeBytes of every answer; all from memory
 */
export async function profileEngine(
  engine: 'fast' | 'reference',
  given: { readonly rangeBytes: number; readonly seconds: number; readonly cores: { server: number; load: number } },
): Promise<void> {
  const { rangeBytes, seconds, cores } = given;
  const stage = await Stage.set(0);
  try {
    dropPageCache();
    const flags = ['--perf-basic-prof', '--interpreted-frames-native-stack'];
    const server = await startAppliance(stage.setup(engine, 'hot', [cores.server]), engine, flags);
    try {
      await warm(server.url, HOT, 2);
      await checkBytes(server.url, HOT);
      const script = join(stage.folder, 'profile.lua');
      writeRangeScript(script, HOT, rangeBytes);
      const load = { url: server.url, script, connections: CONNECTIONS, cores: [cores.load] };
      await runWrk({ ...load, seconds: WARM_SEC }, rangeBytes);
      const data = join(stage.folder, 'perf.data');
      const words = [
        'record',
        '-q',
        '-F',
        SAMPLES_PER_SEC,
        '-p',
        String(server.pid),
        '-o',
        data,
        'sleep',
        String(seconds),
      ];
      const [result] = await Promise.all([
        runWrk({ ...load, seconds: seconds + 1 }, rangeBytes),
        promisify(execFile)('perf', words),
      ]);
      process.stdout.write(`${engine}, ${rangeBytes} bytes: ${Math.round(result.requestsPerSec)}/s\n`);
      for (const sort of ['pid', 'dso', 'symbol']) process.stdout.write(`\n${readShares(data, sort)}\n`);
    } finally {
      await server.stop();
      rmSync(`/tmp/perf-${server.pid}.map`, { force: true });
    }
  } finally {
    await stage.clear();
  }
}

function readShares(data: string, sort: string): string {
  const words = ['report', '--stdio', '-q', '-i', data, '--sort', sort, '--percent-limit', LEAST_PERCENT];
  const text = execFileSync('perf', words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 26,
  });
  return text
    .split('\n')
    .map((line) =>
      line
        .replace(/(?:\s+-)*\s*$/, '')
        .replace(/file:\/\/\S*\/(?=[^/]+:\d)/, '')
        .replaceAll(/ {3,}/g, '  '),
    )
    .filter((line) => line.includes('%'))
    .join('\n');
}
