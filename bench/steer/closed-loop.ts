import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** What wrk says of one load with a fixed number of connections, each asking as soon as it is answered. */
export interface ClosedLoad {
  readonly requestsPerSec: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
}

/** Targets and addresses that the requests are drawn from. */
export interface Questions {
  readonly titles: readonly string[];
  readonly addresses: readonly string[];
  readonly declared: readonly string[];
}

const MOST_ADDRESSES = 20_000;
const MOST_TITLES = 10_000;

/**
 * A wrk script that asks as players do: a random client, a session of its own, a title by Zipf's law, and what it
 * plays. The answers are read and thrown away; anything but 200 is counted as an error by wrk.
 */
export function writeQuestions(file: string, { titles, addresses, declared }: Questions): void {
  const list = (texts: readonly string[], most: number): string =>
    texts
      .slice(0, most)
      .map((text) => `"${text}"`)
      .join(',');
  writeFileSync(
    file,
    `local titles = {${list(titles, MOST_TITLES)}}
local addresses = {${list(addresses, MOST_ADDRESSES)}}
local plays = {${list(declared, 100)}}
local seed = 1
function setup(thread) thread:set("seed", seed) seed = seed + 1 end
function init(args) math.randomseed(seed) end
function request()
  local title = titles[math.floor((#titles) ^ math.random())]
  local path = string.format("/v1/steering/hls?a=%s&s=s%09d&_HLS_pathway=%s&_HLS_throughput=%d",
    title, math.random(1, 400000), plays[math.random(#plays)], math.random(2000000, 50000000))
  return string.format("GET %s HTTP/1.1\\r\\nHost: steering.example\\r\\nX-Forwarded-For: %s\\r\\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\\r\\nAccept: */*\\r\\nOrigin: https://tv.example\\r\\n\\r\\n", path, addresses[math.random(#addresses)])
end
`,
  );
}

/** Runs wrk on one core. @throws Error when an answer was none or not 2xx */
export async function runWrk(
  url: string,
  options: {
    readonly core: number;
    readonly seconds: number;
    readonly connections: number;
    readonly script: string | undefined;
  },
): Promise<ClosedLoad> {
  const script = options.script === undefined ? [] : ['-s', options.script];
  const { stdout } = await promisify(execFile)('taskset', [
    '-c',
    String(options.core),
    'wrk',
    '-t1',
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    '--latency',
    // An answer that takes long is slow, not lost.
    '--timeout',
    '20s',
    ...script,
    url,
  ]);
  const failed = /Non-2xx or 3xx responses: (\d+)|Socket errors: .*/.exec(stdout);
  if (failed !== null) throw new Error(`${url}: ${failed[0]}`);
  const seconds = Number(/requests in ([\d.]+)s/.exec(stdout)?.[1]);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return { requests, requestsPerSec: requests / seconds, p50Ms: percentile(stdout, 50), p99Ms: percentile(stdout, 99) };
}

function percentile(stdout: string, percent: number): number {
  const match = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)\\s*$`, 'm').exec(stdout);
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? ''] ?? Number.NaN;
  return Number(match?.[1]) * factor;
}
