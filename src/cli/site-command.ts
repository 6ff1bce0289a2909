import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { formatBitRate, formatTime } from './quantity.ts';
import { askSteering, steeringAdminOption } from './steering-admin.ts';
import { formatTable } from './table.ts';

const fleetSchema = z.object({
  preserving: z.boolean(),
  appliances: z.array(
    z.object({
      id: z.string(),
      siteId: z.string(),
      lease: z.object({ kind: z.string() }),
      state: z.string(),
      healthy: z.boolean(),
      withheld: z.string().optional(),
      egressBitsPerSec: z.number(),
      softEgressBitsPerSec: z.number(),
    }),
  ),
});
const sitesSchema = z.object({
  version: z.string(),
  sites: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      egressCapBitsPerSec: z.number().optional(),
      timeZone: z.string().optional(),
    }),
  ),
});
const withholdingsSchema = z.object({
  nowMs: z.number(),
  withholdings: z.array(
    z.object({
      name: z.string(),
      scope: z.string(),
      target: z.string(),
      why: z.string(),
      startMs: z.number(),
      endMs: z.number(),
      state: z.enum(['planned', 'active']),
      by: z.string(),
    }),
  ),
});
const takenSchema = z.object({
  withholding: z.object({ name: z.string(), startMs: z.number(), endMs: z.number() }),
  endsByDefault: z.boolean(),
  kept: z.boolean(),
  appliances: z.array(z.string()),
});
const journalSchema = z.object({
  id: z.string(),
  lastHeardAtMs: z.number(),
  entries: z.array(z.object({ atMs: z.number(), by: z.string(), what: z.string() })),
});

/** What `oca site list` shows. */
export interface SiteReport {
  readonly fleet: z.infer<typeof fleetSchema>;
  readonly table: z.infer<typeof sitesSchema>;
  readonly orders: z.infer<typeof withholdingsSchema>;
}

interface Options {
  readonly steeringAdmin: string;
  readonly cluster?: boolean;
  readonly appliance?: boolean;
  readonly why?: string;
  readonly start?: string;
  readonly until?: string;
  readonly for?: string;
  readonly json?: boolean;
}

const HELP = `
To work on a site without a viewer noticing:
  oca site drain berlin --why "router swap" --for 3h    players leave within one TTL (30 s); nobody new is sent there
  oca site list                                         until EGRESS is near zero, then begin
  oca site return berlin                                or wait: it comes back by itself

Planned ahead, on the clocks of the site:
  oca site maintain berlin --start 2027-03-28T02:00 --for 3h --why "fibre work"

Every drain ends: with --until or --for, or after a day. It lasts 30 days at the longest and begins within 90.
What comes back begins with a small share of new sessions and grows to its own over a minute.

The table of sites (steering's --sites FILE) gives steering what it cannot know. All but "id" may be left out:
${JSON.stringify(
  {
    version: 1,
    sites: [
      {
        id: 'berlin',
        kind: 'embedded',
        network: 'AS64500',
        failureDomain: 'berlin-west',
        latitudeDeg: 52.52,
        longitudeDeg: 13.4,
        egressCapBitsPerSec: 200_000_000_000,
        timeZone: 'Europe/Berlin',
        maintenance: [{ weekday: 'tuesday', start: '02:00', hours: 2, why: 'weekly updates' }],
      },
    ],
  },
  null,
  2,
)}
kind: embedded (inside the ISP), peering or transit. failureDomain: what fails together, by default the site alone.
weekday may be left out: then the window is every day.`;

