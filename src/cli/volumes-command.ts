import { resolve } from 'node:path';
import { z } from 'zod';
import { numberParameter, ParameterError } from '../config/parameter.ts';
import { parseContract } from '../contracts/contract.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { Command, Option } from './commander.ts';
import { formatBytes } from './quantity.ts';
import { formatTable } from './table.ts';

const volumeSchema = z.object({
  uuid: z.string(),
  dir: z.string(),
  state: z.string(),
  writes: z.string(),
  reason: z.string().optional(),
  isDraining: z.boolean(),
  capacityBytes: z.number(),
  usedBytes: z.number(),
  freeBytes: z.number().optional(),
  objectCount: z.number(),
  errorCount: z.number(),
});
type Volume = z.infer<typeof volumeSchema>;
const listSchema = z.object({ volumes: z.array(volumeSchema), removed: z.array(z.string()) });
const oneSchema = z.object({ volume: volumeSchema });

interface Options {
  readonly applianceAdmin: string;
  readonly json?: boolean;
}

const STATES = `
States:
  online     read and written
  suspect    errors or slowness above budget: read, nothing new is put there; online again after a calm minute
  failing    who reads finishes, nothing else; what it holds is filled again elsewhere
  offline    closed, its lock given back; tried again by itself, and taken back after three good tries
Writes: taken, full, read-only or refused. What is not taken is passed through to viewers and not kept.

To replace a disk:
  oca volumes drain /srv/oca/disk3       optional: nothing new is put there, it is read on
  oca volumes remove /srv/oca/disk3      closed; unmount it, swap the disk, make a file system, mount it
  oca volumes add /srv/oca/disk3
Nothing is copied to other volumes: what is asked for or planned is filled again from peers or the origin.`;

export function volumesCommand(): Command {
  const command = new Command('volumes')
    .description('Show the disks of an appliance; add, drain, remove, re-initialise them while it runs.')
    .addHelpText('after', STATES);
  command
    .command('list', { isDefault: true })
    .description('Show every volume: state, what it holds, and what is wrong.')
    .option('--json', 'print the answer as it is')
    .addOption(applianceAdminOption())
    .action(listVolumes);
  command
    .command('add')
    .description('Take in a disk, now and after every restart. Adding one that is there changes nothing.')
    .argument('<DIR>', 'where it is mounted on the appliance')
    .option('--capacity-bytes <BYTES>', 'most content on it, as 500G [default: as configured for all]')
    .option('--keep', 'use what it holds, also when that was never of this appliance')
    .option('--erase', 'empty it first')
    .addOption(applianceAdminOption())
    .addHelpText(
      'after',
      '\nA folder with the content of another appliance is refused without --keep or --erase: its files may be of another origin.\n\n' +
        'Examples:\n  oca volumes add /srv/oca/disk4\n  oca volumes add /srv/oca/disk4 --capacity-bytes 3.5T',
    )
    .action(addVolume);
  for (const { verb, does, after } of VERBS) {
    command
      .command(verb)
      .description(does)
      .argument('<VOLUME>', 'its folder, or its UUID')
      .addOption(applianceAdminOption())
      .addHelpText('after', `\nExample:\n  oca volumes ${verb} /srv/oca/disk3`)
      .action(async (volume: string, options: Options) => {
        const target = `/v1/volumes/${encodeURIComponent(nameOf(volume))}/${verb}`;
        await withAdmin(options.applianceAdmin, (admin) => admin.post(target, {}));
        process.stdout.write(`${volume}: ${after}\n`);
      });
  }
  return command;
}

const VERBS = [
  {
    verb: 'drain',
    does: 'Put nothing new on a volume; it is read on, until it is removed or undrained.',
    after: "nothing new is put there; when you like: 'oca volumes remove'",
  },
  { verb: 'undrain', does: 'Take a drain back.', after: 'takes new objects again' },
  {
    verb: 'remove',
    does: 'Close a volume and forget it, also where the configuration names it. Its content stays on the disk.',
    after: "closed: it may be unmounted; 'oca volumes add' takes it back",
  },
  {
    verb: 'reinit',
    does: 'Begin an empty volume in its folder, whatever is there now. What it held is filled again when it is wanted.',
    after: 'empty, with a new identity',
  },
] as const;

const applianceAdminOption = (): Option =>
  new Option('--appliance-admin <URL>', "the appliance's admin listener")
    .env('OCA_APPLIANCE_ADMIN')
    .default('http://127.0.0.1:8081');

/** A path is meant from here; the appliance does not know where that is. */
const nameOf = (volume: string): string => (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(volume) ? volume : resolve(volume));

async function addVolume(
  dir: string,
  options: Options & { readonly capacityBytes?: string; readonly keep?: boolean; readonly erase?: boolean },
): Promise<void> {
  if (options.keep === true && options.erase === true) {
    throw new OperationalError('CONFIG_INVALID', '--keep and --erase contradict each other');
  }
  const content = options.keep === true ? 'keep' : options.erase === true ? 'erase' : 'refuse';
  const request = {
    dir: resolve(dir),
    content,
    ...(options.capacityBytes === undefined ? {} : { capacityBytes: parseCapacity(options.capacityBytes) }),
  };
  const answer = await withAdmin(options.applianceAdmin, (admin) => admin.post('/v1/volumes', request));
  const { volume } = parseContract('answer of an appliance', oneSchema, answer);
  process.stdout.write(`${volume.dir}: ${volume.state}, ${formatBytes(volume.capacityBytes)}, volume ${volume.uuid}\n`);
}

const capacity = numberParameter('bytes', { min: 1, max: 2 ** 53 - 1 }, 0, '');

function parseCapacity(text: string): number {
  try {
    return Math.floor(capacity.parse(text));
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    throw new OperationalError('CONFIG_INVALID', `--capacity-bytes ${error.message}`);
  }
}

async function listVolumes(options: Options): Promise<void> {
  const answer = await withAdmin(options.applianceAdmin, (admin) => admin.get('/v1/volumes'));
  const body = answer.kind === 'body' ? answer.body : undefined;
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
    return;
  }
  process.stdout.write(describeVolumes(parseContract('volumes of an appliance', listSchema, body)));
}

/** The table, what is wrong below it, and what was removed. */
export function describeVolumes({ volumes, removed }: z.infer<typeof listSchema>): string {
  const lines: string[] = [];
  if (volumes.length === 0) lines.push("No volumes: 'oca volumes add DIR'");
  else {
    const header = ['VOLUME', 'STATE', 'WRITES', 'CAPACITY', 'USED', 'FREE', 'OBJECTS', 'ERRORS', 'UUID'];
    lines.push(formatTable(header, volumes.map(rowOf)));
  }
  for (const { dir, reason } of volumes) if (reason !== undefined) lines.push(`${dir}: ${reason}`);
  for (const dir of removed) lines.push(`${dir}: removed; 'oca volumes add ${dir}' takes it back`);
  return `${lines.join('\n')}\n`;
}

const rowOf = (volume: Volume): string[] => [
  volume.dir,
  volume.isDraining ? `${volume.state}, draining` : volume.state,
  volume.writes,
  formatBytes(volume.capacityBytes),
  formatBytes(volume.usedBytes),
  volume.freeBytes === undefined ? '-' : formatBytes(volume.freeBytes),
  String(volume.objectCount),
  String(volume.errorCount),
  volume.uuid,
];
