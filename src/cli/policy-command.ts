import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { formatTime } from './quantity.ts';
import { askSteering, steeringAdminOption } from './steering-admin.ts';
import { formatTable } from './table.ts';

const warningSchema = z.object({ where: z.string(), says: z.string(), fix: z.string() });
type Warning = z.infer<typeof warningSchema>;

const cohortSchema = z.object({
  name: z.string(),
  share: z.number(),
  controlShare: z.number(),
  facts: z.object({ variant: z.string() }),
  rolledBack: z.object({ atMs: z.number(), by: z.string(), because: z.string() }).optional(),
  outcomes: z.array(
    z.object({
      outcome: z.string(),
      cohortSessions: z.number(),
      controlSessions: z.number(),
      evidence: z.number(),
    }),
  ),
});
const policySchema = z.object({
  version: z.string(),
  changes: z.number(),
  devices: z.array(z.object({ name: z.string() })),
  cohorts: z.array(cohortSchema),
  warnings: z.array(warningSchema),
});

/** What `oca policy show` shows. */
export type PolicyReport = z.infer<typeof policySchema>;

interface Options {
  readonly steeringAdmin: string;
  readonly because?: string;
  readonly json?: boolean;
}

const HELP = `
A new version of the appliances' software, for one session in twenty first (steering's --policy FILE):
${JSON.stringify(
  {
    version: 1,
    devices: [
      { name: 'old-televisions', match: { userAgent: ['tizen 2', 'tizen 3'] }, answer: { maxPathways: 1 } },
      { name: 'apple', match: { classes: ['apple'] }, answer: { clones: false } },
    ],
    variants: {
      new: { software: { version: '1.1.0', rule: 'prefer' } },
      old: { software: { version: '1.1.0', rule: 'avoid' } },
    },
    everybody: 'old',
    cohorts: [{ name: 'canary', salt: '1.1.0', share: 0.05, variant: 'new' }],
  },
  null,
  2,
)}
A session belongs to a cohort by its id and the salt, so it stays there. As many sessions again are its control. When
more of its sessions stall, fail or flee than of the control's, it is rolled back: from then on it is treated like
everybody, until the file gives it another salt. Nothing is ever rolled out further than the file says.`;

export function policyCommand(): Command {
  const command = new Command('policy')
    .description('Rules for devices and cohorts: look through a file, show what is in use, roll a cohort back.')
    .addHelpText('after', HELP);
  command
    .command('show', { isDefault: true })
    .description('Show the policy that steering uses, its cohorts and how they do.')
    .option('--json', 'print the answer as it is')
    .addOption(steeringAdminOption())
    .action(show);
  command
    .command('check')
    .description('Look through a policy file without using it. Exits with 1 when there is something to mend.')
    .argument('<FILE>', 'the file')
    .action(check);
  command
    .command('rollback')
    .description('Treat the sessions of a cohort like everybody, from now on and over restarts.')
    .argument('<NAME>', 'the cohort')
    .option('--because <TEXT>', 'why, for whoever asks later', 'by hand')
    .addOption(steeringAdminOption())
    .action(rollBack);
  return command;
}

async function show(options: Options): Promise<void> {
  const answer = await askSteering(options.steeringAdmin, '/v1/policy');
  if (options.json === true) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else process.stdout.write(describePolicy(parseContract('policy of steering', policySchema, answer)));
}

async function check(file: string): Promise<void> {
  const { checkPolicyText } = await import('../../steering/policy/check-policy.ts');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', messageOf(error), { cause: error });
  }
  const { version, devices, cohorts, warnings } = checkPolicyText(text);
  process.stdout.write(`policy ${version}: ${devices} rules for devices, ${cohorts} cohorts\n${linesOf(warnings)}`);
  if (warnings.length > 0) process.exitCode = 1;
}

async function rollBack(name: string, { steeringAdmin, because }: Options): Promise<void> {
  await withAdmin(steeringAdmin, (admin) => admin.post('/v1/policy/roll-back', { cohort: name, because }));
  process.stdout.write(`${name} is rolled back: give it another salt in the policy file to try again\n`);
}

/** The policy in use, for people. */
export function describePolicy({ version, changes, devices, cohorts, warnings }: PolicyReport): string {
  const head =
    version === 'none'
      ? 'no policy is in use: steering was started without --policy\n'
      : `policy ${version}, taken ${changes} times since the start; rules for ${devices.map(({ name }) => name).join(', ') || 'no device'}\n`;
  const rows = cohorts.flatMap(({ name, share, controlShare, facts, rolledBack, outcomes }) =>
    outcomes.map(({ outcome, cohortSessions, controlSessions, evidence }, index) => [
      index === 0 ? name : '',
      index === 0 ? percent(share) : '',
      index === 0 ? percent(controlShare) : '',
      index === 0 ? facts.variant : '',
      index === 0 ? (rolledBack === undefined ? 'in use' : 'ROLLED BACK') : '',
      outcome,
      String(cohortSessions),
      String(controlSessions),
      evidence.toFixed(1),
    ]),
  );
  const header = ['COHORT', 'SHARE', 'CONTROL', 'VARIANT', 'STATE', 'OUTCOME', 'ITS', "CONTROL'S", 'EVIDENCE'];
  const reasons = cohorts.flatMap(({ name, rolledBack }) =>
    rolledBack === undefined
      ? []
      : [`${name} was rolled back at ${formatTime(rolledBack.atMs)} by ${rolledBack.by}: ${rolledBack.because}\n`],
  );
  const table = rows.length === 0 ? '' : `${formatTable(header, rows)}\n`;
  return head + table + reasons.join('') + linesOf(warnings);
}

const percent = (share: number): string => `${Number((share * 100).toFixed(3))} %`;

const linesOf = (warnings: readonly Warning[]): string =>
  warnings.map(({ where, says, fix }) => `${where} ${says}\n  to mend it: ${fix}\n`).join('');
