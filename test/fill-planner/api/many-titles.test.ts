import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DEMO_MEDIA, temporaryFolder } from '../catalog/demo-title.ts';
import { RunningPlanner } from '../running-planner.ts';

/** A folder of titles as an archive has them: by year, some of it broken, some of it no title. */
async function archive() {
  const folder = await temporaryFolder();
  for (const title of ['2024/one', '2024/Two Words', '2025/one', '2025/broken'])
    await cp(DEMO_MEDIA, join(folder.path, title), { recursive: true });
  await writeFile(join(folder.path, '2025/broken/v240.mp4'), 'no movie');
  await mkdir(join(folder.path, 'notes'));
  // Below a title everything is the title's own.
  await cp(DEMO_MEDIA, join(folder.path, '2024/one/extras'), { recursive: true });
  return folder;
}

// Whoever runs this may have credentials for a store of his own.
beforeEach(() => {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

interface Line {
  readonly kind: string;
  readonly [member: string]: unknown;
}

const titleLines = (lines: readonly Line[]): Line[] => lines.filter(({ kind }) => kind === 'title');

test('all titles below a folder are taken in, the broken one is named, and a second time nothing is read', async () => {
  await using folder = await archive();
  await using planner = await RunningPlanner.start({ intakeTitles: 2 });
  const request = { source: folder.path, all: true, originUrl: 'http://origin.example', pathPrefix: '/vod' };
  const lines: Line[] = await planner.addTitle(request);
  expect(lines.at(-1)).toMatchObject({ kind: 'all-done', added: 3, unchanged: 0, failed: 1 });
  const taken = titleLines(lines).filter(({ problem }) => problem === undefined);
  expect(taken.map(({ id }) => String(id)).sort()).toEqual(['2024-one', '2024-two-words', '2025-one']);
  const failed = titleLines(lines).find(({ problem }) => problem !== undefined);
  expect(failed).toMatchObject({ source: `${folder.path}/2025/broken`, problem: { code: 'MEDIA_BROKEN' } });
  const answer = await planner.admin.get('/v1/titles/2024-two-words');
  expect(JSON.stringify(answer)).toContain('/vod/2024/Two%20Words/v144.mp4');

  const metrics = await (await fetch(`${planner.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/^planner_intake_titles_total\{outcome="added"\} 3$/m);
  expect(metrics).toMatch(/^planner_intake_titles_total\{outcome="refused"\} 1$/m);
  expect(metrics).toMatch(/^planner_intake_read_bytes_total [1-9]\d{6,}$/m);

  await rm(join(folder.path, '2025/broken'), { recursive: true });
  const again: Line[] = await planner.addTitle(request);
  expect(again.at(-1)).toMatchObject({ kind: 'all-done', added: 0, unchanged: 3, failed: 0 });
  expect(titleLines(again).every(({ knownBytes }) => Number(knownBytes) > 1_000_000)).toBe(true);
});

test('two folders that would be called the same are not taken for one title', async () => {
  await using folder = await temporaryFolder();
  for (const title of ['a/b', 'a-b']) await cp(DEMO_MEDIA, join(folder.path, title), { recursive: true });
  await using planner = await RunningPlanner.start();
  const lines: Line[] = await planner.addTitle({ source: folder.path, all: true, originUrl: 'http://o' });
  expect(lines.at(-1)).toMatchObject({ kind: 'all-done', added: 1, failed: 1 });
  expect(JSON.stringify(titleLines(lines))).toMatch(/another folder is called 'a-b'/);
});

test.each([
  [{ source: 'http://127.0.0.1:1/vod/', all: true }, /does not list its folders/],
  [{ source: '/nowhere', all: true, originUrl: 'http://o' }, /\/nowhere/],
  [{ source: DEMO_MEDIA, all: true, id: 'x', originUrl: 'http://o' }, /of one title, not of all/],
  [{ source: 's3://vod/films', originUrl: 'http://o' }, /no credentials for the store/],
  [{ source: 's3://', originUrl: 'http://o' }, /is not s3:\/\/BUCKET\/PREFIX/],
])('%o is refused in words', async (request, words) => {
  await using planner = await RunningPlanner.start();
  const lines = await planner.addTitle(request);
  expect(lines.at(-1)?.kind).toBe('failed');
  expect(JSON.stringify(lines.at(-1))).toMatch(words);
});

test('a title that is one CMAF file needs no manifest', async () => {
  await using planner = await RunningPlanner.start();
  const request = { source: join(DEMO_MEDIA, 'v144.mp4'), id: 'clip', originUrl: 'http://origin.example' };
  expect((await planner.addTitle(request)).at(-1)).toMatchObject({
    kind: 'done',
    fileCount: 1,
    title: { id: 'clip', durationMs: 62_000, renditions: ['clip/v144'] },
  });
  await planner.admin.post('/v1/plan-cycle', {});
  const listed = await planner.admin.get('/v1/titles');
  expect(JSON.stringify(listed)).toContain('"renditionCount":1');
});
