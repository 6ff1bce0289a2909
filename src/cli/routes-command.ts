import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { askSteering, steeringAdminOption } from './steering-admin.ts';
import { formatTable } from './table.ts';

const heldSchema = z
  .object({ because: z.string(), applianceIds: z.array(z.string()) })
  .nullable()
  .optional();

const routesSchema = z.object({
  prefixes: z.number(),
  version: z.string(),
  held: heldSchema,
  heldFiles: z.array(z.string()),
  reports: z.array(
    z.object({
      applianceId: z.string(),
      siteId: z.string(),
      reportedAtMs: z.number(),
      routes: z.number(),
      refused: z.record(z.string(), z.number()),
      held: z.boolean(),
      silent: z.boolean(),
    }),
  ),
});
export type RoutesState = z.infer<typeof routesSchema>;

const lintSchema = z.object({
  findings: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['error', 'warning', 'note']),
      siteId: z.string().optional(),
      applianceIds: z.array(z.string()),
      says: z.string(),
      fix: z.string(),
      examples: z.array(z.string()),
    }),
  ),
});
export type LintedFinding = z.infer<typeof lintSchema>['findings'][number];

const foundSchema = z.object({
  address: z.string(),
  client: z.object({
    prefix: z.string().optional(),
    siteId: z.string().optional(),
    evidence: z.string(),
    group: z.string(),
    network: z.string().optional(),
    siteCosts: z.record(z.string(), z.number()),
    otherSites: z.array(z.string()),
    refusingSites: z.array(z.string()),
  }),
  reported: z.array(
    z.object({
      applianceId: z.string(),
      siteId: z.string(),
      prefix: z.string(),
      asPathLength: z.number(),
      med: z.number(),
      localPref: z.number(),
      policy: z.string(),
    }),
  ),
});
export type FoundRoutes = z.infer<typeof foundSchema>;

interface Options {
  readonly steeringAdmin: string;
  readonly json?: boolean;
}

/** `oca routes`: where steering believes clients to be, and what is wrong with what the ISPs announce. */
export function routesCommand(): Command {
  const command = new Command('routes').description('Show where clients are by the routes of ISPs, and what is wrong.');
  tool(command, 'show', 'Show what each appliance reports, and what is held.').action((options: Options) =>
    ask(options, '/v1/routes', (answer) => describeRoutes(parseContract('routes of steering', routesSchema, answer))),
  );
  tool(
    command,
    'lint',
    'Find announcements that are missing, inconsistent, refused, leaked or held. Exit code 1 when there is an error.',
  ).action(async (options: Options) => {
    const answer = await askSteering(options.steeringAdmin, '/v1/routes/lint');
    const { findings } = parseContract('findings of steering', lintSchema, answer);
    process.stdout.write(options.json === true ? `${JSON.stringify(findings, null, 2)}\n` : describeFindings(findings));
    if (findings.some(({ severity }) => severity === 'error')) process.exitCode = 1;
  });
  tool(command, 'find', 'Show what places the client at ADDRESS, and every appliance that hears of it.')
    .argument('<ADDRESS>')
    .action((address: string, options: Options) =>
      ask(options, `/v1/routes/find?address=${encodeURIComponent(address)}`, (answer) =>
        describeFound(parseContract('routes of an address', foundSchema, answer)),
      ),
    );
  command
    .command('accept')
    .description('Let every change that is held as a mass change count now.')
    .addOption(steeringAdminOption())
    .action(async ({ steeringAdmin }: Options) => {
      const answer = await withAdmin(steeringAdmin, (admin) => admin.send('POST', '/v1/routes/accept', {}));
      const { accepted } = parseContract('answer of steering', z.object({ accepted: z.boolean() }), answer);
      process.stdout.write(accepted ? 'What was held counts now.\n' : 'Nothing was held.\n');
    });
  return command;
}

const tool = (command: Command, name: string, description: string): Command =>
  command
    .command(name)
    .description(description)
    .option('--json', 'print the answer as JSON')
    .addOption(steeringAdminOption());

async function ask(options: Options, target: string, describe: (answer: unknown) => string): Promise<void> {
  const answer = await askSteering(options.steeringAdmin, target);
  process.stdout.write(options.json === true ? `${JSON.stringify(answer, null, 2)}\n` : describe(answer));
}

export function describeRoutes({ prefixes, version, held, heldFiles, reports }: RoutesState): string {
  const rows = reports.map((report) => [
    report.applianceId,
    report.siteId,
    String(report.routes),
    refusedOf(report.refused),
    stateOf(report),
    new Date(report.reportedAtMs).toISOString(),
  ]);
  const table =
    rows.length === 0
      ? 'No appliance reports routes.'
      : formatTable(['APPLIANCE', 'SITE', 'ROUTES', 'REFUSED', 'STATE', 'REPORTED'], rows);
  const notes = [
    ...(held === undefined || held === null ? [] : [`held: ${held.because} (${held.applianceIds.join(', ')})`]),
    ...heldFiles.map((because) => `held, from a file: ${because}`),
  ];
  const hint = notes.length === 0 ? '' : `\n${notes.join('\n')}\nIf it is meant: 'oca routes accept'`;
  return `${prefixes} prefixes in use, version ${version}\n${table}${hint}\n`;
}

export function describeFindings(findings: readonly LintedFinding[]): string {
  if (findings.length === 0) return 'Nothing is wrong with the routes.\n';
  return findings
    .map(({ severity, siteId, applianceIds, says, fix, examples }) => {
      const who = applianceIds.length === 0 ? (siteId ?? 'all sites') : applianceIds.slice(0, MAX_NAMED).join(', ');
      const more = applianceIds.length > MAX_NAMED ? ` and ${applianceIds.length - MAX_NAMED} more` : '';
      const such = examples.length === 0 ? '' : `\n  for example ${examples.join(', ')}`;
      return `${severity}: ${who}${more}: ${says}${such}\n  fix: ${fix}\n`;
    })
    .join('');
}

export function describeFound({ address, client, reported }: FoundRoutes): string {
  const costs = Object.entries(client.siteCosts).sort(([, a], [, b]) => a - b);
  const facts = [
    `${address} is at ${client.siteId ?? 'no known site'}, by ${client.evidence}${client.prefix === undefined ? '' : ` ${client.prefix}`}`,
    ...(client.network === undefined ? [] : [`network: ${client.network}`]),
    `counted with: ${client.group}`,
    ...(client.otherSites.length === 0 ? [] : [`announced also to: ${client.otherSites.join(', ')}`]),
    ...(client.refusingSites.length === 0 ? [] : [`must not be served by: ${client.refusingSites.join(', ')}`]),
    ...(costs.length === 0 ? [] : [`costs: ${costs.map(([siteId, cost]) => `${siteId} ${cost}`).join(', ')}`]),
  ];
  const rows = reported.map((route) => [
    route.prefix,
    route.siteId,
    route.applianceId,
    String(route.asPathLength),
    String(route.med),
    String(route.localPref),
    route.policy,
  ]);
  const table =
    rows.length === 0
      ? 'No appliance reports a prefix around it.'
      : formatTable(['PREFIX', 'SITE', 'APPLIANCE', 'PATH', 'MED', 'PREFERENCE', 'POLICY'], rows);
  return `${facts.join('\n')}\n${table}\n`;
}

const MAX_NAMED = 5;

const refusedOf = (refused: Readonly<Record<string, number>>): string =>
  String(Object.values(refused).reduce((sum, count) => sum + count, 0));

function stateOf({ held, silent }: RoutesState['reports'][number]): string {
  if (silent) return 'silent: does not count';
  return held ? 'held' : 'in use';
}
