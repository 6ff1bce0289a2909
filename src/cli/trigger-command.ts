import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { systemWorld } from '../world/world.ts';
import { withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { askPlanner, plannerAdminOption } from './planner-admin.ts';
import { createProgressBar } from './progress-bar.ts';
import { formatBytes, formatTime } from './quantity.ts';
import { formatTable } from './table.ts';

const statusSchema = z.object({
  'oca.id': z.string(),
  'oca.sender': z.string(),
  trigger: z.looseObject({ type: z.string() }),
  ctime: z.number(),
  mtime: z.number(),
  status: z.string(),
  errors: z.array(z.object({ error: z.string(), description: z.string().optional() })).optional(),
  'oca.nodes': z.array(
    z.object({
      appliance: z.string(),
      status: z.string(),
      objects: z.number(),
      bytes: z.number(),
      detail: z.string().optional(),
      mtime: z.number(),
    }),
  ),
});
type Status = z.infer<typeof statusSchema>;
const collectionSchema = z.object({ triggers: z.array(z.string()), 'cdn-id': z.string().optional() });

const FINAL = new Set(['complete', 'processed', 'failed', 'cancelled']);
const NODE_ENDED = new Set(['complete', 'failed', 'cancelled', 'gone']);
const LOOK_EVERY_MS = 1000;
/** No CDN has this number (RFC 5398): the operator's own commands have passed nobody. */
const OWN_PATH = 'AS64511:operator';

const HELP = `
Triggers are the words of RFC 8007, for all appliances at once; 'oca purge' asks one appliance alone.
  oca trigger purge /film/1080p.mp4 --wait           gone everywhere when it ends
  oca trigger purge --pattern '/live/*' --pattern '/tmp/?.m4s'
  oca trigger invalidate --title big-buck-bunny      asked about again before it is used
  oca trigger preposition --title season-2 --wait    brought by the next fill windows, and held for two weeks
  oca trigger preposition /a.mp4 --fill-now 60       brought within the hour
  oca trigger list                                   what is pending, active, complete and failed
  oca trigger show 5f0c1d2e-...                      how far each appliance is, and why not farther
  oca trigger cancel 5f0c1d2e-...

Appliances ask every ten seconds (--trigger-poll-ms). One that is away is waited for; one that left the fleet is not. What
the plan names is filled again by the plan. An invalidation erases, as a purge does: nothing is used again unasked.

Other CDNs send the same at --trigger-listen, each with a token of his own: 'oca trigger token --help'.`;

interface Options {
  readonly plannerAdmin: string;
  readonly json?: boolean;
}

interface GiveOptions extends Options {
  readonly pattern?: string[];
  readonly title?: string[];
  readonly wait?: boolean;
  readonly fillNow?: string;
}

export function triggerCommand(): Command {
  const command = new Command('trigger')
    .description('Purge, invalidate or preposition content on all appliances, and see how far each is.')
    .addHelpText('after', HELP);
  for (const [type, description] of [
    ['purge', 'Erase content everywhere.'],
    ['invalidate', 'Have content asked about again before it is used.'],
    ['preposition', 'Bring files of the catalogue to appliances before anybody asks.'],
  ] as const) {
    const give = command
      .command(type)
      .description(description)
      .argument('[URL...]', 'URLs or paths; scheme and host do not count')
      .option('--title <ID...>', 'all files of a title of the catalogue; else a tag of the origin (Cache-Tag)')
      .option('--wait', 'until it has ended everywhere; fails when it failed')
      .option('--json', 'print the answer as it is')
      .addOption(plannerAdminOption());
    if (type === 'preposition')
      give.option('--fill-now <MINUTES>', 'do not wait for the fill window: open one for so long, for the whole fleet');
    else
      give.option('--pattern <PATTERN...>', '* is any number of characters, ? is one, $ takes the next one literally');
    give.action((urls: string[], options: GiveOptions) => giveTrigger(type, urls, options));
  }
  command
    .command('list')
    .description('List triggers, oldest first.')
    .option('--state <NAME>', 'only pending, active, complete or failed ones')
    .addOption(plannerAdminOption())
    .action(listTriggers);
  command
    .command('show')
    .argument('<ID>')
    .description('Show a trigger, and how far each appliance is.')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .action(async (id: string, options: Options) => showStatus(id, await askStatus(id, options), options));
  command
    .command('cancel')
    .argument('<ID...>')
    .description('Take triggers back: who has not begun does not begin.')
    .addOption(plannerAdminOption())
    .action(async (ids: string[], { plannerAdmin }: Options) => {
      await withAdmin(plannerAdmin, (admin) => admin.post('/v1/triggers', { cancel: ids, 'cdn-path': [OWN_PATH] }));
      for (const id of ids) process.stdout.write(`${id}: ${(await askStatus(id, { plannerAdmin })).status}\n`);
    });
  command
    .command('delete')
    .argument('<ID>')
    .description('Forget a trigger.')
    .addOption(plannerAdminOption())
    .action(async (id: string, { plannerAdmin }: Options) => {
      await withAdmin(plannerAdmin, (admin) => admin.send('DELETE', `/v1/triggers/${encodeURIComponent(id)}`));
      process.stdout.write(`deleted ${id}\n`);
    });
  addToken(command);
  return command;
}

function addToken(command: Command): void {
  command
    .command('token')
    .argument('<NAME>', 'of the sender: who sees and touches only triggers and content of his own')
    .description('Make a token by which another CDN may send triggers, and the entry for --trigger-tokens.')
    .option('--prefix <PATH...>', 'what his content begins with', ['/'])
    .addHelpText(
      'after',
      `
The token is shown here and kept nowhere; the file has its SHA-256 only, and is read again when it changes.
  oca trigger token acme --prefix /vod/acme/         then put the entry into the list in triggers.json, and
  oca fill-planner --trigger-listen 0.0.0.0:9443 --trigger-tokens triggers.json --tls-cert ... --tls-key ...
  curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/cdni; ptype=ci-trigger-command' \\
    -d '{"trigger":{"type":"purge","content.urls":["https://acme.example/vod/acme/a.mp4"]},"cdn-path":["AS64500:1"]}' \\
    https://planner.example:9443/triggers`,
    )
    .action((name: string, { prefix }: { prefix: string[] }) => {
      const token = randomBytes(24).toString('base64url');
      const tokenSha256 = createHash('sha256').update(token).digest('hex');
      process.stdout.write(`${JSON.stringify([{ name, tokenSha256, prefixes: prefix }], null, 2)}\n`);
      process.stderr.write(`token of ${name}, shown once: ${token}\n`);
    });
}

async function giveTrigger(type: string, urls: string[], options: GiveOptions): Promise<void> {
  const { pattern = [], title = [], wait, fillNow, plannerAdmin } = options;
  if (urls.length + pattern.length + title.length === 0)
    throw new OperationalError('CONFIG_INVALID', `say what to ${type}: URLs or paths, or --title, or --pattern`);
  const fillNowMinutes = fillNow === undefined ? undefined : Number(fillNow);
  if (fillNowMinutes !== undefined && !(fillNowMinutes > 0))
    throw new OperationalError('CONFIG_INVALID', `--fill-now must be a number of minutes, not '${fillNow}'`);
  const trigger = {
    type,
    ...(fillNowMinutes === undefined ? {} : { 'oca.fill-now-minutes': fillNowMinutes }),
    ...(urls.length === 0 ? {} : { 'content.urls': urls }),
    ...(title.length === 0 ? {} : { 'content.ccid': title }),
    ...(pattern.length === 0
      ? {}
      : { 'content.patterns': pattern.map((each) => ({ pattern: each, 'case-sensitive': true })) }),
  };
  const answer = await withAdmin(plannerAdmin, (admin) =>
    admin.post('/v1/triggers', { trigger, 'cdn-path': [OWN_PATH] }),
  );
  const given = parseContract('status of a trigger', statusSchema, answer);
  const id = given['oca.id'];
  const status = wait === true ? await waitFor(id, options) : given;
  showStatus(id, status, options);
  if (status.status === 'failed') process.exitCode = 1;
}

async function waitFor(id: string, options: Options): Promise<Status> {
  const bar = createProgressBar(process.stderr);
  try {
    for (;;) {
      const status = await askStatus(id, options);
      if (FINAL.has(status.status)) return status;
      const nodes = status['oca.nodes'];
      const ended = nodes.filter((node) => NODE_ENDED.has(node.status)).length;
      bar.update(ended / Math.max(1, nodes.length), `${status.status}: ${ended} of ${nodes.length} appliances`);
      await systemWorld.clock.delay(LOOK_EVERY_MS);
    }
  } finally {
    bar.end();
  }
}

async function askStatus(id: string, { plannerAdmin }: Options): Promise<Status> {
  const body = await askPlanner(plannerAdmin, `/v1/triggers/${encodeURIComponent(id)}`);
  return parseContract('status of a trigger', statusSchema, body);
}

async function idsIn(plannerAdmin: string, state?: string): Promise<string[]> {
  const target = state === undefined ? '/v1/triggers' : `/v1/triggers/collections/${encodeURIComponent(state)}`;
  return parseContract('collection of triggers', collectionSchema, await askPlanner(plannerAdmin, target)).triggers;
}

const idOf = (url: string): string => url.split('/').at(-1) ?? '';

async function listTriggers(options: Options & { state?: string }): Promise<void> {
  const urls = await idsIn(options.plannerAdmin, options.state);
  const rows: string[][] = [];
  for (const id of urls.map(idOf)) {
    const { trigger, ctime, status, 'oca.sender': sender, 'oca.nodes': nodes } = await askStatus(id, options);
    const ended = nodes.filter((node) => NODE_ENDED.has(node.status)).length;
    const done = `${ended}/${nodes.length}`;
    rows.push([id, trigger.type, sender, status, done, formatTime(ctime * 1000), subjectOf(trigger)]);
  }
  process.stdout.write(
    rows.length === 0
      ? "No triggers: 'oca trigger --help' shows how to give one\n"
      : `${formatTable(['TRIGGER', 'TYPE', 'BY', 'STATUS', 'DONE', 'GIVEN', 'OF'], rows)}\n`,
  );
}

function showStatus(id: string, status: Status, { json }: Options): void {
  if (json === true) {
    process.stdout.write(`${JSON.stringify(status, null, 2)}\n`);
    return;
  }
  const { trigger, ctime, errors = [], 'oca.sender': sender, 'oca.nodes': nodes } = status;
  process.stdout.write(
    `${trigger.type} ${id} by ${sender}, ${formatTime(ctime * 1000)}: ${status.status}\n${subjectOf(trigger)}\n` +
      errors.map(({ error, description = '' }) => `${error}: ${description}\n`).join(''),
  );
  if (nodes.length === 0) return;
  const rows = nodes.map((node) => [
    node.appliance,
    node.status,
    String(node.objects),
    formatBytes(node.bytes),
    formatTime(node.mtime * 1000),
    node.detail ?? '',
  ]);
  process.stdout.write(`${formatTable(['APPLIANCE', 'STATUS', 'OBJECTS', 'SIZE', 'SINCE', 'MORE'], rows)}\n`);
}

function subjectOf(trigger: Status['trigger']): string {
  const all = ['content.urls', 'content.ccid', 'content.patterns'].flatMap((name) => {
    const named: unknown = trigger[name];
    return Array.isArray(named) ? named.map((each: unknown) => nameOf(each)) : [];
  });
  const [first = 'nothing', ...more] = all;
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

function nameOf(subject: unknown): string {
  if (typeof subject === 'string') return subject;
  const isPattern = typeof subject === 'object' && subject !== null && 'pattern' in subject;
  return isPattern && typeof subject.pattern === 'string' ? subject.pattern : '?';
}
