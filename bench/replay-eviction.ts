import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ProgressLine } from '../src/cli/progress-line.ts';
import { formatTable } from '../src/cli/table.ts';
import { meanOf, missReduction, reductionInterval } from './eviction/miss-reduction.ts';
import { pfooBound } from './eviction/pfoo-bound.ts';
import { plotReductions } from './eviction/plot-reductions.ts';
import { bytesPerEntry, policies } from './eviction/policies.ts';
import { type Replayed, replay } from './eviction/replay.ts';
import { campusTraces } from './workloads/campus-requests.ts';
import { launchDay, popularityDrift, scan, smallIsp } from './workloads/generated-traces.ts';
import { type Trace, uniqueBytes } from './workloads/trace.ts';

/**
 * Which policy misses the fewest bytes. Each trace is replayed in order with caches of 1, 5 and 10 % of its unique
 * bytes: the first half warms, the second counts. Figures are byte hit ratios, and the share of the bytes that LRU
 * misses which a policy does not miss, as a mean over the three caches with a 95 % interval.
 *
 * How the default was tuned: its numbers were varied on day 1 (videos), popularity drift and small ISP, and one was
 * changed for it (how many are drawn). Day 2, the segments, launch day and scan are held out from that. Not held out is
 * the method: windows, queues and rates of reuse, with and without the last gap and with two half-lives, were compared
 * on all but the segments.
 *
 * What came out (results/): the default misses fewer bytes than LRU on every trace with 95 % certainty, 16 % fewer where
 * popularity drifts or something is launched or scanned, 4 to 5 % on day 2 and for a small ISP, and half a percent on day
 * 1. The goal of 9 % is out of reach on day 1, where the bound is 7 %: four of five bytes of its second half were asked
 * for the first time. On day 2 and for a small ISP it is not reached; the bound of over 20 % knows the future, which no
 * rule does. The default draws: with six other sequences than the committed one, day 2 (videos) gave 4.6 to 5.1 %, day 1
 * 0.5 to 0.6 %, small ISP 4.1 to 4.2 %.
 *
 * What it leaves out: an object arrives in whole here and block by block in the product, and nothing is pinned.
 */
const CACHE_SHARES = [0.01, 0.05, 0.1];

interface Row {
  readonly trace: string;
  readonly policy: string;
  readonly hitRatios: readonly number[];
  readonly meanReduction: number;
  readonly interval: readonly [number, number];
  /** Largest loss of byte hit ratio against LRU over the caches; negative when it never loses. */
  readonly worstLoss: number;
  readonly gapClosed: number;
  readonly writtenPerServed: number;
  readonly requestsPerSec: number;
}

interface TraceResult {
  readonly trace: string;
  readonly requests: number;
  readonly uniqueBytes: number;
  readonly bounds: readonly number[];
  readonly rows: readonly Row[];
}

export function benchEviction({ dataDir }: { dataDir: string }): void {
  const campus = campusTraces(dataDir);
  if (campus === undefined) process.stdout.write(`no request logs in ${dataDir}: the generated workloads only\n`);
  const traces = [...(campus ?? []), popularityDrift(), launchDay(), scan(), smallIsp()];
  const memory = policies.map(([name, create]) => ({
    policy: name,
    bytesPerEntry: bytesPerEntry(create, collector()),
  }));
  const progress = new ProgressLine(process.stderr);
  const results = traces.map((trace, index) =>
    measure(trace, (share, step) => progress.show((index + share) / traces.length, step)),
  );
  progress.end();
  print(results, memory);
  store(results, memory, campus !== undefined);
}

function measure(trace: Trace, show: (share: number, step: string) => void): TraceResult {
  const unique = uniqueBytes(trace);
  const capacities = CACHE_SHARES.map((share) => share * unique);
  const bounds = capacities.map((capacityBytes) => pfooBound(trace, capacityBytes));
  let lru: Replayed[] = [];
  const rows = policies.map(([policy, create], index) => {
    const runs = capacities.map((capacityBytes, cache) => {
      show((index + cache / capacities.length) / policies.length, `${trace.name}: ${policy}`);
      return replay(trace, create(), capacityBytes);
    });
    if (index === 0) lru = runs;
    return rowOf(trace.name, policy, runs, lru, bounds);
  });
  return { trace: trace.name, requests: trace.ids.length, uniqueBytes: unique, bounds, rows };
}