export function siteCommand(): Command {
  const command = new Command('site')
    .description('Show the sites that steering knows; drain, maintain and return them; who saw what of an appliance.')
    .addHelpText('after', HELP);
  command
    .command('list', { isDefault: true })
    .description('Show every site: who serves, how much, and what is withheld until when.')
    .option('--json', 'print the answers as they are')
    .addOption(steeringAdminOption())
    .action(listSites);
  withTarget(command.command('drain'), 'Send nobody there from now on.')
    .requiredOption('--why <TEXT>', 'what for; players are not told, operators are')
    .option('--for <TIME>', 'how long, as 90m, 3h or 2d')
    .option('--until <TIME>', 'until when: 2027-03-28T05:00 on the clocks of the site, or with Z or an offset')
    .addHelpText(
      'after',
      '\nExamples:\n  oca site drain berlin --why "router swap" --for 3h\n  oca site drain oca-a1 --appliance --why "new disk"',
    )
    .action((target: string, options: Options) => withhold('drain', target, options));
  withTarget(command.command('maintain'), 'Send nobody there at a planned time.')
    .requiredOption('--why <TEXT>', 'what for')
    .requiredOption('--start <TIME>', '2027-03-28T02:00 on the clocks of the site, or with Z or an offset')
    .option('--for <TIME>', 'how long, as 90m, 3h or 2d')
    .option('--until <TIME>', 'until when, like --start')
    .addHelpText('after', '\nExample:\n  oca site maintain berlin --start 2027-03-28T02:00 --for 3h --why "fibre work"')
    .action((target: string, options: Options) => withhold('maintain', target, options));
  withTarget(command.command('return'), 'Take back every drain and planned maintenance of it.').action(takeBack);
  command
    .command('history')
    .description('Who saw what of an appliance, and when: heartbeats, silence, players, operators.')
    .argument('<APPLIANCE>')
    .option('--json', 'print the answer as it is')
    .addOption(steeringAdminOption())
    .action(showHistory);
  return command;
}

const withTarget = (command: Command, does: string): Command =>
  command
    .description(does)
    .argument('<TARGET>', 'a site, or with --cluster or --appliance one of those')
    .option('--cluster', 'TARGET is a cluster')
    .option('--appliance', 'TARGET is an appliance')
    .addOption(steeringAdminOption());

