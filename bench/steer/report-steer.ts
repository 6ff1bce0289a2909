import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { formatTable } from '../../src/cli/table.ts';
import { describeMachine } from '../machine.ts';
import type { DecisionCost } from '../steer-decision.ts';
import type { SteeringSize } from './fill-state.ts';
import {
  MACHINE_LATE_MS,
  OPEN_SHARE,
  P99_LIMIT_MS,
  type Round,
  type SteeringLoad,
  wasMachineLate,
} from './measure-round.ts';
import { plotGrowth } from './plot-steer.ts';

const FLOOR_PER_SEC = 12_000;
const MOST_DECISION_MICROS = 20;

/** What was measured of one size. */
export interface Measured {
  readonly size: SteeringSize;
  readonly prefixSource: string;
  readonly startMs: number;
  /** All of them, in order; none where only the growth is looked at. */
  readonly rounds: readonly Round[];
  readonly closed: readonly SteeringLoad[];
  readonly peakBytes: number;
  readonly answerBytes: number;
}

interface Options {
  readonly size: SteeringSize;
  readonly sample: string;
}

const REPEATS_RULE = `a round is repeated, at most as often as there are rounds, when nginx itself, asked by the same generator at the same rate in that round, had a p99 of ${MACHINE_LATE_MS} ms or more: then the machine was late. Medians are over the other rounds, and over all where there is no other.`;

/** Prints what came of it and writes it down. */
export function reportSteer(measured: readonly Measured[], bare: DecisionCost, options: Options): void {
  const [main] = measured;
  if (main === undefined) return;
  const { kept, late } = judgedRounds(main.rounds);
  const rows = measured.map((one, index) =>
    rowOf(one, index === 0 ? kept.map(({ steering }) => steering) : one.closed),
  );
  const header = ['prefixes', 'appliances', 'files', '1/s', 'p50 ms', 'p99 ms', 'cpu us', 'start ms', 'peak MiB'];
  const lines = rows.map((row) => Object.values(row).map(String));
  process.stdout.write(`${formatTable(header, lines)}\n\n${roundsTable(main.rounds)}\n`);
  const [judged, all] = [summaryOf(kept), summaryOf(main.rounds)];
  const said = (isReached: boolean): string => (isReached ? 'reached' : 'NOT reached');
  process.stdout.write(
    `\n${REPEATS_RULE}\n` +
      `rounds: ${main.rounds.length}, of which late: ${late.length}${kept.length === main.rounds.length && late.length > 0 ? ' (all: they count)' : ''}\n` +
      `nginx, one worker on the same core, ${main.answerBytes} bytes of JSON: ${judged.nginxPerSec}/s\n` +
      `decisions per second: ${judged.requestsPerSec} (over all rounds ${all.requestsPerSec}); floor ${FLOOR_PER_SEC}: ${said(judged.requestsPerSec >= FLOOR_PER_SEC)}\n` +
      `open loop at ${OPEN_SHARE * 100} % of each round: p50 ${judged.openP50Ms}, p99 ${judged.openP99Ms} ms (over all rounds ${all.openP99Ms}), ${judged.failed} failed; nginx beside it p99 ${judged.nginxOpenP99Ms}; p99 under ${P99_LIMIT_MS} ms: ${said(judged.openP99Ms < P99_LIMIT_MS)}\n` +
      `the bare decision: mean ${bare.meanMicros.toFixed(1)}, p50 ${bare.p50Micros.toFixed(1)}, p99 ${bare.p99Micros.toFixed(1)} us; mean under ${MOST_DECISION_MICROS} us: ${said(bare.meanMicros < MOST_DECISION_MICROS)}\n`,
  );
  const file = fileName();
  write(`${file}.json`, { measured, options, medians: rows, judged, overAll: all, bareDecision: bare });
  rmSync(`${file}.partial.json`, { force: true });
  if (rows.length > 1) writeFileSync(`${file}.svg`, growthPlot(rows, judged.nginxPerSec));
  process.stdout.write(`written to ${file}.json\n`);
}

/** So that a run that is cut leaves what it has measured. */
export function keepPartial(measured: readonly Partial<Measured>[], options: Options): void {
  write(`${fileName()}.partial.json`, { measured, options });
}

function write(file: string, body: Readonly<Record<string, unknown>> & { readonly options: Options }): void {
  const options = { ...body.options, sample: basename(body.options.sample) };
  const document = { command: 'npm run bench -- steer', machine: describeMachine(), repeats: REPEATS_RULE, ...body };
  writeFileSync(file, `${JSON.stringify({ ...document, options }, null, 2)}\n`);
}

