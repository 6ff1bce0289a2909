import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { FILE_BYTES, type MediaSet } from './media-set.ts';

/** What wrk says of a load with a fixed number of connections, each asking as soon as it is answered. */
export interface WrkResult {
  readonly requests: number;
  readonly requestsPerSec: number;
  readonly bytesPerSec: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface WrkLoad {
  readonly url: string;
  readonly script: string;
  readonly connections: number;
  readonly seconds: number;
  readonly cores: readonly number[];
  readonly argument?: number;
}

const ALIGN_BYTES = 65_536;
const REQUESTS = 8192;
/** An answer that takes long is slow, not lost. */
const TIMEOUT = '30s';

/** Printed by the script itself: wrk rounds what it prints. Latencies in microseconds. */
const SAY = `function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nPEERS {"requests":%d,"micros":%d,"p50":%f,"p99":%f,"failed":%d}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`;

/**
 * A script that asks for ranges of one size at random places of random files. The requests are made before the load
 * begins, the same ones in the same order for everybody.
 */
export function writeRangeScript(file: string, set: MediaSet, rangeBytes: number): void {
  writeFileSync(
    file,
    `local asks, at = {}, 0
function init(args)
  math.randomseed(42)
  for i = 1, ${REQUESTS} do
    local first = math.random(0, ${Math.floor((FILE_BYTES - rangeBytes) / ALIGN_BYTES)}) * ${ALIGN_BYTES}
    asks[i] = string.format("GET /${set.folder}/%d.m4s HTTP/1.1\\r\\nHost: %s:%s\\r\\nRange: bytes=%d-%d\\r\\n\\r\\n",
      math.random(0, ${set.count - 1}), wrk.host, wrk.port, first, first + ${rangeBytes - 1})
  end
end
function request() at = at % ${REQUESTS} + 1 return asks[at] end
${SAY}`,
  );
}

/**
 * A script that asks for every 1 MiB of every file exactly once, in an order that no read-ahead foresees, and then ends.
 * Its one argument says how many of that order were asked for before: it goes on behind them.
 */
export function writeOnceScript(file: string, set: MediaSet): void {
  const pieces = FILE_BYTES / 2 ** 20;
  writeFileSync(
    file,
    `local asks, at, behind, total = {}, 0, 0, ${set.count * pieces}
function init(args)
  math.randomseed(7)
  for i = 0, total - 1 do
    local first = (i % ${pieces}) * 1048576
    asks[i + 1] = string.format("GET /${set.folder}/%d.m4s HTTP/1.1\\r\\nHost: %s:%s\\r\\nRange: bytes=%d-%d\\r\\n\\r\\n",
      math.floor(i / ${pieces}), wrk.host, wrk.port, first, first + 1048575)
  end
  for i = total, 2, -1 do local j = math.random(i) asks[i], asks[j] = asks[j], asks[i] end
  behind = tonumber(args[1])
end
function request()
  at = at + 1
  if at >= total then wrk.thread:stop() end
  return asks[(behind + at - 1) % total + 1]
end
${SAY}`,
  );
}

/** A load that is under way. `stop` ends it before its time; what it has measured counts. */
export interface RunningLoad {
  readonly result: Promise<WrkResult>;
  stop(): void;
}

const running = new Set<ChildProcess>();

/** Ends every load at once: whoever started them goes. */
export function killLoads(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** @param rangeBytes of every answer, to tell bytes from requests */
export function startWrk(load: WrkLoad, rangeBytes: number): RunningLoad {
  const words = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--latency', '--timeout', TIMEOUT];
  const child = spawn(
    'taskset',
    ['-c', load.cores.join(','), 'wrk', ...words, '-s', load.script, load.url, '--', String(load.argument ?? 0)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    },
  );
  running.add(child);
  child.once('close', () => running.delete(child));
  return { result: resultOf(child, load.url, rangeBytes), stop: () => child.kill('SIGINT') };
}

export const runWrk = (load: WrkLoad, rangeBytes: number): Promise<WrkResult> => startWrk(load, rangeBytes).result;

async function resultOf(child: ChildProcess, url: string, rangeBytes: number): Promise<WrkResult> {
  let output = '';
  child.stdout?.on('data', (piece: Buffer) => {
    output += piece.toString('utf8');
  });
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const said = /^PEERS (\{.*\})$/m.exec(output)?.[1];
  if (said === undefined) throw new Error(`wrk said nothing of ${url}: ${output.slice(-500)}`);
  const { requests, micros, p50, p99, failed } = JSON.parse(said) as Record<string, number> & {
    requests: number;
    micros: number;
    p50: number;
    p99: number;
    failed: number;
  };
  if (failed > 0 || requests === 0) throw new Error(`${url}: ${failed} of ${requests} requests failed`);
  const seconds = micros / 1e6;
  return {
    requests,
    requestsPerSec: requests / seconds,
    bytesPerSec: (requests * rangeBytes) / seconds,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
  };
}
