import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FLEET, RunningPlanner } from '../../fill-planner/running-planner.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../src/cli/main.ts');
const run = promisify(execFile);
let planner: RunningPlanner;

beforeAll(async () => {
  planner = await RunningPlanner.start({ allowUnsignedLoopback: true });
  await planner.admin.send('PUT', '/v1/fleet', FLEET);
});
afterAll(() => planner[Symbol.asyncDispose]());

/** What a tool prints, and with what it ends. */
async function oca(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, OCA_PLANNER_ADMIN: planner.adminUrl };
  try {
    const { stdout, stderr } = await run(process.execPath, [PROGRAM, ...words], { env });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

test('oca calendar writes, shows, imports and takes back; what is wrong is named with its fix', async () => {
  const launched = await oca('calendar', 'launch', 'film', '--at', '2030-12-01 20:00 Europe/Berlin', '--region', 'de');
  expect(launched).toMatchObject({ code: 0, out: expect.stringMatching(/^1 added, 0 changed/) as string });
  expect(launched.err).toBe('note: there is no title film yet\n');
  await oca('calendar', 'pin', 'film/v1', '--head', '--site', 's1', '--reason', 'a contract');
  await oca('calendar', 'retire', 'film', '--at', '2031-01-01T00:00Z', '--grace-days', '3');
  const { out } = await oca('calendar', 'show');
  expect(out).toMatch(/^2030-12-01 19:00Z +launch +film +de$/m);
  expect(out).toMatch(/^always +pin head +film\/v1 +site s1 +a contract$/m);
  expect(out).toMatch(/^2031-01-01 00:00Z +retirement +film +everywhere +deleted 3 days later$/m);
  const wrong = await oca('calendar', 'launch', 'film', '--at', 'tomorrow');
  expect(wrong).toMatchObject({
    code: 1,
    err: expect.stringContaining('write 2026-12-01T20:00Z, 2026-12-01T20:00+01:00') as string,
  });

  const kept = join(planner.folder, 'calendar.json');
  writeFileSync(kept, (await oca('calendar', 'show', '--json')).out);
  const table = join(planner.folder, 'calendar.csv');
  writeFileSync(table, 'kind,title,at,like\nlaunch,other,2030-01-01T00:00Z,film\n');
  expect((await oca('calendar', 'import', table)).out).toMatch(/^1 added, 0 changed, 0 as before, 3 removed/);
  const broken = join(planner.folder, 'broken.csv');
  writeFileSync(broken, 'kind,title,at\nlaunch,other,2030-01-01T00:00Z\nretirement,old,soon\n');
  expect(await oca('calendar', 'import', broken)).toMatchObject({
    code: 1,
    err: expect.stringContaining("line 3: at: 'soon' is no time with a zone") as string,
  });
  expect((await oca('calendar', 'import', kept)).out).toMatch(/^3 added, 0 changed, 0 as before, 1 removed/);
  expect((await oca('calendar', 'remove', 'pin', 'film/v1')).out).toBe('removed pin film/v1 head site s1\n');
  expect((await oca('calendar', 'remove', 'pin', 'film/v1')).err).toMatch(/has no pin of 'film\/v1'/);
});

test('oca trigger gives, lists, shows and cancels; a failed one ends the tool with 1', async () => {
  const given = await oca('trigger', 'purge', '/a.mp4', '--pattern', '/live/*');
  expect(given.out).toMatch(/^purge [0-9a-f-]{36} by operator, .*: pending\n\/a\.mp4 and 1 more\n/);
  const id = /[0-9a-f-]{36}/.exec(given.out)?.[0] ?? '';
  const results = [{ triggerId: id, state: 'complete', objectCount: 2, bytes: 5e6, detail: '' }];
  await planner.stranger.post('/v1/trigger-report', { version: 1, applianceId: 'a1', reportedAtMs: 1, results });
  expect((await oca('trigger', 'list')).out).toMatch(new RegExp(`^${id} +purge +operator +active +1/3 `, 'm'));
  expect((await oca('trigger', 'show', id)).out).toMatch(/^a1 +complete +2 +5\.00 MB /m);
  expect((await oca('trigger', 'cancel', id)).out).toBe(`${id}: cancelled\n`);
  expect(await oca('trigger', 'preposition', '/nowhere.mp4')).toMatchObject({
    code: 1,
    out: expect.stringContaining("econtent: it is in no title of the catalogue: 'oca title add' first") as string,
  });
  expect(await oca('trigger', 'purge')).toMatchObject({
    code: 78,
    err: expect.stringContaining('say what to purge') as string,
  });
  const { out, err } = await oca('trigger', 'token', 'acme', '--prefix', '/vod/acme/');
  expect(JSON.parse(out)).toMatchObject([{ name: 'acme', prefixes: ['/vod/acme/'] }]);
  expect(err).toMatch(/^token of acme, shown once: [\w-]{32}\n$/);
});

test('oca savings prints a month and writes its page', async () => {
  expect((await oca('savings')).out).toMatch(/^savings of \d{4}-\d{2} until .*\nNothing was told of this month/);
  const file = join(planner.folder, 'savings.html');
  expect((await oca('savings', '--month', '2030-01', '--html', file)).out).toBe(`wrote ${file}\n`);
  expect(readFileSync(file, 'utf8')).toContain('<h1>Savings of 2030-01</h1>');
  expect(await oca('savings', '--site', 'mars')).toMatchObject({
    code: 1,
    err: expect.stringContaining('there are: s1, s2') as string,
  });
});

test('oca plan run says why a new planner plans next to nothing; a cluster that is not there is not published', async () => {
  const { code, out } = await oca('plan', 'run');
  expect(code).toBe(0);
  expect(out).toMatch(/^a1 +1 +new +0 +0 +0 B$/m);
  expect(await oca('plan', 'publish', 'mars')).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no cluster 'mars' in the fleet") as string,
  });
});
