import { z } from 'zod';
import { parseContract } from '../contracts/contract.ts';
import { OperationalError } from '../errors/operational-error.ts';
import { withAdmin } from './admin-call.ts';
import { applianceAdminOption } from './appliance-admin.ts';
import { Command, Option } from './commander.ts';
import { formatBytes } from './quantity.ts';

const reportSchema = z.object({
  status: z.string(),
  purged: z.object({ objects: z.number(), blocks: z.number(), bytes: z.number() }),
  onTheirWayIn: z.object({ questions: z.number(), blocks: z.number() }),
  onTheirWayOut: z.object({ answers: z.number(), cut: z.number() }),
  refilledByThePlan: z.object({ objects: z.number() }).optional(),
});

interface PurgeOptions {
  readonly applianceAdmin: string;
  readonly prefix?: string;
  readonly title?: string;
  readonly tag?: string;
  readonly etag?: string;
  readonly cut?: boolean;
  readonly json?: boolean;
}

const HELP = `
Say what is meant in one way:
  oca purge /film/1080p.mp4                 one path; with its query, if it has one
  oca purge /live.m3u8 --etag '"v7"'        one generation of it, and no newer one
  oca purge --prefix /live/                 every path that begins so; / is everything
  oca purge --title big-buck-bunny          the files that the plan has of a title
  oca purge --tag sport                     what the origin gave this tag (Cache-Tag, Surrogate-Key or xkey)

When the command ends, no answer with the old content begins any more, also after a restart. Bodies that are being sent
go on to their end; --cut resets their connections. What the plan names is filled again by the plan.
Each appliance is asked by itself:
  oca purge /film.mp4 --appliance-admin http://10.0.0.7:8081`;

export function purgeCommand(): Command {
  return new Command('purge')
    .description('Make an appliance forget content: one path, a prefix, a title or a tag.')
    .argument('[PATH]', 'path of one object')
    .option('--prefix <PATH>', 'all paths that begin so')
    .option('--title <ID>', 'all files that the plan has of a title')
    .option('--tag <TAG>', 'all objects with this tag')
    .option('--etag <TAG>', 'only the generation of PATH with this entity tag, quotes and all')
    .option('--cut', 'reset the connections on which it is being sent')
    .addOption(new Option('--json', 'print the answer as it is'))
    .addOption(applianceAdminOption())
    .addHelpText('after', HELP)
    .action(runPurge);
}

async function runPurge(path: string | undefined, options: PurgeOptions): Promise<void> {
  const { prefix, title, tag, etag } = options;
  if ([path, prefix, title, tag].filter((value) => value !== undefined).length !== 1) {
    throw new OperationalError('CONFIG_INVALID', 'say what to purge: a PATH, or one of --prefix, --title and --tag');
  }
  const answer = await withAdmin(options.applianceAdmin, (admin) =>
    admin.post('/v1/purge', { path, prefix, title, tag, etag, mode: options.cut === true ? 'cut' : 'finish' }),
  );
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  const report = parseContract('report of a purge', reportSchema, answer);
  const { purged, onTheirWayIn, onTheirWayOut, refilledByThePlan } = report;
  process.stdout.write(
    `purged ${purged.objects} objects with ${purged.blocks} blocks, ${formatBytes(purged.bytes)}\n` +
      `on the way in: ${onTheirWayIn.questions} questions to the origin and ${onTheirWayIn.blocks} blocks, for nobody new\n` +
      `on the way out: ${onTheirWayOut.answers} answers, ${onTheirWayOut.cut} of them cut\n` +
      (refilledByThePlan === undefined ? '' : `the plan fills ${refilledByThePlan.objects} of them again\n`),
  );
}
