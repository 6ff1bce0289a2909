import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Command } from '../../../src/cli/commander.ts';
import { addSteeringTools } from '../../../src/cli/steering-tools.ts';
import { PlannerDouble } from '../../steering/planner-double.ts';
import { heartbeat, holdingsOf, title } from '../../steering/samples.ts';
import { SteeringRig } from '../../steering/steering-rig.ts';
import { until } from '../../support/until.ts';

const BARS = title('bars');
const VIEWERS = 60;
const BITS_PER_VIEWER = 324_143;
let rig: SteeringRig;
let planner: PlannerDouble;
let said: string;
let folder: string;
let sequence = 1;

beforeEach(async () => {
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  planner = await new PlannerDouble().start();
  planner.setTitles(BARS);
  for (const id of ['n1', 'n2', 's1', 's2']) planner.setPlan(id, 1, BARS);
  folder = mkdtempSync(join(tmpdir(), 'oca-steering-tools-'));
  const prefixes = join(folder, 'prefixes.csv');
  writeFileSync(prefixes, '127.0.0.0/8,north\n');
  rig = await new SteeringRig({ planner: planner.url, prefixes }).start();
  await beatAll(0);
  await rig.world.clock.advanceUntil(() => planner.seen.filter((line) => line.startsWith('list')).length >= 4);
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  await rig.stop();
  await planner.stop();
  rmSync(folder, { recursive: true });
});

/** North carries this much on each of its two, south nothing. */
async function beatAll(egressBitsPerSec: number, changes: Parameters<typeof heartbeat>[1] = {}): Promise<void> {
  sequence += 1;
  for (const id of ['n1', 'n2', 's1', 's2']) {
    const isNorth = id.startsWith('n');
    await rig.beat(
      heartbeat(id, {
        sequence,
        siteId: isNorth ? 'north' : 'south',
        clusterId: isNorth ? 'north' : 'south',
        holdings: holdingsOf(BARS, 'whole'),
        load: { egressBitsPerSec: isNorth ? egressBitsPerSec : 0, activeRequests: 0, cpuShare: 0 },
        ...changes,
      }),
    );
  }
}

const askAll = async (): Promise<void> => {
  for (let viewer = 0; viewer < VIEWERS; viewer += 1) await rig.json(`/v1/steering/hls?a=bars&s=viewer-${viewer}`);
};

async function run(...words: string[]): Promise<string> {
  said = '';
  const command = addSteeringTools(new Command('steering').exitOverride());
  const admin = words[0] === 'replay' ? [] : ['--steering-admin', rig.adminUrl];
  await command.parseAsync([...words, ...admin], { from: 'user' });
  return said;
}

test('explain tells where the client is, each place with its reasons, and who was left out', async () => {
  await beatAll(0, {});
  await rig.beat(heartbeat('n2', { sequence: sequence + 10, siteId: 'north', state: 'draining' }));
  const told = await run('explain', '--client', '127.0.0.1', '--title', 'bars');
  expect(told).toContain('127.0.0.1: site north, by route 127.0.0.0/8');
  expect(told).toMatch(/1 +n1 +north +in the client's site north/);
  expect(told).toMatch(/n2 +not-serving +is draining/);
  expect(told).toMatch(/catalogue \d+, routes \S+, sites \S+, shares \S+, quality \S+/);
  await expect(run('explain', '--client', 'nonsense', '--title', 'bars')).rejects.toThrow('ask /v1/explain');
});

test('what-if says where the viewers of a drained site would go, and changes nothing', async () => {
  await askAll();
  await beatAll(400e6);
  await rig.world.clock.advance(200);
  const told = await run('what-if', '--drain', 'north');
  expect(told).toContain(
    `${VIEWERS} viewers of now: ${VIEWERS} would move (100.0 %), 0 of them to make room for others`,
  );
  expect(told).toMatch(/north +800 Mbit\/s +0 bit\/s +-100.0 %/);
  expect(told).toMatch(/south +0 bit\/s +800 Mbit\/s/);
  expect(told).toMatch(/n1 +north +400 Mbit\/s .*drained/);
  expect(told).not.toContain('PASSES');
  const after = (await rig.json('/v1/steering/hls?a=bars&s=viewer-0')) as { 'PATHWAY-PRIORITY': string[] };
  expect(after['PATHWAY-PRIORITY'][0]).toMatch(/^n/);
});

test('what-if names who would pass which limit when traffic grows or room shrinks', async () => {
  await askAll();
  await beatAll(900e6);
  await rig.world.clock.advance(200);
  const told = await run('what-if', '--drain', 'n1', '--surge', '1.2', '--json');
  const { appliances, moved } = JSON.parse(told) as {
    moved: number;
    appliances: Array<{ id: string; passes: string; afterBitsPerSec: number }>;
  };
  const total = appliances.reduce((sum, { afterBitsPerSec }) => sum + afterBitsPerSec, 0);
  expect(total / (2 * 900e6 * 1.2)).toBeCloseTo(1, 6);
  expect(moved).toBeGreaterThan(0);
  expect(appliances.find(({ id }) => id === 'n2')).toMatchObject({ passes: 'soft' });
  await expect(run('what-if', '--drain', 'nowhere')).rejects.toThrow(
    'no site, cluster or appliance of this name: nowhere',
  );
  await expect(run('what-if', '--capacity', 'n1')).rejects.toThrow('--capacity takes NAME=SHARE');
});

test('misses sums what sessions played by why it did not come from the nearest site', async () => {
  expect(await run('misses')).toContain('nothing to tell of');
  await askAll();
  await rig.world.clock.advance(5000);
  await beatAll(0);
  for (let viewer = 0; viewer < VIEWERS; viewer += 1) {
    const pathway = viewer < VIEWERS / 2 ? 'n1' : 'origin';
    await rig.json(`/v1/steering/hls?a=bars&s=viewer-${viewer}&_HLS_pathway="${pathway}"`);
  }
  const told = await run('misses', '--minutes', '10');
  expect(told).toContain('50.0 % of them from the nearest site');
  expect(told).toMatch(/client-choice +\S+ MB +100.0 %/);
  const { bytes } = JSON.parse(await run('misses', '--json')) as { bytes: Record<string, number> };
  const played = (VIEWERS * BITS_PER_VIEWER * 5) / 8;
  expect(((bytes['nearest'] ?? 0) + (bytes['client-choice'] ?? 0)) / played).toBeCloseTo(1, 1);
  await expect(run('misses', '--minutes', '0')).rejects.toThrow('minutes=N');
});

test('replay makes the decisions of the log again as they were, and shows one with all that it knew', async () => {
  const answer = await rig.get('/v1/steer?title=bars&session=one');
  const id = ((await answer.json()) as { decisionId: string }).decisionId;
  await askAll();
  const log = join(rig.folder, 'state', 'decisions');
  await rig.world.clock.advance(1500);
  await until(() => Promise.resolve(readdirSync(join(rig.folder, 'state')).includes('decisions')));
  await rig.restart();
  const told = await run('replay', log);
  expect(told).toContain(`${VIEWERS + 1} decisions in 1 files: ${VIEWERS + 1} made again as they were, 0 otherwise`);
  expect(process.exitCode).toBeUndefined();
  expect(JSON.parse(await run('replay', log, '--decision', id))).toMatchObject({
    id,
    shape: 'json',
    sessionId: 'one',
    client: { siteId: 'north' },
  });
  await expect(run('replay', log, '--decision', 'none')).rejects.toThrow('no decision none');
});
