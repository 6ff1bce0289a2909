import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callJson } from '../../deploy/demo/call-json.ts';
import { ChildService, serviceWords } from '../../deploy/demo/child-service.ts';
import { parseFillPlan } from '../../src/contracts/fill-plan.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MEDIA = join(ROOT, 'deploy/demo/title/media');
const LATER_CLOCK = new URL('./support/later-clock.ts', import.meta.url).href;
const HOUR_MS = 3_600_000;
/** A title of the demo is 4 MB, of which its best rendition is more than half: there is room for one of these. */
const ROOM_BYTES = 4_200_000;
const run = promisify(execFile);

let folder: string;
let planner: ChildService | undefined;
let aheadMs: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oca-planner-returns-'));
  await setAhead(0);
});
afterEach(async () => {
  await planner?.end('SIGKILL');
  planner = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function setAhead(ms: number): Promise<void> {
  aheadMs = ms;
  await writeFile(join(folder, 'ahead'), String(ms));
}

async function start(): Promise<void> {
  planner = await ChildService.start({
    words: [
      ...serviceWords('fill-planner', {
        state: join(folder, 'state'),
        listen: '127.0.0.1:0',
        adminListen: '127.0.0.1:0',
        minSavedPerFilled: 0,
        origin: 'http://origin.example',
        reserveShare: 0,
        canaryClusters: 'canary',
        canaryHours: 100,
        trialHours: 168,
      }),
      '--allow-unsigned-loopback',
    ],
    environment: { NODE_OPTIONS: `--import=${LATER_CLOCK}`, OCA_TEST_CLOCK_FILE: join(folder, 'ahead') },
    logFile: join(folder, 'planner.log'),
  });
}

const admin = (): string => planner?.addresses['admin'] ?? '';
const nowMs = (): number => Date.now() + aheadMs;

async function oca(...words: string[]): Promise<string> {
  const env = { ...process.env, OCA_PLANNER_ADMIN: admin() };
  const { stdout } = await run(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...words], { env });
  return stdout;
}

/** The titles whose best rendition the plan in force of an appliance names. */
async function planned(applianceId: string): Promise<string[]> {
  const { files } = parseFillPlan(await callJson('GET', `${admin()}/v1/plans/${applianceId}`));
  return files.flatMap(({ path }) => /^\/(\w+)\/v360\.mp4$/.exec(path)?.[1] ?? []).sort();
}

/** Two sites of one small machine each, whose windows open in an hour, for an hour. */
function fleet(): object {
  const window = { start: `${String((new Date(nowMs()).getUTCHours() + 1) % 24).padStart(2, '0')}:00`, hours: 1 };
  const ids = ['canary', 'rest'];
  return {
    sites: ids.map((id) => ({ id, timeZone: 'UTC', region: 'r', fillWindow: window, fillBitsPerSec: 1e9 })),
    clusters: ids.map((id) => ({ id, siteId: id })),
    appliances: ids.map((id) => ({
      id: `a-${id}`,
      clusterId: id,
      baseUrl: `http://${id}.example`,
      capacityBytes: ROOM_BYTES,
    })),
  };
}

/** An hour in which a site asks for a title that its plan does not hold, so that all of it has to be fetched. */
async function watch(title: string, siteId: string, hourStartMs: number, servedBytes: number): Promise<void> {
  const entries = ['v144', 'v240', 'v360'].map((rung) => ({
    path: `/${title}/${rung}.mp4`,
    requests: 100,
    servedBytes,
    missedBytes: servedBytes,
  }));
  const sample = { version: 1, sampleId: randomUUID(), applianceId: `a-${siteId}`, siteId, hourStartMs, entries };
  const told = await callJson('POST', `${planner?.addresses['listen']}/v1/demand`, sample);
  expect(told).toEqual({ outcome: 'counted' });
}

const hourBefore = (hours: number): number => (Math.floor(nowMs() / HOUR_MS) - hours) * HOUR_MS;

test('a plan that the canary shows to be bad is taken back by itself, reaches nobody else, and stays back over a kill', async () => {
  await start();
  await writeFile(join(folder, 'fleet.json'), JSON.stringify(fleet()));
  await oca('fleet', 'set', join(folder, 'fleet.json'));
  await oca('title', 'add', MEDIA, '--id', 'old');
  await oca('plan', 'run');
  expect([await planned('a-canary'), await planned('a-rest')]).toEqual([['old'], ['old']]);

  // Most of the region asks for another title, so that is the plan for all; but not where the canary is.
  await oca('title', 'add', MEDIA, '--id', 'new');
  for (let back = 1; back <= 4; back += 1) await watch('new', 'rest', hourBefore(back), 3e10);
  await oca('plan', 'run');
  expect([await planned('a-canary'), await planned('a-rest')]).toEqual([['new'], ['old']]);
  expect(await oca('plan', 'rollout')).toMatch(/is at stage canary.*new plans are on trial: 0 hours judged/s);

  // From the end of the window in which the plan was to be filled.
  let hours = 0;
  await setAhead(3 * HOUR_MS);
  while (hours < 24 && !(await planned('a-canary')).includes('old')) {
    hours += 1;
    await setAhead(aheadMs + HOUR_MS);
    await watch('new', 'rest', hourBefore(1), 3e10);
    await watch('old', 'canary', hourBefore(1), 1e10);
    await callJson('POST', `${admin()}/v1/plan-cycle`, {});
  }
  expect(hours).toBeGreaterThan(3);
  expect(hours).toBeLessThan(24);
  const told = (await oca('plan', 'rollout')).replaceAll(/\s+/g, ' ');
  expect(told).toMatch(/are in force again: since then measured efficiency has fallen, with evidence of \d+ to 1/);

  await planner?.end('SIGKILL');
  await start();
  await oca('plan', 'run');
  expect([await planned('a-canary'), await planned('a-rest')]).toEqual([['old'], ['old']]);
}, 180_000);
