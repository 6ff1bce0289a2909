import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgressLine } from '../src/cli/progress-line.ts';
import { readProcessCost } from './process-cost.ts';
import { type Questions, runWrk, writeQuestions } from './steer/closed-loop.ts';
import { type SteeringSize, titleCountOf, titleIdAt } from './steer/fill-state.ts';
import { measureClosed, measureRound, type Round, wasMachineLate } from './steer/measure-round.ts';
import { startNginx } from './steer/nginx-peer.ts';
import { keepPartial, type Measured, reportSteer } from './steer/report-steer.ts';
import { type SteeringUnderTest, startSteering } from './steer/steering-under-test.ts';
import { decideInChild } from './steer-decision.ts';

/**
 * How many players one core can steer, through HTTP, with everything loaded that a large provider has.
 *
 * The service is a real process whose threads are all kept on one core; the load comes from the other. What wrk asks is
 * random in client, session and title, as players ask it. Latency is measured by an open loop at 70 % of what the round
 * has just reached, because a closed one asks less when the answers are slow; in each round anew, because what such a
 * machine can do differs by half from one minute to the next, and 70 % of a better minute is too much for this one.
 *
 * In each round nginx with one worker on the same core answers a fixed JSON of the same length with the same headers, to
 * wrk and to the open loop at the same rate. The first says what deciding costs beyond HTTP, the second what a latency
 * is worth in that minute: where nginx is late, the machine was, and the round is repeated and shown (`report-steer.ts`).
 */
const SERVICE_CORE = 1;
const LOAD_CORE = 0;
/** Until the compiler has done its part: it shares the core, and after 5 s a request still cost twice as much. */
const WARM_SECONDS = 15;
const GROWTH_ROUNDS = 2;

export interface SteerOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly size: SteeringSize;
  /** Sizes for the growth, or none. */
  readonly growth: boolean;
  readonly sample: string;
}

export async function benchSteerHttp(options: SteerOptions): Promise<void> {
  const progress = new ProgressLine(process.stderr);
  const sizes = [options.size, ...(options.growth ? growthSizes(options.size) : [])];
  const measured: Measured[] = [];
  try {
    for (const [index, size] of sizes.entries()) {
      progress.show(index / sizes.length, `${size.prefixes} prefixes, ${size.appliances} appliances`);
      measured.push(await measure(size, options, { isMain: index === 0, before: measured }));
    }
  } finally {
    progress.end();
  }
  reportSteer(measured, decideInChild(options.size), options);
}

function growthSizes(size: SteeringSize): SteeringSize[] {
  const byAppliances = [100, 500, 1000, 5000].map((appliances) => ({ ...size, prefixes: 100_000, appliances }));
  const byPrefixes = [10_000, 100_000, 1_000_000].map((prefixes) => ({ ...size, prefixes, appliances: 1000 }));
  // One of them is in both rows.
  return [...byAppliances, ...byPrefixes.filter(({ prefixes }) => prefixes !== 100_000)];
}

async function measure(
  size: SteeringSize,
  options: SteerOptions,
  { isMain, before }: { readonly isMain: boolean; readonly before: readonly Measured[] },
): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'oca-steer-'));
  try {
    const steering = await startSteering(folder, size, { core: SERVICE_CORE, sample: options.sample });
    try {
      const { prefixSource, startMs } = steering;
      const common = { size, prefixSource, startMs: Math.round(startMs) };
      const keep = (rounds: readonly Round[]): void => keepPartial([...before, { ...common, rounds }], options);
      const found = await measureRunning(steering, { folder, size, options, isMain, keep });
      const decided = await steering.decidedShare();
      if (!(decided > 0.999))
        throw new Error(`only ${decided} of the answers were decisions: this measures something else`);
      return { ...common, ...found, peakBytes: readProcessCost(steering.pid).peakBytes };
    } finally {
      await steering.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureRunning(
  { url, pid, addresses }: SteeringUnderTest,
  run: {
    readonly folder: string;
    readonly size: SteeringSize;
    readonly options: SteerOptions;
    readonly isMain: boolean;
    readonly keep: (rounds: readonly Round[]) => void;
  },
): Promise<Pick<Measured, 'rounds' | 'closed' | 'answerBytes'>> {
  const { folder, size, options, isMain, keep } = run;
  const questions: Questions = {
    titles: Array.from({ length: titleCountOf(size) }, (_, index) => titleIdAt(index)),
    addresses,
    declared: ['app-1', 'app-7', 'origin'],
  };
  const script = join(folder, 'questions.lua');
  writeQuestions(script, questions);
  const { connections, seconds } = options;
  const order = { folder, url, pid, questions, load: { core: LOAD_CORE, connections, script }, seconds };
  await runWrk(url, { ...order.load, seconds: WARM_SECONDS });
  const answer = await (await fetch(`${url}/v1/steering/hls?a=${titleIdAt(0)}&s=abcdefgh1`)).text();
  const answerBytes = Buffer.byteLength(answer);
  if (!isMain) {
    const closed = [];
    for (let round = 0; round < GROWTH_ROUNDS; round += 1) closed.push(await measureClosed(order));
    return { rounds: [], closed, answerBytes };
  }
  const nginx = await startNginx(join(folder, 'nginx'), answer, SERVICE_CORE);
  const rounds: Round[] = [];
  try {
    let good = 0;
    while (good < options.rounds && rounds.length < 2 * options.rounds) {
      const round = await measureRound({ ...order, nginxUrl: nginx.url, seed: rounds.length + 1 });
      rounds.push(round);
      if (!wasMachineLate(round)) good += 1;
      keep(rounds);
    }
  } finally {
    nginx.stop();
  }
  return { rounds, closed: rounds.map(({ steering }) => steering), answerBytes };
}
