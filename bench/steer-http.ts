import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ProgressLine } from '../src/cli/progress-line.ts';
import { formatTable } from '../src/cli/table.ts';
import { describeMachine } from './machine.ts';
import { readProcessCost } from './process-cost.ts';
import { type ClosedLoad, type Questions, runWrk, writeQuestions } from './steer/closed-loop.ts';
import { type SteeringSize, titleCountOf, titleIdAt } from './steer/fill-state.ts';
import { startNginx } from './steer/nginx-peer.ts';
import { type OpenLoad, runOpenLoop } from './steer/open-loop.ts';
import { plotGrowth } from './steer/plot-steer.ts';
import { type SteeringUnderTest, startSteering } from './steer/steering-under-test.ts';
import { type DecisionCost, decideInChild } from './steer-decision.ts';

/**
 * How many players one core can steer, through HTTP, with everything loaded that a large provider has.
 *
 * The service is a real process whose threads are all kept on one core; the load comes from the other. What wrk asks is
 * random in client, session and title, as players ask it. Right behind each of its rounds comes a round of nginx with
 * one worker on the same core, which answers a fixed JSON of the same length with the same headers: the ratio says what
 * deciding costs beyond HTTP, whatever else the machine does. Latency is measured by an open loop at 70 % of what the
 * round has just reached, because a closed one asks less when the answers are slow; in each round anew, because what
 * such a machine can do differs by half from one minute to the next, and 70 % of a better minute is too much for this one.
 */
const SERVICE_CORE = 1;
const LOAD_CORE = 0;
/** Until the compiler has done its part: it shares the core, and after 5 s a request still cost twice as much. */
const WARM_SECONDS = 15;
const FLOOR_PER_SEC = 12_000;

export interface SteerOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly size: SteeringSize;
  /** Sizes for the growth, or none. */
  readonly growth: boolean;
  readonly sample: string;
}

interface Round extends ClosedLoad {
  readonly cpuMicrosPerRequest: number;
}

interface Measured {
  readonly size: SteeringSize;
  readonly prefixSource: string;
  readonly startMs: number;
  readonly rounds: readonly Round[];
  readonly nginx: readonly ClosedLoad[];
  readonly open: readonly OpenLoad[];
  readonly peakBytes: number;
  readonly answerBytes: number;
}

export async function benchSteerHttp(options: SteerOptions): Promise<void> {
  const progress = new ProgressLine(process.stderr);
  const sizes = [options.size, ...(options.growth ? growthSizes(options.size) : [])];
  const measured: Measured[] = [];
  try {
    for (const [index, size] of sizes.entries()) {
      progress.show(index / sizes.length, `${size.prefixes} prefixes, ${size.appliances} appliances`);
      measured.push(await measure(size, options, index === 0));
    }
  } finally {
    progress.end();
  }
  report(measured, decideInChild(options.size), options);
}

function growthSizes(size: SteeringSize): SteeringSize[] {
  const byAppliances = [100, 500, 1000, 5000].map((appliances) => ({ ...size, prefixes: 100_000, appliances }));
  const byPrefixes = [10_000, 100_000, 1_000_000].map((prefixes) => ({ ...size, prefixes, appliances: 1000 }));
  // One of them is in both rows.
  return [...byAppliances, ...byPrefixes.filter(({ prefixes }) => prefixes !== 100_000)];
}

