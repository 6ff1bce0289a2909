import { ProgressLine } from '../src/cli/progress-line.ts';
import { formatTable } from '../src/cli/table.ts';
import { nearestShares, planFlow } from '../steering/flow/plan/plan-flow.ts';
import { drawLandscape } from './routing/demand.ts';
import { oracleCost } from './routing/flow-oracle.ts';
import { methods } from './routing/methods.ts';
import { type EveningResult, playEvening, problemAt } from './routing/rounds.ts';

/**
 * Where neighbourhoods go when sites fill up: our rounds against the optimum found anew each time, the nearest site
 * alone, weighted round robin, and stable allocation, through one evening with a tenfold surge in a region and the loss
 * of the largest site. Every method gets the same groups, the same 16 sites for each of them, and the same capacities.
 */
export interface FlowFigures {
  readonly source: string;
  readonly sizes: readonly {
    readonly sites: number;
    readonly groups: number;
    /** Our cost over the cost that HiGHS finds; undefined where the problem is too large for it here. */
    readonly overOracle: number | undefined;
    readonly evenings: readonly EveningResult[];
  }[];
}

const SIZES = [
  { sites: 50, groups: 1000, hasOracle: true },
  { sites: 200, groups: 2000, hasOracle: true },
  { sites: 500, groups: 5000, hasOracle: false },
];

export function benchFlow(options: { readonly sample: string; readonly sizes: number }): FlowFigures {
  const progress = new ProgressLine(process.stderr);
  const sizes = SIZES.slice(0, options.sizes);
  let source = '';
  const figures = sizes.map(({ sites, groups, hasOracle }, index) => {
    const landscape = drawLandscape({ sample: options.sample, groups, sites });
    ({ source } = landscape);
    progress.show(index / sizes.length, `${sites} sites, ${groups} groups`);
    const { problem } = problemAt(landscape, { round: 0, phase: 'surge', lostId: '' });
    const present = nearestShares(problem);
    const { bound } = planFlow({ problem, present, improving: false, slack: 0 });
    return {
      sites,
      groups,
      overOracle: hasOracle ? bound / oracleCost(problem) : undefined,
      evenings: methods().map((method, at) => {
        progress.show((index + at / 5) / sizes.length, `${sites} sites, ${groups} groups: ${method.name}`);
        return playEvening(landscape, method);
      }),
    };
  });
  progress.end();
  for (const size of figures) show(size, source);
  return { source, sizes: figures };
}

function show({ sites, groups, overOracle, evenings }: FlowFigures['sizes'][number], source: string): void {
  const oracle = overOracle === undefined ? '' : `; our optimum over that of HiGHS: ${overOracle.toFixed(9)}`;
  process.stdout.write(`\n${sites} sites, ${groups} groups of ${source}${oracle}\n`);
  const percent = (share: number): string => (Number.isNaN(share) ? '-' : `${(100 * share).toFixed(2)} %`);
  process.stdout.write(
    `${formatTable(
      [
        'method',
        'cost/opt mean',
        'settled',
        'fullest',
        'overloads',
        'moved at 4 events',
        'had to',
        'extra at loss',
        'moved in 70 others',
        'ms',
      ],
      evenings.map((evening) => [
        evening.method,
        evening.meanCostRatio.toFixed(4),
        evening.settledCostRatio.toFixed(4),
        evening.worstLoad.toFixed(2),
        String(evening.overloads),
        percent(evening.movedAtEvents),
        percent(evening.neededAtEvents),
        percent(evening.extraAtLoss),
        percent(evening.movedBetween),
        String(evening.slowestMs),
      ]),
    )}\n`,
  );
}
