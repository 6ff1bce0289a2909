import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { largePageBytes } from '../../appliance/memory/large-pages.ts';
import { formatTable } from '../../src/cli/table.ts';
import { describeMachine } from '../machine.ts';
import { CASE_NAMES, type Figure, medianFigure, type Round } from './figures.ts';
import { type Judged, judgeGoals } from './goals.ts';
import { PEER_KINDS, PEER_NAMES, type PeerName } from './peer-kinds.ts';
import { plotPeers } from './plot-peers.ts';

const RESULTS = join(import.meta.dirname, '../results');

interface Column {
  readonly figure: Figure;
  readonly title: string;
  readonly digits: number;
}

/** What is shown of a case, in this order. */
const COLUMNS: readonly Column[] = [
  { figure: 'requestsPerSec', title: '1/s', digits: 0 },
  { figure: 'megabytesPerSec', title: 'MB/s', digits: 0 },
  { figure: 'p50Ms', title: 'p50 ms', digits: 2 },
  { figure: 'p99Ms', title: 'p99 ms', digits: 2 },
  { figure: 'hotPerSec', title: 'hot 1/s', digits: 0 },
  { figure: 'hotP50Ms', title: 'hot p50 ms', digits: 2 },
  { figure: 'hotP99Ms', title: 'hot p99 ms', digits: 2 },
  { figure: 'coldMegabytesPerSec', title: 'cold MB/s', digits: 0 },
  { figure: 'coldP50Ms', title: 'cold p50 ms', digits: 0 },
  { figure: 'coldP99Ms', title: 'cold p99 ms', digits: 0 },
  { figure: 'cpuMicrosPerRequest', title: 'cpu us/request', digits: 1 },
  { figure: 'cpuSecPerGigabyte', title: 'cpu s/GB', digits: 3 },
  { figure: 'memoryMebibytes', title: 'MiB', digits: 0 },
  { figure: 'bytesPerIdleConnection', title: 'B/idle connection', digits: 0 },
  { figure: 'openIdle', title: 'idle', digits: 0 },
];

/**
 * Prints the tables and writes `peers-DATE.json` and `.svg`. What a file of the same day has of other cases stays in it: a
 * whole run takes most of an hour, and a ratio is of servers that ran next to each other in its case.
 */
export function reportPeers(
  measured: readonly Round[],
  run: {
    readonly options: { readonly isQuick: boolean };
    readonly remarks: readonly string[];
    readonly versions: Readonly<Record<string, string>>;
  },
): void {
  const file = join(RESULTS, `peers-${new Date().toISOString().slice(0, 10)}`);
  const earlier = run.options.isQuick ? [] : otherRounds(`${file}.json`, measured);
  const rounds = [...earlier, ...measured];
  const remarks = [...run.remarks];
  if (earlier.length > 0) {
    const cases = [...new Set(earlier.map(({ caseName }) => caseName))].join(', ');
    remarks.push(`from an earlier run: ${cases}`);
  }
  const medians = CASE_NAMES.flatMap((caseName) => mediansOf(rounds, caseName, serversOf(rounds)));
  for (const name of new Set(medians.map(({ case: caseName }) => caseName))) printCase(name, medians);
  const judged = judgeGoals(rounds);
  printGoals(judged);
  const shaky = rounds.filter(({ isShaky }) => isShaky).length;
  process.stdout.write(
    `${rounds.length} rounds, ${shaky} of them shaky (the host's speed changed by more than a quarter) and run again\n`,
  );
  for (const remark of remarks) process.stdout.write(`${remark}\n`);
  // A quick look is for whoever works on it, not for the record.
  if (run.options.isQuick) return;
  mkdirSync(RESULTS, { recursive: true });
  const { options, versions } = run;
  const goals = judged.map((goal) => ({ ...goal, value: rounded(goal.value, 3) }));
  const body = {
    command: 'npm run bench -- peers',
    options,
    machine: { ...describeMachine(), largePageBytes: largePageBytes() },
    versions,
    remarks,
    goals,
    medians,
  };
  writeFileSync(`${file}.json`, `${JSON.stringify({ ...body, rounds: rounds.map(compact) }, null, 2)}\n`);
  writeFileSync(`${file}.svg`, plotPeers(rounds, serversOf(rounds)));
  process.stdout.write(`written to ${file}.json and .svg\n`);
}

const serversOf = (rounds: readonly Round[]): PeerName[] =>
  PEER_NAMES.filter((name) => rounds.some(({ figures }) => figures[name] !== undefined));

/** Of a file, the rounds of cases that were not measured now. */
function otherRounds(file: string, measured: readonly Round[]): readonly Round[] {
  if (!existsSync(file)) return [];
  const { rounds } = JSON.parse(readFileSync(file, 'utf8')) as { readonly rounds: readonly Round[] };
  return rounds.filter(({ caseName }) => !measured.some((round) => round.caseName === caseName));
}

type Medians = Readonly<{ case: string; server: string } & Partial<Record<Figure, number>>>;

function mediansOf(rounds: readonly Round[], caseName: Round['caseName'], servers: readonly PeerName[]): Medians[] {
  return servers.flatMap((server) => {
    const figures = COLUMNS.flatMap(({ figure, digits }) => {
      const value = medianFigure(rounds, caseName, server, figure);
      return value === undefined ? [] : [[figure, rounded(value, digits)] as const];
    });
    return figures.length === 0 ? [] : [{ case: caseName, server, ...Object.fromEntries(figures) }];
  });
}

function printCase(caseName: string, medians: readonly Medians[]): void {
  const rows = medians.filter((row) => row.case === caseName);
  const columns = COLUMNS.filter(({ figure }) => rows.some((row) => row[figure] !== undefined));
  const cells = rows.map((row) => [
    PEER_KINDS[row.server as PeerName].label,
    ...columns.map(({ figure, digits }) => row[figure]?.toFixed(digits) ?? ''),
  ]);
  process.stdout.write(`${formatTable([caseName, ...columns.map(({ title }) => title)], cells)}\n\n`);
}

function printGoals(judged: readonly Judged[]): void {
  const says = { goal: 'reached', floor: 'floor kept', below: 'NOT kept' };
  const rows = judged.map(({ caseName, figure, ours, hardest, better, value, floor, goal, verdict }) => {
    const digits = hardest === '' ? 0 : 2;
    const sign = better === 'less' ? '<=' : '>=';
    return [
      caseName,
      COLUMNS.find((column) => column.figure === figure)?.title ?? figure,
      hardest === '' ? ours : `${ours} / ${hardest}`,
      value.toFixed(digits),
      `${sign} ${floor.toFixed(digits)}`,
      goal === undefined ? '' : `${sign} ${goal.toFixed(digits)}`,
      says[verdict],
    ];
  });
  process.stdout.write(`${formatTable(['case', 'figure', 'of', 'is', 'floor', 'goal', ''], rows)}\n\n`);
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

function compact(round: Round): object {
  const figures = Object.entries(round.figures).map(([server, values]) => [
    server,
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(5))])),
  ]);
  return { ...round, hostMs: round.hostMs.map((ms) => rounded(ms, 1)), figures: Object.fromEntries(figures) as object };
}
