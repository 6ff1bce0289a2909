import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { isOperational, messageOf, OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { inLinesOf, readCalendarCsv } from './calendar-csv.ts';
import { Command } from './commander.ts';
import { askPlanner, plannerAdminOption } from './planner-admin.ts';
import { formatBytes } from './quantity.ts';
import { formatTable } from './table.ts';

const changeSchema = z.object({
  added: z.number(),
  changed: z.number(),
  unchanged: z.number(),
  removed: z.number(),
  notThereYet: z.array(z.string()),
});
const removedSchema = z.object({ removed: z.array(z.string()) });
const shownSchema = z.object({
  calendar: z.object({
    launches: z.array(
      z.object({
        title: z.string(),
        at: z.string(),
        regions: z.array(z.string()).optional(),
        like: z.string().optional(),
        factor: z.number().optional(),
        bytesPerDay: z.number().optional(),
        embargo: z.boolean().optional(),
      }),
    ),
    retirements: z.array(z.object({ title: z.string(), at: z.string(), graceDays: z.number() })),
    pins: z.array(
      z.object({
        title: z.string().optional(),
        rendition: z.string().optional(),
        part: z.string().optional(),
        cluster: z.string().optional(),
        site: z.string().optional(),
        region: z.string().optional(),
        until: z.string().optional(),
        reason: z.string().optional(),
      }),
    ),
  }),
  notThereYet: z.array(z.string()),
});
type Shown = z.infer<typeof shownSchema>['calendar'];

const TIMES = `
Times name their zone: 2026-12-01T20:00Z, 2026-12-01T20:00+01:00, or '2026-12-01 20:00 Europe/Berlin'.`;

const HELP = `
What demand cannot show yet is written here, and every plan cycle reads it.
  oca calendar launch season-2 --at '2026-12-01 20:00 Europe/Berlin' --like season-1 --factor 1.3
  oca calendar launch film --at 2026-12-24T17:00Z --region de --region at --bytes-per-day 5e12
  oca calendar retire old-film --at 2026-12-31T23:00Z --grace-days 14
  oca calendar pin news/v1080 --site berlin --until 2026-12-31T00:00Z --reason 'contract with the city'
  oca calendar pin film --head                       the first seconds of all its renditions, everywhere
  oca calendar import plan.csv                       the whole calendar from a spreadsheet, in place of the old one
  oca calendar show --json > calendar.json           what import takes again

A title may be named before it is in the catalogue. Entries count from the next plan cycle on: 'oca plan run' makes one now.
${TIMES}`;

const CSV_HELP = `
A JSON FILE is {"launches": [...], "retirements": [...], "pins": [...]}, as 'oca calendar show --json' prints it.
A CSV FILE names its columns in the first line and has one entry per line:
  kind,title,rendition,at,until,regions,like,factor,bytesPerDay,embargo,graceDays,part,cluster,site,region,reason
  launch,season-2,,2026-12-01T19:00Z,,de at,season-1,1.3,,,,,,,,
  retirement,old-film,,2026-12-31T23:00Z,,,,,,,14,,,,,
  pin,,news/v1080,,2026-12-31T00:00Z,,,,,,,head,,berlin,,contract
Columns that nothing uses may be left out. The whole file is taken or, with the first thing that is wrong, nothing of it.`;

interface Options {
  readonly plannerAdmin: string;
  readonly json?: boolean;
}

export function calendarCommand(): Command {
  const command = new Command('calendar')
    .description('Say when titles launch and retire, and pin what must be held whatever its demand.')
    .addHelpText('after', HELP);
  command
    .command('show')
    .description('Show all launches, retirements and pins.')
    .option('--json', 'print the calendar as import takes it')
    .addOption(plannerAdminOption())
    .action(show);
  addLaunch(command);
  command
    .command('retire')
    .description('Plan a title no more from a time on, and after a grace delete it everywhere.')
    .argument('<TITLE>')
    .requiredOption('--at <TIME>', 'from then on it is in no plan')
    .option('--grace-days <N>', 'days until it is purged from all appliances and leaves the catalogue [default: 7]')
    .addOption(plannerAdminOption())
    .addHelpText('after', TIMES)
    .action(async (title: string, { at, graceDays, ...options }: Options & { at: string; graceDays?: string }) =>
      add(options, { retirements: [{ title, at, graceDays: numberOf('--grace-days', graceDays) }] }),
    );
  addPin(command);
  command
    .command('remove')
    .description('Take entries back.')
    .argument('<launch|retirement|pin>')
    .argument('<OF>', 'the title; for a pin the title or rendition that it pins, or all of its line in show')
    .addOption(plannerAdminOption())
    .action(async (kind: string, of: string, { plannerAdmin }: Options) => {
      const target = `/v1/calendar?kind=${encodeURIComponent(kind)}&of=${encodeURIComponent(of)}`;
      const answer = await withAdmin(plannerAdmin, (admin) => admin.send('DELETE', target));
      const { removed } = parseContract('removal from a calendar', removedSchema, answer);
      process.stdout.write(removed.map((key) => `removed ${kind} ${key}\n`).join(''));
    });
  command
    .command('import')
    .description('Replace the whole calendar by the document in FILE (JSON, or CSV where its name ends so).')
    .argument('<FILE>')
    .option('--add', 'keep what FILE does not name')
    .addOption(plannerAdminOption())
    .addHelpText('after', CSV_HELP + TIMES)
    .action(async (file: string, options: Options & { add?: boolean }) => {
      const text = await readText(file);
      const table = /\.csv$/i.test(file) ? readCalendarCsv(text, file) : undefined;
      try {
        await send(options, options.add === true ? 'POST' : 'PUT', table?.calendar ?? parseCalendar(text, file));
      } catch (error) {
        if (table === undefined || !isOperational(error)) throw error;
        throw new OperationalError(error.code, `${file}: ${inLinesOf(table, error.detail)}`, { cause: error });
      }
    });
  return command;
}

function addLaunch(command: Command): void {
  command
    .command('launch')
    .description('Say when a title starts, where, and what to expect of its first days.')
    .argument('<TITLE>')
    .requiredOption('--at <TIME>', 'when viewers may first watch it')
    .option('--region <REGION...>', 'only there [default: everywhere]')
    .option('--like <TITLE>', 'expect of it what this title had in its own first days')
    .option('--factor <N>', 'times this')
    .option('--bytes-per-day <BYTES>', 'or expect so many bytes on the first day')
    .option('--embargo', 'steering does not know the title before its time')
    .addOption(plannerAdminOption())
    .addHelpText(
      'after',
      `
Without --like and --bytes-per-day it is predicted as any new title.
--embargo: appliances are filled before the time, but steering is not told of the title, so it hands out no URL and signs
none. Where appliances ask for signed URLs (--tokens require) nobody can fetch it early; where they do not, whoever
guesses a path can.
${TIMES}`,
    )
    .action(
      async (
        title: string,
        {
          at,
          region,
          like,
          factor,
          bytesPerDay,
          embargo,
          ...options
        }: Options & {
          at: string;
          region?: string[];
          like?: string;
          factor?: string;
          bytesPerDay?: string;
          embargo?: boolean;
        },
      ) =>
        add(options, {
          launches: [
            {
              title,
              at,
              regions: region,
              like,
              factor: numberOf('--factor', factor),
              bytesPerDay: numberOf('--bytes-per-day', bytesPerDay),
              embargo,
            },
          ],
        }),
    );
}

function addPin(command: Command): void {
  command
    .command('pin')
    .description('Hold a title or a rendition whatever its demand.')
    .argument('<TITLE|TITLE/NAME>')
    .option('--head', 'only what a start needs')
    .option('--cluster <ID>', 'only there')
    .option('--site <ID>', 'only there')
    .option('--region <REGION>', 'only there [default: everywhere]')
    .option('--until <TIME>', 'until then [default: until it is removed]')
    .option('--reason <TEXT>', 'for who reads the plan later')
    .addOption(plannerAdminOption())
    .addHelpText('after', TIMES)
    .action(
      async (
        subject: string,
        {
          head,
          plannerAdmin,
          ...members
        }: Options & {
          head?: boolean;
          cluster?: string;
          site?: string;
          region?: string;
          until?: string;
          reason?: string;
        },
      ) => {
        const { cluster, site, region, until, reason } = members;
        const named = subject.includes('/') ? { rendition: subject } : { title: subject };
        const part = head === true ? { part: 'head' } : {};
        await add({ plannerAdmin }, { pins: [{ ...named, ...part, cluster, site, region, until, reason }] });
      },
    );
}

const add = (options: Options, calendar: object): Promise<void> => send(options, 'POST', calendar);

async function send({ plannerAdmin }: Options, method: 'POST' | 'PUT', calendar: object): Promise<void> {
  const answer = await withAdmin(plannerAdmin, (admin) => admin.send(method, '/v1/calendar', calendar));
  const { added, changed, unchanged, removed, notThereYet } = parseContract(
    'change of a calendar',
    changeSchema,
    answer,
  );
  process.stdout.write(
    `${added} added, ${changed} changed, ${unchanged} as before, ${removed} removed\n` +
      (added + changed + removed === 0 ? '' : "It counts from the next plan cycle on; to plan now: 'oca plan run'\n"),
  );
  process.stderr.write(notThereYet.map((what) => `note: there is no ${what} yet\n`).join(''));
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

function parseCalendar(text: string, file: string): object {
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document === 'object' && document !== null) return document;
  } catch (error) {
    throw new OperationalError('CONFIG_INVALID', `${file}: ${messageOf(error)}`, { cause: error });
  }
  throw new OperationalError(
    'CONFIG_INVALID',
    `${file}: must be a JSON object; 'oca calendar import --help' shows one`,
  );
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new OperationalError('CONFIG_INVALID', `${flag} must be a number, not '${text}'`);
}

