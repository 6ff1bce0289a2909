import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { askPlanner, plannerAdminOption } from './planner-admin.ts';
import { formatBytes } from './quantity.ts';
import { formatTable } from './table.ts';

/** What the table shows. Whatever else there is must be in the copy that an operator keeps. */
const fleetAnswerSchema = z.looseObject({
  fleetVersion: z.number(),
  fleet: z.looseObject({
    sites: z.array(
      z.looseObject({
        id: z.string(),
        timeZone: z.string(),
        region: z.string(),
        fillWindow: z.looseObject({ start: z.string(), hours: z.number() }),
        fillBitsPerSec: z.number(),
      }),
    ),
    clusters: z.array(z.looseObject({ id: z.string(), siteId: z.string() })),
    appliances: z.array(
      z.looseObject({ id: z.string(), clusterId: z.string(), baseUrl: z.string(), capacityBytes: z.number() }),
    ),
  }),
});

const EXAMPLE = {
  sites: [
    {
      id: 'berlin',
      timeZone: 'Europe/Berlin',
      region: 'de',
      fillWindow: { start: '02:00', hours: 12 },
      fillBitsPerSec: 1_200_000_000,
      transit: { perMbpsMonth: 0.8, currency: 'EUR' },
    },
  ],
  clusters: [{ id: 'berlin-1', siteId: 'berlin' }],
  appliances: [
    { id: 'oca-a1', clusterId: 'berlin-1', baseUrl: 'https://oca-a1.example.net', capacityBytes: 40_000_000_000_000 },
  ],
};

export function fleetCommand(): Command {
  const command = new Command('fleet').description(
    'Show or set sites, clusters, appliances, fill windows and budgets.',
  );
  command
    .command('show')
    .description('Show the fleet that plans are made for.')
    .option('--json', 'print the fleet document, as fleet set takes it')
    .addOption(plannerAdminOption())
    .action(showFleet);
  command
    .command('set')
    .description('Replace the whole fleet by the JSON document in FILE (- reads standard input).')
    .argument('<FILE>')
    .addOption(plannerAdminOption())
    .addHelpText('after', `\nExample of FILE:\n${JSON.stringify(EXAMPLE, null, 2)}`)
    .action(async (file: string, options: { plannerAdmin: string }) => {
      const fleet = await readJson(file);
      const answer = await withAdmin(options.plannerAdmin, (admin) => admin.send('PUT', '/v1/fleet', fleet));
      const stored = parseContract('fleet of a planner', fleetAnswerSchema, answer);
      process.stdout.write(
        `fleet version ${stored.fleetVersion}: ${stored.fleet.sites.length} sites, ${stored.fleet.clusters.length} clusters, ` +
          `${stored.fleet.appliances.length} appliances\nIt is in the next plan; to plan now: 'oca plan run'\n`,
      );
    });
  return command;
}

async function showFleet(options: { plannerAdmin: string; json?: boolean }): Promise<void> {
  const answer = await askPlanner(options.plannerAdmin, '/v1/fleet');
  const { fleetVersion, fleet } = parseContract('fleet of a planner', fleetAnswerSchema, answer);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(fleet, null, 2)}\n`);
    return;
  }
  if (fleet.appliances.length === 0) {
    process.stdout.write("The fleet has no appliances: 'oca fleet set --help' shows an example\n");
    return;
  }
  const siteOf = new Map(fleet.sites.map((site) => [site.id, site]));
  const siteIdOf = new Map(fleet.clusters.map(({ id, siteId }) => [id, siteId]));
  const rows = fleet.appliances.map((appliance) => {
    const site = siteOf.get(siteIdOf.get(appliance.clusterId) ?? '');
    return [
      appliance.id,
      appliance.clusterId,
      site?.id ?? '?',
      site?.region ?? '?',
      formatBytes(appliance.capacityBytes),
      site === undefined ? '?' : `${site.fillWindow.start} +${site.fillWindow.hours} h ${site.timeZone}`,
      appliance.baseUrl,
    ];
  });
  process.stdout.write(
    `fleet version ${fleetVersion}\n${formatTable(['APPLIANCE', 'CLUSTER', 'SITE', 'REGION', 'CAPACITY', 'WINDOW', 'URL'], rows)}\n`,
  );
}

async function readJson(file: string): Promise<unknown> {
  try {
    const text = file === '-' ? await readStandardInput() : await readFile(file, 'utf8');
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function readStandardInput(): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(Buffer.from(piece as Buffer));
  return Buffer.concat(pieces).toString('utf8');
}
