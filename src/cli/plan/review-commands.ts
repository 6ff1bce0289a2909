import { parseContract } from '../../contracts/contract.ts';
import { OperationalError } from '../../errors/operational-error.ts';
import { withAdmin } from '../admin-call.ts';
import type { Command } from '../commander.ts';
import { askPlanner, plannerAdminOption } from '../planner-admin.ts';
import { formatBitRate } from '../quantity.ts';
import { describeDiffs } from './describe-diff.ts';
import { describeExplanation } from './describe-explanation.ts';
import { describeRollout } from './describe-rollout.ts';
import { describeSimulation } from './describe-simulation.ts';
import { type FillWindowTimes, parseBitRate, parseWindow } from './parse-change.ts';
import { diffsSchema, explanationSchema, rolloutSchema, simulationSchema } from './plan-answers.ts';

interface Options {
  readonly plannerAdmin: string;
  readonly json?: boolean;
}

/** Adds what can be asked about plans, and what can be said to their publication, to `oca plan`. */
export function addReviewCommands(plan: Command): void {
  addDiff(plan);
  addExplain(plan);
  addSimulate(plan);
  addRollout(plan);
}

const DIFF_HELP = `
Examples:
  oca plan diff                        every appliance: its plan in force against the one before
  oca plan diff oca-a1                 what comes and goes on one appliance
  oca plan diff oca-a1 --from 3 --to 7 the last ten versions are kept`;

function addDiff(plan: Command): void {
  plan
    .command('diff')
    .summary('Show what changed between plans.')
    .description('Show what changed between two plans: what comes, what goes, and what that is expected to do.')
    .argument('[APPLIANCE]')
    .option('--from <VERSION>', 'the older plan; else the one before the newer')
    .option('--to <VERSION>', 'the newer plan; else the one in force')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .addHelpText('after', DIFF_HELP)
    .action(async (appliance: string | undefined, options: Options & { from?: string; to?: string }) => {
      if (appliance === undefined && (options.from !== undefined || options.to !== undefined))
        throw new OperationalError('CONFIG_INVALID', '--from and --to need an APPLIANCE: versions are its own');
      const query = queryOf({ appliance, from: options.from, to: options.to });
      const answer = await askPlanner(options.plannerAdmin, `/v1/plan-diffs${query}`);
      print(options, answer, () => describeDiffs(parseContract('plan diffs', diffsSchema, answer), appliance));
    });
}

const EXPLAIN_HELP = `
Examples:
  oca plan explain /vod/t123/v720/seg-00001.m4s
  oca plan explain t123/v720 --cluster fra-1
  oca plan explain t123                every rendition of a title, in short`;

function addExplain(plan: Command): void {
  plan
    .command('explain')
    .summary('Say why a file is where it is, or nowhere.')
    .description(
      'Say why a file is where it is, or nowhere: rank, expectation, copies, sources, time, and what held it.',
    )
    .argument('<FILE|RENDITION|TITLE>')
    .option('--cluster <CLUSTER>', 'of one cluster only')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .addHelpText('after', EXPLAIN_HELP)
    .action(async (name: string, options: Options & { cluster?: string }) => {
      const query = queryOf({ name, cluster: options.cluster });
      const answer = await askPlanner(options.plannerAdmin, `/v1/plan-explanation${query}`);
      print(options, answer, () =>
        describeExplanation(
          parseContract('plan explanation', explanationSchema, answer),
          Math.min(process.stdout.columns ?? 100, 120),
        ),
      );
    });
}

const SIMULATE_HELP = `
Examples:
  oca plan simulate                    what the next cycle would do, and what would be held
  oca plan simulate --drop oca-a1      one machine less
  oca plan simulate --window 01-07     another fill window, on each site's own clocks
  oca plan simulate --budget 300Mbps   another budget of the sites' links
Several at once are one question. Nothing is changed.`;

interface SimulateOptions extends Options {
  readonly drop?: readonly string[];
  readonly window?: FillWindowTimes;
  readonly budget?: number;
  readonly site?: string;
}

function addSimulate(plan: Command): void {
  plan
    .command('simulate')
    .summary('Show what another fleet would change.')
    .description(
      'Plan without publishing, and show what another fleet would change: served demand, fill bytes, makespan.',
    )
    .option('--drop <APPLIANCE...>', 'without these appliances')
    .option('--window <FROM-TO>', 'with this fill window, such as 01-07 or 22:30-06:00', parseWindow)
    .option('--budget <RATE>', 'with this budget of a site for filling, such as 300Mbps', parseBitRate)
    .option('--site <SITE>', 'window and budget of this site only')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .addHelpText('after', SIMULATE_HELP)
    .action(async (options: SimulateOptions) => {
      const { drop = [], window, budget, site } = options;
      const answer = await withAdmin(options.plannerAdmin, (admin) =>
        admin.post('/v1/plan-simulation', {
          dropAppliances: drop,
          ...(window === undefined ? {} : { fillWindow: window }),
          ...(budget === undefined ? {} : { fillBitsPerSec: budget }),
          ...(site === undefined ? {} : { siteId: site }),
        }),
      );
      print(options, answer, () =>
        describeSimulation(parseContract('plan simulation', simulationSchema, answer), questionOf(options)),
      );
    });
}

function questionOf({ drop = [], window, budget, site }: SimulateOptions): string | undefined {
  const parts = [
    ...(drop.length === 0 ? [] : [`without ${drop.join(', ')}`]),
    ...(window === undefined ? [] : [`filling from ${window.start} for ${window.hours} h`]),
    ...(budget === undefined ? [] : [`${formatBitRate(budget)} for filling`]),
  ];
  if (parts.length === 0) return undefined;
  return `${parts.join(', ')}${site === undefined ? '' : ` at site ${site}`}`;
}

function addRollout(plan: Command): void {
  plan
    .command('rollout')
    .summary('Show what is published, held and measured.')
    .description('Show how far new plans are published, what is measured of them, and what was held or taken back.')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .action(async (options: Options) => {
      const answer = await askPlanner(options.plannerAdmin, '/v1/rollout');
      print(options, answer, () => describeRollout(parseContract('rollout', rolloutSchema, answer)));
    });
  plan
    .command('publish')
    .summary('Publish what guard rails or stages hold.')
    .description('Plan now and publish what guard rails or stages hold, for these clusters or for all.')
    .argument('[CLUSTER...]')
    .option('--all', 'every cluster')
    .addOption(plannerAdminOption())
    .action(async (clusters: readonly string[], options: Options & { all?: boolean }) => {
      if ((clusters.length === 0) !== (options.all === true))
        throw new OperationalError('CONFIG_INVALID', 'name the clusters to publish, or --all');
      await runCycle(options, { publish: options.all === true ? 'all' : clusters });
    });
  plan
    .command('return')
    .description('Go back to the last good plans, everywhere, and hold new ones for a day.')
    .addOption(plannerAdminOption())
    .action((options: Options) => runCycle(options, { goBack: true }));
}

async function runCycle({ plannerAdmin }: Options, wish: object): Promise<void> {
  await withAdmin(plannerAdmin, (admin) => admin.post('/v1/plan-cycle', wish));
  const answer = await askPlanner(plannerAdmin, '/v1/rollout');
  process.stdout.write(describeRollout(parseContract('rollout', rolloutSchema, answer)));
}

function queryOf(members: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(members).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

function print({ json }: Options, answer: unknown, describe: () => string): void {
  process.stdout.write(json === true ? `${JSON.stringify(answer, null, 2)}\n` : describe());
}
