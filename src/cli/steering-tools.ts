import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import type { Command } from './commander.ts';
import { createProgressBar } from './progress-bar.ts';
import { formatBitRate, formatBytes, formatTime } from './quantity.ts';
import { askSteering, steeringAdminOption } from './steering-admin.ts';
import { formatTable } from './table.ts';

/** The tools of `oca steering`: why an answer is as it is, what a log says, what would happen if. */
export function addSteeringTools(command: Command): Command {
  command
    .command('explain')
    .description('Why a client gets what it gets for a title, appliance by appliance.')
    .requiredOption('--client <ADDRESS>', "the client's address")
    .requiredOption('--title <ID>', 'the title')
    .option('--session <ID>', 'the session: without it one that nobody has')
    .option('--all', 'also tell of the appliances that were not looked at')
    .option('--json', 'print the answer as it is: with everything that was known of each appliance')
    .addOption(steeringAdminOption())
    .addHelpText('after', '\nExample:\n  oca steering explain --client 203.0.113.7 --title bars')
    .action(explain);
  command
    .command('misses')
    .description('How many bytes did not come from the nearest site, and what to do about it.')
    .option('--minutes <N>', 'of the last so many minutes, up to 1440', '60')
    .option('--json', 'print the answer as it is')
    .addOption(steeringAdminOption())
    .action(showMisses);
  command
    .command('what-if')
    .description('Where the viewers of now would go, and who would pass which limit. Nothing is changed by asking.')
    .option('--drain <NAME...>', 'if these sites, clusters or appliances took nobody')
    .option('--surge <TIMES>', 'if there were so many times the traffic', '1')
    .option('--capacity <NAME=SHARE...>', 'if a site, cluster or appliance had this share of its limits')
    .option('--json', 'print the answer as it is')
    .addOption(steeringAdminOption())
    .addHelpText(
      'after',
      '\nExamples:\n  oca steering what-if --drain berlin\n  oca steering what-if --surge 3 --capacity oca-a1=0.5',
    )
    .action(askWhatIf);
  command
    .command('replay')
    .description(
      'Make the decisions of a log again with this version of the software, and say which come out otherwise.',
    )
    .argument('<LOG>', "a file of the decision log or its folder, 'decisions' in the state of steering")
    .option('--decision <ID>', 'show one decision with all that it knew')
    .option('--json', 'print the answer as it is')
    .addHelpText(
      'after',
      '\nThe same version must make every decision again as it was: it exits with 1 when one differs.\n' +
        'Players have the name of a decision in the Server-Timing header of their answers.',
    )
    .action(replay);
  return command;
}

const explainSchema = z.object({
  question: z.object({ titleId: z.string(), sessionId: z.string(), clientAddress: z.string() }),
  state: z.object({ versions: z.record(z.string(), z.string()), prefixes: z.number(), appliances: z.number() }),
  client: z.object({
    prefix: z.string().optional(),
    siteId: z.string().optional(),
    evidence: z.string(),
    group: z.string(),
    network: z.string().optional(),
  }),
  places: z.array(
    z.object({ place: z.number(), id: z.string(), siteId: z.string().optional(), reasons: z.array(z.string()) }),
  ),
  excluded: z.array(z.object({ id: z.string(), code: z.string(), reason: z.string() })),
  passedOver: z.array(z.object({ id: z.string(), reason: z.string() })),
  degraded: z.string().optional(),
});

interface ExplainOptions {
  readonly client: string;
  readonly title: string;
  readonly session?: string;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly steeringAdmin: string;
}

