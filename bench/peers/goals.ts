/**
 * What the fast engine promises against others, and whether a run kept it. Floors are what it may never fall below, goals
 * what it is built for. A figure against nginx is held against the better of nginx with and without `tcp_nopush`: that
 * setting is good for some sizes and bad for others, and its admins would choose.
 */
import { type CaseName, type Figure, medianFigure, medianRatio, type Round } from './figures.ts';

interface Goal {
  readonly caseName: CaseName;
  readonly figure: Figure;
  readonly ours: string;
  /** The harder of these counts; none: the figure itself, not a ratio. */
  readonly against: readonly string[];
  readonly better: 'less' | 'more';
  readonly floor: number;
  readonly goal: number | undefined;
}

export interface Judged extends Goal {
  readonly value: number;
  /** The one of `against` that the value is from. */
  readonly hardest: string;
  readonly verdict: 'goal' | 'floor' | 'below';
}

const NGINX = ['nginx', 'nginx-nopush'];
const CACHES = ['varnish', 'trafficserver'];

const cpu = (caseName: CaseName, floor: number, goal: number): Goal[] => {
  const row = { caseName, figure: 'cpuSecPerGigabyte', ours: 'fast', better: 'less' } as const;
  return [
    { ...row, against: NGINX, floor, goal },
    ...CACHES.map((cache) => ({ ...row, against: [cache], floor: 0.6, goal: undefined })),
  ];
};
const throughput = (caseName: CaseName): Goal[] => {
  const row = { caseName, figure: 'megabytesPerSec', ours: 'fast', better: 'more' } as const;
  return [
    { ...row, against: NGINX, floor: 1, goal: 1.1 },
    ...CACHES.map((cache) => ({ ...row, against: [cache], floor: 1.5, goal: undefined })),
  ];
};
const mix = (figure: Figure, better: 'less' | 'more', floor: number, goal: number): Goal[] => {
  const row = { caseName: 'mix', figure, ours: 'fast', better } as const;
  return [
    { ...row, against: NGINX, floor, goal },
    ...CACHES.map((cache) => ({ ...row, against: [cache], floor: 1, goal: undefined })),
  ];
};
const idle = { caseName: 'idle', figure: 'bytesPerIdleConnection', ours: 'fast', better: 'less' } as const;
const tls = (ours: string): Goal => ({
  caseName: 'tls',
  figure: 'cpuSecPerGigabyte',
  ours,
  against: NGINX,
  better: 'less',
  floor: 1.3,
  goal: 1.1,
});

const GOALS: readonly Goal[] = [
  ...cpu('cpu-16k', 0.95, 0.8),
  ...cpu('cpu-64k', 0.95, 0.8),
  ...cpu('cpu-1m', 1.15, 0.95),
  ...cpu('cpu-4m', 1.15, 0.95),
  {
    caseName: 'cpu-64k',
    figure: 'cpuSecPerGigabyte',
    ours: 'fast',
    against: ['reference'],
    better: 'less',
    floor: 1 / 3,
    goal: undefined,
  },
  ...(['both-16k', 'both-64k', 'both-1m', 'both-4m'] as const).flatMap(throughput),
  ...mix('hotPerSec', 'more', 1, 1.2),
  ...mix('hotP99Ms', 'less', 0.8, 0.5),
  ...mix('coldP99Ms', 'less', 1, 0.7),
  ...mix('coldMegabytesPerSec', 'more', 0.85, 1),
  { ...idle, against: [], floor: 8192, goal: 4096 },
  ...CACHES.map((cache) => ({ ...idle, against: [cache], floor: 1, goal: undefined })),
  tls('fast'),
  tls('reference'),
];

/** Every goal that the rounds say something of, in the order of the table. */
export function judgeGoals(rounds: readonly Round[]): Judged[] {
  return GOALS.flatMap((goal) => {
    const found = measuredOf(rounds, goal);
    if (found === undefined) return [];
    const keeps = (limit: number): boolean => (goal.better === 'less' ? found.value <= limit : found.value >= limit);
    const verdict = keeps(goal.goal ?? goal.floor) ? 'goal' : keeps(goal.floor) ? 'floor' : 'below';
    return [{ ...goal, ...found, verdict }];
  });
}

function measuredOf(rounds: readonly Round[], goal: Goal): { value: number; hardest: string } | undefined {
  const { caseName, figure, ours, against, better } = goal;
  if (against.length === 0) {
    const value = medianFigure(rounds, caseName, ours, figure);
    return value === undefined ? undefined : { value, hardest: '' };
  }
  const found = against.flatMap((peer) => {
    const value = medianRatio(rounds, caseName, figure, [ours, peer]);
    return value === undefined ? [] : [{ value, hardest: peer }];
  });
  const harder = (a: number, b: number): number => (better === 'less' ? b - a : a - b);
  return found.toSorted((a, b) => harder(a.value, b.value))[0];
}
