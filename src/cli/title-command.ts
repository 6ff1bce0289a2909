import { resolve } from 'node:path';
import { z } from 'zod';
import { HttpClient } from '../client/http-client.ts';
import { ContractError, parseContract } from '../contracts/contract.ts';
import { ERROR_CODES, type ErrorCode } from '../errors/error-codes.ts';
import { messageOf, OperationalError } from '../errors/operational-error.ts';
import { adminBaseUrl, withAdmin } from './admin-call.ts';
import { Command } from './commander.ts';
import { askPlanner, plannerAdminOption } from './planner-admin.ts';
import { createProgressBar, type ProgressBar } from './progress-bar.ts';
import { formatBytes, formatTime } from './quantity.ts';
import { formatTable } from './table.ts';

const listSchema = z.object({
  titles: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      durationMs: z.number(),
      originUrl: z.string(),
      renditionCount: z.number(),
      fileCount: z.number(),
      sizeBytes: z.number(),
      changedAtMs: z.number(),
    }),
  ),
});

const problemSchema = z.object({ code: z.string(), detail: z.string() });

const lineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('waiting'), aheadCount: z.number() }),
  z.object({
    kind: z.literal('progress'),
    path: z.string(),
    doneFileCount: z.number(),
    fileCount: z.number(),
    doneBytes: z.number(),
    knownBytes: z.number(),
    doneShare: z.number(),
  }),
  z.object({
    kind: z.literal('done'),
    changed: z.boolean(),
    catalogueVersion: z.number(),
    fileCount: z.number(),
    knownBytes: z.number(),
    title: z.object({ id: z.string(), durationMs: z.number(), sizeBytes: z.number(), renditions: z.array(z.string()) }),
  }),
  z.object({
    kind: z.literal('progress-of-all'),
    titleId: z.string(),
    doneTitleCount: z.number(),
    foundTitleCount: z.number(),
    isFoundAll: z.boolean(),
    doneBytes: z.number(),
  }),
  z.object({
    kind: z.literal('title'),
    source: z.string(),
    id: z.string().optional(),
    changed: z.boolean().optional(),
    sizeBytes: z.number().optional(),
    problem: problemSchema.optional(),
  }),
  z.object({
    kind: z.literal('all-done'),
    added: z.number(),
    unchanged: z.number(),
    failed: z.number(),
    catalogueVersion: z.number(),
  }),
  z.object({ kind: z.literal('failed'), problem: problemSchema }),
]);
type IngestLine = z.infer<typeof lineSchema>;
type LineOf<K extends IngestLine['kind']> = Extract<IngestLine, { kind: K }>;

interface AddOptions {
  readonly plannerAdmin: string;
  readonly id?: string;
  readonly name?: string;
  readonly pathPrefix?: string;
  readonly origin?: string;
  readonly all?: boolean;
  readonly reread?: boolean;
}

export function titleCommand(): Command {
  const command = new Command('title').description("Add titles to the planner's catalogue, list and remove them.");
  command
    .command('add')
    .summary('Take in a title, or all titles below a folder.')
    .description(
      'Take in a packaged title: CMAF files with an HLS multivariant playlist, a DASH MPD, or both. ' +
        'What was cut off goes on where it stood; what is known and has not changed is not read again.',
    )
    .argument(
      '<DIR|URL|s3://BUCKET/PREFIX>',
      'directory on the planner, http(s) URL or place in the object store: a folder, a manifest or a single CMAF file',
    )
    .option('--id <ID>', 'id in the catalogue [default: from the last part of the path]')
    .option('--name <NAME>', 'name for people [default: the id]')
    .option('--path-prefix <PATH>', 'public URL path of the folder [default: of the URL, or /ID]')
    .option('--origin <URL>', "origin that serves the title [default: of the URL, or the planner's --origin]")
    .option('--all', 'every title below the directory or prefix: each folder with master.m3u8 or manifest.mpd')
    .option('--reread', 'read every file, known or not')
    .addOption(plannerAdminOption())
    .addHelpText(
      'after',
      '\nExamples:\n  oca title add https://origin.example.net/vod/t123/master.m3u8\n  oca title add ./media --id demo --origin http://127.0.0.1:9000\n  oca title add s3://vod/films --all --origin https://origin.example.net',
    )
    .action(addTitle);
  command
    .command('list')
    .description('List the titles of the catalogue.')
    .option('--json', 'print the answer as it is')
    .addOption(plannerAdminOption())
    .action(listTitles);
  command
    .command('remove')
    .description('Forget a title: the next plan is without it.')
    .argument('<ID>')
    .addOption(plannerAdminOption())
    .action(async (id: string, options: { plannerAdmin: string }) => {
      await withAdmin(options.plannerAdmin, (admin) => admin.send('DELETE', `/v1/titles/${encodeURIComponent(id)}`));
      process.stdout.write(`removed ${id}\n`);
    });
  return command;
}

