/** What is measured of a server in one turn, by name; which of them depends on the case. */
export type Figure =
  | 'cpuMicrosPerRequest'
  | 'cpuSecPerGigabyte'
  | 'requestsPerSec'
  | 'megabytesPerSec'
  | 'p50Ms'
  | 'p99Ms'
  | 'memoryMebibytes'
  | 'hotPerSec'
  | 'hotP50Ms'
  | 'hotP99Ms'
  | 'coldMegabytesPerSec'
  | 'coldP50Ms'
  | 'coldP99Ms'
  | 'bytesPerIdleConnection'
  | 'openIdle';
export type Figures = Readonly<Partial<Record<Figure, number>>>;

export const CASE_NAMES = [
  'cpu-16k',
  'cpu-64k',
  'cpu-1m',
  'cpu-4m',
  'both-16k',
  'both-64k',
  'both-1m',
  'both-4m',
  'mix',
  'idle',
  'tls',
] as const;
export type CaseName = (typeof CASE_NAMES)[number];

/** All servers once, one after the other, for one case. */
export interface Round {
  readonly caseName: CaseName;
  readonly round: number;
  /** Processor time of the same work before and after, in milliseconds. */
  readonly hostMs: readonly [number, number];
  /** The host changed by more than a quarter meanwhile: not counted where there are steady ones. */
  readonly isShaky: boolean;
  readonly figures: Readonly<Record<string, Figures>>;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Rounds of a case that count: the steady ones, or all when none was. */
function countedRounds(rounds: readonly Round[], caseName: CaseName): Round[] {
  const all = rounds.filter((round) => round.caseName === caseName);
  const steady = all.filter(({ isShaky }) => !isShaky);
  return steady.length > 0 ? steady : all;
}

/** Median over the rounds; undefined when it was not measured. */
export function medianFigure(
  rounds: readonly Round[],
  caseName: CaseName,
  server: string,
  figure: Figure,
): number | undefined {
  const values = countedRounds(rounds, caseName)
    .map(({ figures }) => figures[server]?.[figure])
    .filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

/** Median of the ratios of each round, in which both ran next to each other; undefined when they never did. */
export function medianRatio(
  rounds: readonly Round[],
  caseName: CaseName,
  figure: Figure,
  [ours, theirs]: readonly [string, string],
): number | undefined {
  const ratios = countedRounds(rounds, caseName).flatMap(({ figures }) => {
    const [above, below] = [figures[ours]?.[figure], figures[theirs]?.[figure]];
    return above === undefined || below === undefined || below === 0 ? [] : [above / below];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}