function fileName(): string {
  const results = join(import.meta.dirname, '../results');
  mkdirSync(results, { recursive: true });
  return join(results, `steer-http-${new Date().toISOString().slice(0, 10)}`);
}

function judgedRounds(rounds: readonly Round[]): { readonly kept: readonly Round[]; readonly late: readonly Round[] } {
  const late = rounds.filter(wasMachineLate);
  return { kept: late.length === rounds.length ? rounds : rounds.filter((round) => !wasMachineLate(round)), late };
}

function rowOf({ size, startMs, peakBytes }: Measured, loads: readonly SteeringLoad[]) {
  return {
    prefixes: size.prefixes,
    appliances: size.appliances,
    files: size.files,
    requestsPerSec: Math.round(medianOf(loads, 'requestsPerSec')),
    p50Ms: medianOf(loads, 'p50Ms'),
    p99Ms: medianOf(loads, 'p99Ms'),
    cpuMicrosPerRequest: tenths(medianOf(loads, 'cpuMicrosPerRequest')),
    startMs,
    peakMebibytes: Math.round(peakBytes / 2 ** 20),
  };
}

function summaryOf(rounds: readonly Round[]) {
  const opens = rounds.map(({ open }) => open);
  return {
    requestsPerSec: Math.round(
      medianOf(
        rounds.map(({ steering }) => steering),
        'requestsPerSec',
      ),
    ),
    openP50Ms: hundredths(medianOf(opens, 'p50Ms')),
    openP99Ms: hundredths(medianOf(opens, 'p99Ms')),
    openP999Ms: hundredths(medianOf(opens, 'p999Ms')),
    failed: opens.reduce((sum, { failed }) => sum + failed, 0),
    nginxPerSec: Math.round(
      medianOf(
        rounds.map(({ nginx }) => nginx),
        'requestsPerSec',
      ),
    ),
    nginxOpenP99Ms: hundredths(
      medianOf(
        rounds.map(({ nginxOpen }) => nginxOpen),
        'p99Ms',
      ),
    ),
  };
}

function roundsTable(rounds: readonly Round[]): string {
  const header = [
    'round',
    '1/s',
    'cpu us',
    'open 1/s',
    'p50 ms',
    'p99 ms',
    'worst',
    'own',
    'nginx 1/s',
    'its p99',
    'spin ms',
    'steal %',
    '',
  ];
  return formatTable(
    header,
    rounds.map((round, index) => {
      const { steering, open, nginx, nginxOpen, machine } = round;
      const numbers = [
        Math.round(steering.requestsPerSec),
        tenths(steering.cpuMicrosPerRequest),
        Math.round(open.askedPerSec),
        hundredths(open.p50Ms),
        hundredths(open.p99Ms),
        tenths(open.worstMs),
        tenths(open.ownWorstMs),
        Math.round(nginx.requestsPerSec),
        hundredths(nginxOpen.p99Ms),
        machine.spinMs,
        tenths(machine.stealShare * 100),
      ];
      return [String(index + 1), ...numbers.map(String), wasMachineLate(round) ? 'late' : ''];
    }),
  );
}

function growthPlot(rows: readonly ReturnType<typeof rowOf>[], nginxPerSec: number): string {
  const point = (size: number, { requestsPerSec }: ReturnType<typeof rowOf>) => ({ size, requestsPerSec });
  const bySize = (a: { size: number }, b: { size: number }): number => a.size - b.size;
  const grown = rows.slice(1);
  const byAppliances = grown.filter(({ prefixes }) => prefixes === 100_000).map((row) => point(row.appliances, row));
  const byPrefixes = grown.filter(({ appliances }) => appliances === 1000).map((row) => point(row.prefixes, row));
  return plotGrowth(
    'Decisions per second through HTTP on one core, by appliances and by prefixes',
    [
      { name: 'appliances (100 k prefixes)', points: byAppliances.sort(bySize) },
      { name: 'prefixes (1,000 appliances)', points: byPrefixes.sort(bySize) },
    ],
    [
      { name: 'nginx, fixed JSON', requestsPerSec: nginxPerSec },
      { name: 'floor', requestsPerSec: FLOOR_PER_SEC },
    ],
  );
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
const hundredths = (value: number): number => Math.round(value * 100) / 100;

function medianOf<Name extends string>(rows: readonly Readonly<Record<Name, number>>[], name: Name): number {
  const sorted = rows.map((row) => row[name]).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