async function measure(size: SteeringSize, options: SteerOptions, isMain: boolean): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'oca-steer-'));
  try {
    const steering = await startSteering(folder, size, { core: SERVICE_CORE, sample: options.sample });
    try {
      return await measureRunning(steering, { folder, size, options, isMain });
    } finally {
      await steering.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureRunning(
  steering: SteeringUnderTest,
  run: {
    readonly folder: string;
    readonly size: SteeringSize;
    readonly options: SteerOptions;
    readonly isMain: boolean;
  },
): Promise<Measured> {
  const { folder, size, options, isMain } = run;
  const questions: Questions = {
    titles: Array.from({ length: titleCountOf(size) }, (_, index) => titleIdAt(index)),
    addresses: steering.addresses,
    declared: ['app-1', 'app-7', 'origin'],
  };
  const script = join(folder, 'questions.lua');
  writeQuestions(script, questions);
  const load = { core: LOAD_CORE, connections: options.connections, script };
  await runWrk(steering.url, { ...load, seconds: WARM_SECONDS });
  const answer = await (await fetch(`${steering.url}/v1/steering/hls?a=${titleIdAt(0)}&s=abcdefgh1`)).text();
  const nginx = isMain ? await startNginx(join(folder, 'nginx'), answer, SERVICE_CORE) : undefined;
  const rounds: Round[] = [];
  const nginxRounds: ClosedLoad[] = [];
  const openRounds: OpenLoad[] = [];
  try {
    for (let round = 0; round < (isMain ? options.rounds : 2); round += 1) {
      const before = readProcessCost(steering.pid);
      const result = await runWrk(steering.url, { ...load, seconds: options.seconds });
      const after = readProcessCost(steering.pid);
      rounds.push({ ...result, cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / result.requests });
      if (nginx === undefined) continue;
      const { seconds, connections } = options;
      const order = {
        ...questions,
        url: steering.url,
        requestsPerSec: result.requestsPerSec * 0.7,
        seconds,
        connections,
      };
      openRounds.push(await runOpenLoop(join(folder, 'order.json'), order, LOAD_CORE));
      nginxRounds.push(await runWrk(nginx.url, { ...load, seconds }));
    }
  } finally {
    nginx?.stop();
  }
  const decided = await steering.decidedShare();
  if (!(decided > 0.999))
    throw new Error(`only ${decided} of the answers were decisions: this measures something else`);
  const { peakBytes } = readProcessCost(steering.pid);
  const { prefixSource, startMs } = steering;
  return {
    size,
    prefixSource,
    startMs: Math.round(startMs),
    rounds,
    nginx: nginxRounds,
    open: openRounds,
    peakBytes,
    answerBytes: Buffer.byteLength(answer),
  };
}

function report(measured: readonly Measured[], bare: DecisionCost, options: SteerOptions): void {
  const rows = measured.map(({ size, rounds, startMs, peakBytes }) => ({
    prefixes: size.prefixes,
    appliances: size.appliances,
    files: size.files,
    requestsPerSec: Math.round(median(rounds.map(({ requestsPerSec }) => requestsPerSec))),
    p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    cpuMicrosPerRequest: Math.round(median(rounds.map(({ cpuMicrosPerRequest }) => cpuMicrosPerRequest)) * 10) / 10,
    startMs,
    peakMebibytes: Math.round(peakBytes / 2 ** 20),
  }));
  const header = ['prefixes', 'appliances', 'files', '1/s', 'p50 ms', 'p99 ms', 'cpu us', 'start ms', 'peak MiB'];
  process.stdout.write(
    `${formatTable(
      header,
      rows.map((row) => Object.values(row).map(String)),
    )}\n`,
  );
  const [main] = measured;
  const [first] = rows;
  if (main === undefined || first === undefined) return;
  const nginxPerSec = Math.round(median(main.nginx.map(({ requestsPerSec }) => requestsPerSec)));
  const open = openMedians(main.open);
  process.stdout.write(
    `nginx, one worker on the same core, ${main.answerBytes} bytes of JSON: ${nginxPerSec}/s; steering gives ${Math.round((100 * first.requestsPerSec) / nginxPerSec)} % of it\n` +
      `floor ${FLOOR_PER_SEC}/s: ${first.requestsPerSec >= FLOOR_PER_SEC ? 'reached' : 'NOT reached'}\n` +
      `open loop at 70 % of each round (${Math.round(open.askedPerSec)}/s): p50 ${open.p50Ms.toFixed(2)}, p99 ${open.p99Ms.toFixed(2)}, p99.9 ${open.p999Ms.toFixed(2)} ms, ${open.failed} failed; p99 of the rounds ${main.open.map(({ p99Ms }) => p99Ms.toFixed(1)).join(', ')} ms; median under 5 ms: ${open.p99Ms < 5 ? 'reached' : 'NOT reached'}\n`,
  );
  process.stdout.write(
    `the bare decision: mean ${bare.meanMicros.toFixed(1)}, p50 ${bare.p50Micros.toFixed(1)}, p99 ${bare.p99Micros.toFixed(1)} us; mean under 20 us: ${bare.meanMicros < 20 ? 'reached' : 'NOT reached'}\n`,
  );
  const results = join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  const file = join(results, `steer-http-${new Date().toISOString().slice(0, 10)}`);
  const body = {
    command: 'npm run bench -- steer',
    options: { ...options, sample: basename(options.sample) },
    machine: describeMachine(),
    medians: rows,
    nginxPerSec,
    open,
    bareDecision: bare,
  };
  writeFileSync(`${file}.json`, `${JSON.stringify({ ...body, prefixSource: main.prefixSource, measured }, null, 2)}\n`);
  const point = (size: number, row: (typeof rows)[number]) => ({ size, requestsPerSec: row.requestsPerSec });
  if (rows.length > 1) {
    const grown = rows.slice(1);
    const byAppliances = grown.filter(({ prefixes }) => prefixes === 100_000).map((row) => point(row.appliances, row));
    const byPrefixes = grown.filter(({ appliances }) => appliances === 1000).map((row) => point(row.prefixes, row));
    const bySize = (a: { size: number }, b: { size: number }): number => a.size - b.size;
    writeFileSync(
      `${file}.svg`,
      plotGrowth(
        'Decisions per second through HTTP on one core, by appliances and by prefixes',
        [
          { name: 'appliances (100 k prefixes)', points: byAppliances.sort(bySize) },
          { name: 'prefixes (1,000 appliances)', points: byPrefixes.sort(bySize) },
        ],
        [
          { name: 'nginx, fixed JSON', requestsPerSec: nginxPerSec },
          { name: 'floor', requestsPerSec: FLOOR_PER_SEC },
        ],
      ),
    );
  }
  process.stdout.write(`written to ${file}.json\n`);
}

/** Medians over the rounds; of failures all. */
function openMedians(
  rounds: readonly OpenLoad[],
): Pick<OpenLoad, 'askedPerSec' | 'p50Ms' | 'p99Ms' | 'p999Ms' | 'failed'> {
  const of = (name: 'askedPerSec' | 'p50Ms' | 'p99Ms' | 'p999Ms'): number => median(rounds.map((round) => round[name]));
  return {
    askedPerSec: of('askedPerSec'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    p999Ms: of('p999Ms'),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