function scopeOf({ cluster, appliance }: Options): string {
  if (cluster === true && appliance === true)
    throw new OperationalError('CONFIG_INVALID', '--cluster or --appliance, not both');
  if (cluster === true) return 'cluster';
  return appliance === true ? 'appliance' : 'site';
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90m`, `1.5h`, `2d` in ms. @throws OperationalError CONFIG_INVALID */
export function parseLength(text: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)([mhd])$/.exec(text) ?? [];
  const lengthMs = Math.round(Number(count) * (UNIT_MS[unit] ?? Number.NaN));
  if (!(lengthMs > 0)) throw new OperationalError('CONFIG_INVALID', `--for ${text}: say it as 90m, 3h or 2d`);
  return lengthMs;
}

async function withhold(verb: 'drain' | 'maintain', target: string, options: Options): Promise<void> {
  const scope = scopeOf(options);
  if (options.for !== undefined && options.until !== undefined)
    throw new OperationalError('CONFIG_INVALID', '--for or --until, not both');
  const when = options.start === undefined ? '' : `-${options.start.toLowerCase().replaceAll(/[^a-z0-9]/g, '')}`;
  const name = `${verb}-${scope}-${target}${when}`;
  const forMs = options.for === undefined ? undefined : parseLength(options.for);
  const wish = { scope, target, why: options.why, start: options.start, end: options.until, forMs };
  const answer = await withAdmin(options.steeringAdmin, (admin) =>
    admin.send('PUT', `/v1/withholdings/${encodeURIComponent(name)}`, wish),
  );
  const { withholding, endsByDefault, kept, appliances } = parseContract('answer of steering', takenSchema, answer);
  process.stdout.write(
    `${scope} ${target}: nobody is sent there from ${formatTime(withholding.startMs)} to ${formatTime(withholding.endMs)}` +
      `${endsByDefault ? ' (no end was given: --until or --for set one)' : ''}\n` +
      `appliances: ${appliances.join(', ') || 'none yet'}\n` +
      (kept ? '' : 'steering could not write it to its disk: after a restart of steering it is forgotten\n') +
      `to take it back: oca site return ${target}${scope === 'site' ? '' : ` --${scope}`}\n`,
  );
}

async function takeBack(target: string, options: Options): Promise<void> {
  const scope = scopeOf(options);
  const { withholdings } = parseContract(
    'orders of steering',
    withholdingsSchema,
    await askSteering(options.steeringAdmin, '/v1/withholdings'),
  );
  const orders = withholdings.filter((order) => order.scope === scope && order.target === target);
  const own = orders.filter(({ by }) => by === 'operator');
  if (own.length === 0)
    throw new OperationalError(
      'CONFIG_INVALID',
      orders.length === 0
        ? `${scope} ${target} is not withheld: 'oca site list' shows what is`
        : `${scope} ${target} is in a maintenance window of the table of sites: it ends by itself, or change the table`,
    );
  await withAdmin(options.steeringAdmin, async (admin) => {
    for (const { name } of own) await admin.send('DELETE', `/v1/withholdings/${encodeURIComponent(name)}`);
  });
  process.stdout.write(own.map(({ name }) => `${name} is taken back\n`).join(''));
}

async function listSites({ steeringAdmin, json }: Options): Promise<void> {
  const [fleet, table, orders] = await Promise.all(
    ['/v1/fleet', '/v1/sites', '/v1/withholdings'].map((target) => askSteering(steeringAdmin, target)),
  );
  if (json === true) {
    process.stdout.write(`${JSON.stringify({ fleet, table, orders }, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    describeSites({
      fleet: parseContract('fleet of steering', fleetSchema, fleet),
      table: parseContract('sites of steering', sitesSchema, table),
      orders: parseContract('orders of steering', withholdingsSchema, orders),
    }),
  );
}

/** The sites, their load and what is withheld, as text. */
export function describeSites({ fleet, table, orders }: SiteReport): string {
  const described = new Map(table.sites.map((site) => [site.id, site]));
  const bySite = Map.groupBy(fleet.appliances, ({ siteId }) => siteId);
  const ids = [...new Set([...described.keys(), ...bySite.keys()])].sort();
  if (ids.length === 0) return "Steering knows no site and no appliance: 'oca site --help' shows a table of sites\n";
  const rows = ids.map((id) => {
    const appliances = bySite.get(id) ?? [];
    const serving = appliances.filter(
      ({ lease, state, healthy, withheld }) =>
        lease.kind !== 'expired' && state === 'serving' && healthy && withheld === undefined,
    );
    const withheld = appliances.filter((appliance) => appliance.withheld !== undefined);
    const sum = (of: 'egressBitsPerSec' | 'softEgressBitsPerSec'): number =>
      appliances.reduce((total, appliance) => total + appliance[of], 0);
    const site = described.get(id);
    return [
      id,
      site?.kind ?? '-',
      String(appliances.length),
      String(serving.length),
      String(withheld.length),
      formatBitRate(sum('egressBitsPerSec')),
      formatBitRate(sum('softEgressBitsPerSec')),
      site?.egressCapBitsPerSec === undefined ? '-' : formatBitRate(site.egressCapBitsPerSec),
      site?.timeZone ?? '-',
    ];
  });
  const header = ['SITE', 'KIND', 'APPLIANCES', 'SERVING', 'WITHHELD', 'EGRESS', 'SOFT LIMIT', 'CAP', 'TIME ZONE'];
  return [
    formatTable(header, rows),
    '',
    ...(fleet.preserving ? ['Most appliances fell silent at once: the last known fleet is kept.', ''] : []),
    describeOrders(orders),
    '',
  ].join('\n');
}

function describeOrders({ withholdings }: SiteReport['orders']): string {
  if (withholdings.length === 0) return 'Nothing is withheld.';
  return formatTable(
    ['WITHHELD', 'STATE', 'FROM', 'UNTIL', 'BY', 'WHY'],
    withholdings.map(({ scope, target, state, startMs, endMs, by, why }) => [
      `${scope} ${target}`,
      state,
      formatTime(startMs),
      formatTime(endMs),
      by,
      why,
    ]),
  );
}

async function showHistory(appliance: string, { steeringAdmin, json }: Options): Promise<void> {
  const answer = await askSteering(steeringAdmin, `/v1/fleet/${encodeURIComponent(appliance)}/journal`);
  if (json === true) {
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  const { id, lastHeardAtMs, entries } = parseContract('journal of steering', journalSchema, answer);
  const rows = entries.map(({ atMs, by, what }) => [`${new Date(atMs).toISOString().slice(0, 19)}Z`, by, what]);
  process.stdout.write(
    `${id}, last heard ${formatTime(lastHeardAtMs)}\n${rows.length === 0 ? 'Nothing has changed since steering started.' : formatTable(['WHEN', 'WHO SAW IT', 'WHAT'], rows)}\n`,
  );
}