async function show({ plannerAdmin, json }: Options): Promise<void> {
  const { calendar, notThereYet } = parseContract(
    'calendar of a planner',
    shownSchema,
    await askPlanner(plannerAdmin, '/v1/calendar'),
  );
  if (json === true) {
    process.stdout.write(`${JSON.stringify(calendar, null, 2)}\n`);
    return;
  }
  const rows = rowsOf(calendar);
  process.stdout.write(
    rows.length === 0
      ? "The calendar is empty: 'oca calendar --help' shows what may be in it\n"
      : `${formatTable(['WHEN', 'WHAT', 'OF', 'WHERE', 'MORE'], rows)}\n`,
  );
  process.stderr.write(notThereYet.map((what) => `note: there is no ${what} yet\n`).join(''));
}

/** In the order of time; pins, which hold now, first. */
function rowsOf({ launches, retirements, pins }: Shown): string[][] {
  const dated = [
    ...launches.map(({ title, at, regions, like, factor = 1, bytesPerDay, embargo }) => [
      minuteOf(at),
      'launch',
      title,
      regions?.join(' ') ?? 'everywhere',
      [
        like === undefined ? '' : `like ${like}${factor === 1 ? '' : ` times ${factor}`}`,
        bytesPerDay === undefined ? '' : `${formatBytes(bytesPerDay)} on the first day`,
        embargo === true ? 'embargo' : '',
      ]
        .filter((word) => word !== '')
        .join(', '),
    ]),
    ...retirements.map(({ title, at, graceDays }) => [
      minuteOf(at),
      'retirement',
      title,
      'everywhere',
      `deleted ${graceDays} days later`,
    ]),
  ];
  const pinned = pins.map(({ title, rendition, part, cluster, site, region, until, reason }) => [
    until === undefined ? 'always' : `to ${minuteOf(until)}`,
    part === 'head' ? 'pin head' : 'pin',
    rendition ?? title ?? '',
    cluster === undefined
      ? site === undefined
        ? region === undefined
          ? 'everywhere'
          : `region ${region}`
        : `site ${site}`
      : `cluster ${cluster}`,
    reason ?? '',
  ]);
  return [...pinned, ...dated.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))];
}

const minuteOf = (text: string): string => `${text.slice(0, 16).replace('T', ' ')}Z`;