function rowOf(trace: string, policy: string, runs: Replayed[], lru: Replayed[], bounds: readonly number[]): Row {
  const ratioOf = ({ hitBytes, requestedBytes }: Replayed): number => hitBytes / requestedBytes;
  const pairs = runs.map((run, cache) => [run, lru[cache] ?? run] as const);
  return {
    trace,
    policy,
    hitRatios: runs.map(ratioOf),
    meanReduction: meanOf(pairs.map(([own, other]) => missReduction(own, other))),
    interval: reductionInterval(pairs),
    worstLoss: Math.max(...pairs.map(([own, other]) => ratioOf(other) - ratioOf(own))),
    gapClosed: meanOf(
      pairs.map(([own, other], cache) => (ratioOf(own) - ratioOf(other)) / ((bounds[cache] ?? 1) - ratioOf(other))),
    ),
    writtenPerServed: meanOf(runs.map(({ writtenBytes, requestedBytes }) => writtenBytes / requestedBytes)),
    requestsPerSec: meanOf(runs.map(({ requestsPerSec }) => requestsPerSec)),
  };
}

type Memory = readonly { readonly policy: string; readonly bytesPerEntry: number }[];

const percent = (share: number): string => (share * 100).toFixed(1);

function print(results: readonly TraceResult[], memory: Memory): void {
  const header = [
    'trace',
    'policy',
    ...CACHE_SHARES.map((share) => `hit % at ${share * 100} %`),
    'fewer missed %',
    '95 % interval',
    'worst loss pp',
    'gap closed %',
    'written/served',
    'requests/s',
  ];
  const lines = results.flatMap(({ trace, rows, bounds }) => [
    ...rows.map((row) => [
      trace,
      row.policy,
      ...row.hitRatios.map(percent),
      percent(row.meanReduction),
      row.interval.map(percent).join(' to '),
      percent(row.worstLoss),
      percent(row.gapClosed),
      row.writtenPerServed.toFixed(2),
      `${Math.round(row.requestsPerSec / 1000)} k`,
    ]),
    [trace, 'PFOO-L bound', ...bounds.map(percent), percent(boundReduction(bounds, rows)), '', '', '', '', ''],
  ]);
  process.stdout.write(`${formatTable(header, lines)}\n\n`);
  process.stdout.write(
    `${formatTable(
      ['policy', 'memory bytes per entry'],
      memory.map((line) => [line.policy, String(line.bytesPerEntry)]),
    )}\n`,
  );
}

/** How many fewer bytes than LRU the bound misses, as a mean over the caches. */
function boundReduction(bounds: readonly number[], rows: readonly Row[]): number {
  return meanOf(bounds.map((bound, cache) => 1 - (1 - bound) / (1 - (rows[0]?.hitRatios[cache] ?? 0))));
}

function store(results: readonly TraceResult[], memory: Memory, hasCampus: boolean): void {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const name = join(folder, `eviction-${new Date().toISOString().slice(0, 10)}`);
  const command = 'npm run bench -- eviction';
  const cacheShares = CACHE_SHARES;
  writeFileSync(
    `${name}.json`,
    `${JSON.stringify({ command, node: process.version, hasCampus, cacheShares, memory, results }, rounded, 1)}\n`,
  );
  const groups = results.map(({ trace, rows, bounds }) => ({
    trace,
    bound: boundReduction(bounds, rows) * 100,
    bars: rows.slice(1).map(({ policy, meanReduction, interval }) => ({
      policy,
      percent: meanReduction * 100,
      interval: [interval[0] * 100, interval[1] * 100] as const,
    })),
  }));
  writeFileSync(
    `${name}.svg`,
    plotReductions('Missed bytes fewer than with LRU, mean over caches of 1, 5 and 10 % of unique bytes', groups),
  );
  process.stdout.write(`written to ${name}.json and .svg\n`);
}

const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;

/** The collector of this process, which is hidden unless asked for. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