async function explain(options: ExplainOptions): Promise<void> {
  const { client, title, session, steeringAdmin } = options;
  const query = new URLSearchParams({ client, title, ...(session === undefined ? {} : { session }) });
  const body = await askSteering(steeringAdmin, `/v1/explain?${query.toString()}`);
  if (options.json === true) return printJson(body);
  const told = parseContract('explanation', explainSchema, body);
  const { prefix, siteId, evidence, network } = told.client;
  const lines = [
    `client   ${client}: ${siteId === undefined ? 'its site is not known' : `site ${siteId}`}, by ${evidence}${prefix === undefined ? '' : ` ${prefix}`}${network === undefined ? '' : `, network ${network}`}`,
    `session  ${told.question.sessionId}`,
    `known    ${told.state.appliances} appliances, ${told.state.prefixes} prefixes; ${Object.entries(
      told.state.versions,
    )
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    ...(told.degraded === undefined ? [] : [`degraded ${told.degraded}`]),
    '',
    formatTable(
      ['#', 'PLACE', 'SITE', 'WHY'],
      told.places.map((place) => [String(place.place), place.id, place.siteId ?? '-', place.reasons.join('; ')]),
    ),
  ];
  if (told.excluded.length > 0)
    lines.push(
      '',
      formatTable(
        ['LEFT OUT', 'BECAUSE', ''],
        told.excluded.map(({ id, code, reason }) => [id, code, reason]),
      ),
    );
  if (told.passedOver.length > 0 && options.all === true)
    lines.push(
      '',
      formatTable(
        ['NOT LOOKED AT', 'BECAUSE'],
        told.passedOver.map(({ id, reason }) => [id, reason]),
      ),
    );
  else if (told.passedOver.length > 0)
    lines.push('', `${told.passedOver.length} more were not needed: --all tells of them`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

const ADVICE: Readonly<Record<string, string>> = {
  content: 'the nearest site lacks the title and no plan wants it there: more space, or a better prediction',
  'fill-lag': 'a plan wants it there and it has not arrived: wider fill windows or budgets',
  health: 'the nearest appliances were silent, unwell or withheld: oca site list',
  admission: 'the nearest appliances were full or spared: more capacity there',
  route: 'no route says where the client is, or its site may not serve it: oca routes lint',
  'client-choice': 'players were sent to the nearest site and went elsewhere: look at its quality',
};

const sumsSchema = z.record(z.string(), z.number());
const missesSchema = z.object({
  minutes: z.number(),
  bytes: sumsSchema,
  missShares: sumsSchema,
  sites: z.array(z.object({ siteId: z.string(), bytes: sumsSchema })),
});
const MOST_SITES = 20;

async function showMisses(options: { minutes: string; json?: boolean; steeringAdmin: string }): Promise<void> {
  const body = await askSteering(options.steeringAdmin, `/v1/misses?minutes=${encodeURIComponent(options.minutes)}`);
  if (options.json === true) return printJson(body);
  const { bytes, missShares, minutes, sites } = parseContract('report of misses', missesSchema, body);
  const total = sumOf(bytes);
  if (total === 0) {
    process.stdout.write(`No viewer has come back within ${minutes} minutes: there is nothing to tell of\n`);
    return;
  }
  const rows = Object.entries(missShares)
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => [name, formatBytes(bytes[name] ?? 0), percent(share), ADVICE[name] ?? '']);
  const bySite = sites.slice(0, MOST_SITES).map((site) => [
    site.siteId,
    formatBytes(sumOf(site.bytes)),
    percent((site.bytes['nearest'] ?? 0) / Math.max(1, sumOf(site.bytes))),
    Object.entries(site.bytes)
      .filter(([name, count]) => name !== 'nearest' && count > 0)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${formatBytes(count)}`)
      .join(', '),
  ]);
  process.stdout.write(
    `Estimated from the sessions that came back within ${minutes} minutes: ${formatBytes(total)}, ${percent((bytes['nearest'] ?? 0) / total)} of them from the nearest site\n\n` +
      (rows.length === 0 ? '' : `${formatTable(['MISSED BY', 'BYTES', 'SHARE', 'WHAT TO DO'], rows)}\n\n`) +
      `${formatTable(['NEAREST SITE', 'BYTES', 'FROM IT', 'MISSED BY'], bySite)}\n`,
  );
}

const forecastSchema = z.object({
  viewers: z.number(),
  moved: z.number(),
  pushedOn: z.number(),
  settled: z.boolean(),
  origin: z.object({ beforeBitsPerSec: z.number(), afterBitsPerSec: z.number() }),
  appliances: z.array(
    z.object({
      id: z.string(),
      siteId: z.string(),
      withheld: z.boolean(),
      beforeBitsPerSec: z.number(),
      afterBitsPerSec: z.number(),
      softBitsPerSec: z.number(),
      hardBitsPerSec: z.number(),
      passes: z.enum(['none', 'soft', 'hard']),
    }),
  ),
});
type Forecast = z.infer<typeof forecastSchema>;

interface WhatIfOptions {
  readonly drain?: readonly string[];
  readonly surge: string;
  readonly capacity?: readonly string[];
  readonly json?: boolean;
  readonly steeringAdmin: string;
}

async function askWhatIf(options: WhatIfOptions): Promise<void> {
  const scenario = {
    drain: options.drain ?? [],
    surge: numberIn(options.surge, '--surge'),
    capacity: Object.fromEntries((options.capacity ?? []).map(readCapacity)),
  };
  const body = await withAdmin(options.steeringAdmin, (admin) => admin.post('/v1/what-if', scenario));
  if (options.json === true) return printJson(body);
  const forecast = parseContract('forecast', forecastSchema, body);
  const { viewers, moved, pushedOn, settled, origin } = forecast;
  if (viewers === 0) {
    process.stdout.write('No viewer has asked lately: there is nobody to send elsewhere\n');
    return;
  }
  process.stdout.write(
    `${viewers} viewers of now: ${moved} would move (${percent(moved / viewers)}), ${pushedOn} of them to make room for others\n` +
      `from the origin: ${formatBitRate(origin.beforeBitsPerSec)} now, ${formatBitRate(origin.afterBitsPerSec)} then\n` +
      `${settled ? '' : 'Some viewers would go to and fro: the figures are a guess between\n'}\n` +
      `${formatTable(['SITE', 'NOW', 'THEN', 'CHANGE', 'SOFT LIMIT'], siteRows(forecast))}\n\n` +
      `${formatTable(['APPLIANCE', 'SITE', 'NOW', 'THEN', 'OF SOFT', ''], applianceRows(forecast))}\n`,
  );
}

