import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { FLEET, lastingPart } from '../fill-planner/running-planner.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MEDIA = join(ROOT, 'deploy/demo/title/media');
const run = promisify(execFile);

let folder: string;
let planner: ChildService | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oca-planner-'));
});
afterEach(async () => {
  await planner?.end('SIGKILL');
  planner = undefined;
  await rm(folder, { recursive: true, force: true });
});

const start = (): Promise<ChildService> =>
  ChildService.start({
    words: serviceWords('fill-planner', {
      state: join(folder, 'state'),
      listen: '127.0.0.1:0',
      adminListen: '127.0.0.1:0',
      origin: 'http://origin.example',
      minSavedPerFilled: 0,
    }),
    logFile: join(folder, 'planner.log'),
  });

const adminUrl = (): string => planner?.addresses['admin'] ?? '';
const ask = async (target: string): Promise<unknown> => (await fetch(adminUrl() + target)).json();

/** Runs an `oca` tool against the planner and gives what it printed. */
async function oca(...words: string[]): Promise<string> {
  const environment = { ...process.env, OCA_PLANNER_ADMIN: adminUrl() };
  const { stdout } = await run(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...words], { env: environment });
  return stdout;
}

async function fillPlanner(): Promise<void> {
  await writeFile(join(folder, 'fleet.json'), JSON.stringify(FLEET));
  await oca('fleet', 'set', join(folder, 'fleet.json'));
  await oca('title', 'add', MEDIA, '--id', 'demo', '--name', 'The demo');
  await oca('plan', 'run', '--fill-now', '600');
}

test('an operator sets a fleet, adds a title, plans and reads why each file goes where', async () => {
  planner = await start();
  await writeFile(join(folder, 'fleet.json'), JSON.stringify(FLEET));
  expect(await oca('fleet', 'set', join(folder, 'fleet.json'))).toMatch(
    /fleet version 1: 2 sites, 2 clusters, 3 appliances/,
  );
  expect(await oca('fleet', 'show')).toMatch(/^a1 +c1 +s1 +de +100 MB +02:00 \+6 h Europe\/Berlin/m);
  expect(JSON.parse(await oca('fleet', 'show', '--json'))).toEqual(FLEET);
  expect(await oca('title', 'add', MEDIA, '--id', 'demo')).toMatch(/added demo: 5 renditions, 10 files/);
  expect(await oca('title', 'add', MEDIA, '--id', 'demo')).toMatch(/^unchanged demo/);
  expect(await oca('title', 'list')).toMatch(/^demo +demo +62 +5 +10 /m);
  expect(await oca('plan', 'run', '--fill-now', '10')).toMatch(/^a1 +1 +new +5 +10 /m);
  expect(await oca('plan', 'show')).toMatch(/^b1 +1 +10 .*not reported/m);
  expect(await oca('plan', 'show', 'b1')).toMatch(
    /\/demo\/v144\.mp4 .* tier a[12], origin after 600 s +there is room for it$/m,
  );
  expect(await oca('title', 'remove', 'demo')).toBe('removed demo\n');
  expect(await oca('title', 'list')).toMatch(/empty/);
});

test('a tool that is refused says why in one line and fails', async () => {
  planner = await start();
  const media = join(folder, 'media');
  await import('node:fs/promises').then(({ cp }) => cp(MEDIA, media, { recursive: true }));
  await writeFile(join(media, 'v240.mp4'), 'not a movie');
  await expect(oca('title', 'add', media, '--id', 'broken')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/oca: the title is broken and was refused \(v240\.mp4: .*\)\n$/) as string,
  });
});

test('kill -9 loses nothing that was answered', async () => {
  planner = await start();
  await fillPlanner();
  const kept = async (): Promise<unknown> => [
    await ask('/v1/titles'),
    await ask('/v1/fleet'),
    lastingPart(await ask('/v1/plans/a1')),
    lastingPart(await ask('/v1/plans/b1')),
  ];
  const before = await kept();
  await planner.end('SIGKILL');
  planner = await start();
  expect(await kept()).toEqual(before);
});

test('kill -9 in the middle of taking a title in leaves the catalogue whole, and the title can be added again', async () => {
  planner = await start();
  await fillPlanner();
  const before = await ask('/v1/titles');
  const response = await fetch(`${adminUrl()}/v1/titles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: MEDIA, id: 'second' }),
  });
  // The first line is out while the rest is still being read.
  await response.body?.getReader().read();
  await planner.end('SIGKILL');
  planner = await start();
  const titles = (await ask('/v1/titles')) as { titles: { id: string }[] };
  if (titles.titles.length === 1) expect(titles).toEqual(before);
  expect(await oca('title', 'add', MEDIA, '--id', 'second')).toMatch(/^(?:added|unchanged) second/);
});

test('SIGTERM ends the planner in order, and a second planner on its state directory does not start', async () => {
  planner = await start();
  await expect(start()).rejects.toThrow(/ended \(1\) before it was ready/);
  await planner.end('SIGTERM');
  expect(planner.running).toBe(false);
  planner = await start();
  expect(await ask('/readyz')).toEqual({ status: 'ready', reasons: [] });
});
