import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { type FillPlan, parseFillPlan } from '../contracts/fill-plan.ts';
import { fillReportSchema } from '../contracts/fill-report.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { cycleSchema, describeCycle } from './plan/describe-cycle.ts';
import { addReviewCommands } from './plan/review-commands.ts';
import { askPlanner, plannerAdminOption } from './planner-admin.ts';
import { formatBitRate, formatBytes, formatSpan, formatTime } from './quantity.ts';
import { formatTable } from './table.ts';

const windowSchema = z.object({ startsAtMs: z.number(), endsAtMs: z.number(), fillBitsPerSec: z.number() });
const plansSchema = z.object({
  plans: z.array(
    z.object({
      applianceId: z.string(),
      planVersion: z.number(),
      createdAtMs: z.number(),
      renditionCount: z.number(),
      fileCount: z.number(),
      planBytes: z.number(),
      windows: z.array(windowSchema),
    }),
  ),
});
const reportsSchema = z.object({ reports: z.array(z.object({ receivedAtMs: z.number(), report: fillReportSchema })) });
interface ShowOptions {
  readonly plannerAdmin: string;
  readonly json?: boolean;
}

export function planCommand(): Command {
  const command = new Command('plan').description('Show the plan of an appliance, or make a new one now.');
  command
    .command('show')
    .summary('Show all plans, or one with its files.')
    .description(
      'Show all plans and how far they are filled, or the plan of one appliance with the reason of each file.',
    )
    .argument('[APPLIANCE]')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .action(async (appliance: string | undefined, options: ShowOptions) =>
      appliance === undefined ? showPlans(options) : showPlan(appliance, options),
    );
  command
    .command('run')
    .description('Plan now instead of at the next full cycle.')
    .option('--fill-now <MINUTES>', 'also open a fill window for the whole fleet that starts now')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .addHelpText(
      'after',
      '\nExamples:\n  oca plan run\n  oca plan run --fill-now 30     do not wait for the night: fill for half an hour',
    )
    .action(runPlan);
  addReviewCommands(command);
  return command;
}

async function showPlans(options: ShowOptions): Promise<void> {
  const [plansBody, reportsBody] = [
    await askPlanner(options.plannerAdmin, '/v1/plans'),
    await askPlanner(options.plannerAdmin, '/v1/fill-reports'),
  ];
  const { plans } = parseContract('list of plans', plansSchema, plansBody);
  const { reports } = parseContract('list of fill reports', reportsSchema, reportsBody);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ plans, reports }, null, 2)}\n`);
    return;
  }
  if (plans.length === 0) {
    process.stdout.write("No plans: set a fleet and add titles first, then 'oca plan run'\n");
    return;
  }
  const rows = plans.map((plan) => {
    const report = reports.find(({ report: { applianceId } }) => applianceId === plan.applianceId)?.report;
    const [next] = plan.windows;
    return [
      plan.applianceId,
      String(plan.planVersion),
      String(plan.fileCount),
      formatBytes(plan.planBytes),
      report === undefined ? 'not reported' : report.state,
      report === undefined ? '-' : `${report.heldFileCount}/${report.fileCount}`,
      next === undefined ? '-' : describeWindow(next),
    ];
  });
  process.stdout.write(
    `${formatTable(['APPLIANCE', 'PLAN', 'FILES', 'SIZE', 'STATE', 'HELD', 'NEXT WINDOW'], rows)}\n`,
  );
}

async function showPlan(appliance: string, options: ShowOptions): Promise<void> {
  const body = await askPlanner(options.plannerAdmin, `/v1/plans/${encodeURIComponent(appliance)}`);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
    return;
  }
  const plan = parseFillPlan(body);
  process.stdout.write(
    `plan ${plan.planVersion} of ${plan.applianceId}, made ${formatTime(plan.createdAtMs)}\n` +
      plan.windows.map((window) => `window ${describeWindow(window)}\n`).join('') +
      `${formatTable(
        ['NO.', 'FILE', 'SIZE', 'PER DAY', 'SOURCES', 'REASON'],
        plan.files.map((file) => [
          String(file.priority),
          file.path,
          formatBytes(file.sizeBytes),
          formatBytes(file.expectedBytes),
          describeSources(file.sources),
          shortReason(file.reason),
        ]),
      )}\nPER DAY: expected to be served from here. More: 'oca plan explain FILE'\n`,
  );
}

async function runPlan(options: ShowOptions & { fillNow?: string }): Promise<void> {
  const fillNowMinutes = options.fillNow === undefined ? undefined : Number(options.fillNow);
  if (fillNowMinutes !== undefined && !(fillNowMinutes > 0))
    throw new OperationalError('CONFIG_INVALID', `--fill-now must be a number of minutes, not '${options.fillNow}'`);
  const answer = await withAdmin(options.plannerAdmin, (admin) =>
    admin.post('/v1/plan-cycle', fillNowMinutes === undefined ? {} : { fillNowMinutes }),
  );
  const report = parseContract('report of a plan cycle', cycleSchema, answer);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  process.stdout.write(describeCycle(report));
}

const describeWindow = ({ startsAtMs, endsAtMs, fillBitsPerSec }: FillPlan['windows'][number]): string =>
  `${formatSpan(startsAtMs, endsAtMs)}, ${formatBitRate(fillBitsPerSec)}`;

/** Of `rank 4 of 17 in region de: pinned by the operator; 0.09 times ...; one of 2 copies ...` what decided it. */
const shortReason = (reason: string): string =>
  reason.replace(/^rank \d+ of \d+ in region \S+: /, '').split('; ')[0] ?? '';

const describeSources = (sources: FillPlan['files'][number]['sources']): string =>
  sources
    .map(
      ({ kind, id, afterSec }) =>
        `${kind === 'origin' ? kind : `${kind} ${id}`}${afterSec === 0 ? '' : ` after ${afterSec} s`}`,
    )
    .join(', ');
