import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { applianceAdminOption } from './appliance-admin.ts';
import { Command } from './commander.ts';
import { describeFill, describeMotion, type FillStatus, fillStatusSchema } from './describe-fill.ts';
import { createProgressBar } from './progress-bar.ts';
import { formatTime } from './quantity.ts';

interface Options {
  readonly applianceAdmin: string;
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly for?: string;
}

const PAUSE_FOR = '12h';
const NOW_FOR = '2h';
const LOOK_EVERY_MS = 1000;

const ORDERS = `
An order outlives restarts and ends by itself; the last one counts. Only this appliance hears it: the planner's windows
for the others stay. Viewers' misses are fetched whatever is ordered here.`;

export function fillCommand(): Command {
  const command = new Command('fill')
    .description('Show how far an appliance is with its plan and when it will be done; pause, resume, fill now.')
    .addHelpText('after', ORDERS);
  command
    .command('status', { isDefault: true })
    .description('Show what is held of the plan, how fast it fills and when it will be done.')
    .option('--watch', 'go on showing it until the plan is held, or ctrl-C')
    .option('--json', 'print the answer as it is')
    .addOption(applianceAdminOption())
    .addHelpText(
      'after',
      '\nThe end time goes by the rate that was measured and by the windows to come. Where the window that is open does not\n' +
        'bring it to an end it says so, and how much of what the plan expects to be watched will be there when it closes.\n\n' +
        'Examples:\n  oca fill status\n  oca fill status --watch --appliance-admin http://10.0.0.7:8081',
    )
    .action(showStatus);
  command
    .command('pause')
    .description('Fill nothing for a while, whatever the plan says.')
    .option('--for <TIME>', 'how long: 90m, 12h, 2d', PAUSE_FOR)
    .addOption(applianceAdminOption())
    .addHelpText('after', '\nExample:\n  oca fill pause --for 3h')
    .action((options: Options) => order('pause', options));
  command
    .command('now')
    .description('Open a window here now, at the rate that the plan gives this appliance.')
    .option('--for <TIME>', 'how long: 90m, 12h, 2d', NOW_FOR)
    .addOption(applianceAdminOption())
    .addHelpText('after', '\nExample:\n  oca fill now --for 30m')
    .action((options: Options) => order('now', options));
  command
    .command('resume')
    .description('Take a pause or a window that was opened by hand back.')
    .addOption(applianceAdminOption())
    .action((options: Options) => order('resume', options));
  return command;
}

async function order(verb: 'pause' | 'now' | 'resume', options: Options): Promise<void> {
  const body = options.for === undefined ? {} : { forMs: parseTime(options.for) };
  const answer = await withAdmin(options.applianceAdmin, (admin) => admin.post(`/v1/fill/${verb}`, body));
  const status = parseStatus(answer);
  const until = status.order === undefined ? '' : ` until ${formatTime(status.order.untilMs)}`;
  const says = {
    pause: `${status.applianceId}: planned fill is paused${until}; 'oca fill resume' takes that back`,
    now: `${status.applianceId}: fills now${until}; 'oca fill status' tells how far it is`,
    resume: `${status.applianceId}: fills by the plan's windows again`,
  };
  process.stdout.write(`${says[verb]}\n`);
}

async function showStatus(options: Options): Promise<void> {
  await withAdmin(options.applianceAdmin, async (admin) => {
    const look = async (): Promise<unknown> => {
      const answer = await admin.get('/v1/fill');
      return answer.kind === 'body' ? answer.body : undefined;
    };
    const body = await look();
    if (options.json === true) {
      process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
      return;
    }
    let status = parseStatus(body);
    if (options.watch === true) status = await watch(status, async () => parseStatus(await look()));
    process.stdout.write(describeFill(status, process.stdout.columns));
  });
}

/** One line that moves, until everything is held. */
async function watch(first: FillStatus, look: () => Promise<FillStatus>): Promise<FillStatus> {
  const bar = createProgressBar(process.stderr);
  let status = first;
  try {
    while (status.state !== 'complete') {
      const share = status.planBytes === 0 ? undefined : status.heldBytes / status.planBytes;
      bar.update(share, describeMotion(status));
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      status = await look();
    }
  } finally {
    bar.end();
  }
  return status;
}

const parseStatus = (body: unknown): FillStatus => parseContract('status of planned fill', fillStatusSchema, body);

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const TIME = z.string().regex(/^\d+(?:\.\d+)?[mhd]$/);
const LONGEST_MS = 7 * 86_400_000;

/** `90m`, `2h`, `1.5d`. @throws OperationalError CONFIG_INVALID */
export function parseTime(text: string): number {
  const ms = TIME.safeParse(text).success ? Number(text.slice(0, -1)) * (UNITS_MS[text.slice(-1)] ?? 0) : Number.NaN;
  if (ms >= 60_000 && ms <= LONGEST_MS) return Math.round(ms);
  throw new OperationalError('CONFIG_INVALID', `--for ${text}: must be from 1m to 7d, as 30m, 2h or 1d`);
}