async function addTitle(source: string, options: AddOptions): Promise<void> {
  const isUrl = /^(?:https?|s3):\/\//i.test(source);
  const request = {
    source: isUrl ? source : resolve(source),
    ...(options.id === undefined ? {} : { id: options.id }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.pathPrefix === undefined ? {} : { pathPrefix: options.pathPrefix }),
    ...(options.origin === undefined ? {} : { originUrl: options.origin.replace(/\/+$/, '') }),
    ...(options.all === true ? { all: true } : {}),
    ...(options.reread === true ? { reread: true } : {}),
  };
  const bar = createProgressBar(process.stderr);
  let result: IngestLine | undefined;
  try {
    for await (const line of ingestLines(adminBaseUrl(options.plannerAdmin), request)) {
      if (line.kind === 'waiting') bar.update(undefined, `waiting: ${line.aheadCount} titles were asked for before`);
      else if (line.kind === 'progress') showProgress(bar, line);
      else if (line.kind === 'progress-of-all') showProgressOfAll(bar, line);
      else if (line.kind === 'title') showTitle(bar, line);
      else result = line;
    }
  } finally {
    bar.end();
  }
  if (result?.kind === 'done') showDone(result);
  else if (result?.kind === 'all-done') showAllDone(result);
  else throw failureOf(result);
}

function showDone({ title, changed, catalogueVersion, fileCount, knownBytes }: LineOf<'done'>): void {
  process.stdout.write(
    `${changed ? 'added' : 'unchanged'} ${title.id}: ${title.renditions.length} renditions, ${fileCount} files, ` +
      `${formatBytes(title.sizeBytes)}, ${Math.round(title.durationMs / 1000)} s; catalogue version ${catalogueVersion}\n` +
      (knownBytes > 0 ? `${formatBytes(knownBytes)} were known from before and not read again (--reread does)\n` : '') +
      (changed ? "It is in the next plan; to plan now: 'oca plan run'\n" : ''),
  );
}

function showAllDone({ added, unchanged, failed, catalogueVersion }: LineOf<'all-done'>): void {
  process.stdout.write(
    `${added} added, ${unchanged} unchanged, ${failed} refused; catalogue version ${catalogueVersion}\n`,
  );
  if (added + unchanged + failed === 0) process.stdout.write('No folder has a master.m3u8 or manifest.mpd.\n');
  // The others are in the catalogue; whoever runs this from a script still learns that something is missing.
  if (failed > 0) process.exitCode = 1;
}

function showProgress(bar: ProgressBar, line: LineOf<'progress'>): void {
  bar.update(
    line.doneShare,
    `${line.doneFileCount + 1}/${line.fileCount} ${line.path} ${formatBytes(line.doneBytes)}` +
      (line.knownBytes > 0 ? `, ${formatBytes(line.knownBytes)} known` : ''),
  );
}

function showProgressOfAll(bar: ProgressBar, line: LineOf<'progress-of-all'>): void {
  const { doneTitleCount, foundTitleCount, isFoundAll, doneBytes, titleId } = line;
  const text = `${doneTitleCount}/${foundTitleCount}${isFoundAll ? '' : '+'} titles, ${formatBytes(doneBytes)}, ${titleId}`;
  // While the source is still looked through, nobody knows what the whole is.
  bar.update(isFoundAll ? doneTitleCount / Math.max(1, foundTitleCount) : undefined, text);
}

/** Only what needs an operator: the rest is in the count at the end. */
function showTitle(bar: ProgressBar, { source, problem }: LineOf<'title'>): void {
  if (problem === undefined) return;
  bar.end();
  process.stderr.write(`refused ${source}: ${problem.detail}\n`);
}

function failureOf(line: IngestLine | undefined): OperationalError {
  if (line?.kind !== 'failed')
    return new OperationalError('SERVICE_PROTOCOL', 'the planner ended its answer without a result');
  const { code, detail } = line.problem;
  return new OperationalError(Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'SERVICE_STATUS', detail);
}

/** The planner's answer line by line, as it works: a line at least every few seconds while it waits or reads. */
async function* ingestLines(baseUrl: string, request: object): AsyncGenerator<IngestLine> {
  const http = new HttpClient({ connectTimeoutMs: 3000, maxConnectionsPerHost: 1 });
  try {
    const response = await http.request({
      url: `${baseUrl}/v1/titles`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      headersTimeoutMs: 30_000,
      bodyTimeoutMs: 120_000,
    });
    if (response.status !== 200) {
      let text = '';
      for await (const piece of response.body) text = (text + piece.toString('utf8')).slice(0, 10_000);
      const problem = z.object({ detail: z.string() }).safeParse(decodeLine(text));
      throw new OperationalError('SERVICE_STATUS', problem.success ? problem.data.detail : `status ${response.status}`);
    }
    let rest = '';
    for await (const piece of response.body) {
      const lines = (rest + piece.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield parseContract('line of an ingest', lineSchema, decodeLine(line));
    }
  } finally {
    await http.destroy();
  }
}

function decodeLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ContractError('answer of a planner', [messageOf(error)]);
  }
}

async function listTitles(options: { plannerAdmin: string; json?: boolean }): Promise<void> {
  const body = await askPlanner(options.plannerAdmin, '/v1/titles');
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
    return;
  }
  const { titles } = parseContract('list of titles', listSchema, body);
  const rows = titles.map((title) => [
    title.id,
    title.name,
    `${Math.round(title.durationMs / 1000)}`,
    String(title.renditionCount),
    String(title.fileCount),
    formatBytes(title.sizeBytes),
    formatTime(title.changedAtMs),
    title.originUrl,
  ]);
  process.stdout.write(
    titles.length === 0
      ? 'The catalogue is empty: oca title add DIR|URL\n'
      : `${formatTable(['TITLE', 'NAME', 'SECONDS', 'RENDITIONS', 'FILES', 'SIZE', 'CHANGED', 'ORIGIN'], rows)}\n`,
  );
}