function siteRows({ appliances }: Forecast): string[][] {
  const bySite = Map.groupBy(appliances, ({ siteId }) => siteId);
  return [...bySite].map(([siteId, some]) => {
    const sum = (of: (appliance: Forecast['appliances'][number]) => number): number =>
      some.reduce((total, appliance) => total + of(appliance), 0);
    const [now, then] = [sum((one) => one.beforeBitsPerSec), sum((one) => one.afterBitsPerSec)];
    const soft = sum((one) => (one.withheld ? 0 : one.softBitsPerSec));
    const change = now === 0 ? '-' : `${then >= now ? '+' : ''}${percent(then / now - 1)}`;
    return [siteId, formatBitRate(now), formatBitRate(then), change, formatBitRate(soft)];
  });
}

const NOTABLE_SHARE = 0.01;

/** Those whose traffic changes, and those that pass a limit. */
function applianceRows({ appliances }: Forecast): string[][] {
  return appliances
    .filter(
      ({ passes, beforeBitsPerSec, afterBitsPerSec, softBitsPerSec }) =>
        passes !== 'none' || Math.abs(afterBitsPerSec - beforeBitsPerSec) > softBitsPerSec * NOTABLE_SHARE,
    )
    .sort((a, b) => b.afterBitsPerSec / b.softBitsPerSec - a.afterBitsPerSec / a.softBitsPerSec)
    .map(({ id, siteId, withheld, beforeBitsPerSec, afterBitsPerSec, softBitsPerSec, passes }) => [
      id,
      siteId,
      formatBitRate(beforeBitsPerSec),
      formatBitRate(afterBitsPerSec),
      percent(afterBitsPerSec / softBitsPerSec),
      withheld ? 'drained' : passes === 'none' ? '' : `PASSES ITS ${passes.toUpperCase()} LIMIT`,
    ]);
}

const MOST_SHOWN = 10;

async function replay(log: string, options: { decision?: string; json?: boolean }): Promise<void> {
  const { replayLog } = await import('../../steering/decision-log/replay-log.ts');
  const progress = createProgressBar(process.stderr);
  const differing: Array<{
    id: string;
    atMs: number;
    titleId: string;
    was: readonly string[];
    now: readonly string[];
  }> = [];
  let found: unknown;
  let count = 0;
  const tally = await replayLog(log, (decision, difference) => {
    count += 1;
    if (count % 1000 === 0) progress.update(undefined, `${count} decisions`);
    const { id, atMs, titleId, ranked } = decision;
    if (id === options.decision) found = { ...decision, now: difference?.now ?? ranked };
    if (difference !== undefined && differing.length < MOST_SHOWN)
      differing.push({ id, atMs, titleId, was: ranked, now: difference.now });
  });
  progress.end();
  if (options.decision !== undefined) {
    if (found === undefined) throw new OperationalError('CONFIG_INVALID', `no decision ${options.decision} in ${log}`);
    return printJson(found);
  }
  if (tally.differing > 0) process.exitCode = 1;
  if (options.json === true) return printJson({ ...tally, differences: differing });
  process.stdout.write(
    `${tally.decisions} decisions in ${tally.files} files: ${tally.decisions - tally.differing} made again as they were, ` +
      `${tally.differing} otherwise, ${tally.firstPlaceDiffers} of them with another first place\n`,
  );
  for (const { file, offset, because } of tally.torn)
    process.stdout.write(`${file} is torn at byte ${offset}: ${because}; what stands before it was read\n`);
  for (const { id, atMs, titleId, was, now } of differing)
    process.stdout.write(`${formatTime(atMs)} ${id} ${titleId}\n  was ${was.join(' ')}\n  now ${now.join(' ')}\n`);
}

function readCapacity(text: string): [string, number] {
  const [name = '', share = ''] = text.split('=', 2);
  if (name === '' || share === '')
    throw new OperationalError('CONFIG_INVALID', `--capacity takes NAME=SHARE, for example oca-a1=0.5, not '${text}'`);
  return [name, numberIn(share, '--capacity')];
}

function numberIn(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new OperationalError('CONFIG_INVALID', `${option} takes a number, not '${text}'`);
  return value;
}

const sumOf = (sums: Readonly<Record<string, number>>): number =>
  Object.values(sums).reduce((sum, count) => sum + count, 0);

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const printJson = (body: unknown): void => void process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
