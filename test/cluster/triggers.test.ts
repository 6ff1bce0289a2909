import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { eventually, RunningNetwork } from './support/running-network.ts';

// Every wait has its own, shorter deadline, which says what did not happen.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

interface TriggerState {
  readonly 'oca.id': string;
  readonly status: string;
  readonly 'oca.nodes': ReadonlyArray<{
    readonly appliance: string;
    readonly status: string;
    readonly objects: number;
  }>;
}

const folder = mkdtempSync(join(tmpdir(), 'oca-triggers-'));
const PATHS = Array.from({ length: 20 }, (_, index) => `/unplanned/live/${index}.m4s`);
let network: RunningNetwork;

/** Puts new content of every path on the origin. */
function publish(generation: string): void {
  for (const path of PATHS) writeFileSync(join(folder, path.split('/').at(-1) ?? ''), `${generation} of ${path}`);
}

/** What each path is at an appliance: the generations, each once. */
async function generationsAt(id: string): Promise<string[]> {
  const texts = await Promise.all(PATHS.map(async (path) => (await network.get(id, path)).body.toString('utf8')));
  return [...new Set(texts.map((text) => text.split(' ')[0] ?? ''))];
}

const give = (trigger: object): Promise<TriggerState> =>
  network.admin('fill-planner', '/v1/triggers', { trigger, 'cdn-path': ['AS64500:1'] });
const look = ({ 'oca.id': id }: TriggerState): Promise<TriggerState> =>
  network.admin('fill-planner', `/v1/triggers/${id}`);
const complete = (given: TriggerState) => eventually(async () => (await look(given)).status === 'complete');
const nodesOf = async (given: TriggerState): Promise<Record<string, string>> =>
  Object.fromEntries((await look(given))['oca.nodes'].map(({ appliance, status }) => [appliance, status]));
const journalOf = (id: string): string => join(network.folder, id, 'state', 'triggers.json');

beforeAll(async () => {
  publish('first');
  network = RunningNetwork.create({
    mounts: { '/unplanned/live': folder },
    parameters: { appliance: { triggerPollMs: 300 } },
  });
  await network.prepare(() => undefined);
});

afterAll(async () => {
  await network.end();
  rmSync(folder, { recursive: true, force: true });
});

test('a purge reaches every appliance, also those that are killed before and while they do it, over a killed planner; what comes in after it stays', async () => {
  const [first = '', second = '', third = ''] = network.applianceIds;
  for (const id of [first, second, third]) expect(await generationsAt(id)).toEqual(['first']);
  publish('second');
  // Nobody looks at the origin again unasked.
  expect(await generationsAt(first)).toEqual(['first']);

  await network.kill(second);
  const purge = await give({
    type: 'purge',
    'content.patterns': [{ pattern: 'https://any.example/unplanned/live/*' }],
  });
  await eventually(() => existsSync(journalOf(third)));
  await network.kill(third);
  await eventually(async () => (await nodesOf(purge))[first] === 'complete');
  expect(await generationsAt(first)).toEqual(['second']);
  expect(['active', 'pending']).toContain((await look(purge)).status);

  await network.kill('fill-planner');
  await network.revive('fill-planner');
  await network.revive(second);
  await network.revive(third);
  await complete(purge);
  expect(await nodesOf(purge)).toEqual({ [first]: 'complete', [second]: 'complete', [third]: 'complete' });
  for (const id of [second, third]) expect(await generationsAt(id)).toEqual(['second']);

  // Done is done: a restart with the report behind it purges nothing that came in since.
  const { paths: before } = await network.originStats();
  await network.kill(second);
  await network.revive(second);
  const polled = await network.metric(second, 'appliance_plan_polls_total');
  await eventually(async () => (await network.metric(second, 'appliance_plan_polls_total')) >= polled + 3);
  expect(await generationsAt(second)).toEqual(['second']);
  const { paths: after } = await network.originStats();
  expect(PATHS.map((path) => after[path]?.requests)).toEqual(PATHS.map((path) => before[path]?.requests));
  expect(readFileSync(journalOf(second), 'utf8')).toContain(purge['oca.id']);
});

test('a preposition is planned at once, brought in the window that it opens, and complete where all of it is held', async () => {
  const preposition = await give({
    type: 'preposition',
    'content.ccid': [network.title],
    'oca.fill-now-minutes': 60,
  });
  expect(preposition.status).toBe('pending');
  await eventually(async () => Object.keys(await nodesOf(preposition)).length > 0);
  await complete(preposition);
  for (const [id, status] of Object.entries(await nodesOf(preposition))) {
    expect(status).toBe('complete');
    const { files } = await network.plan(id);
    await eventually(async () => (await network.fillReport(id))?.heldFileCount === files.length);
  }
});

test('what was served and what crossed the link is in the savings of each site', async () => {
  interface Savings {
    readonly sites: ReadonlyArray<{
      readonly siteId: string;
      readonly servedBytes: number;
      readonly crossedBytes: number;
      readonly filledBytes: { readonly peer: number; readonly tier: number; readonly origin: number };
    }>;
  }
  const { renditions } = await network.catalogueTitle();
  const path = renditions[0]?.files[0]?.path ?? '';
  const { body } = await network.get('oca-north-1', path);
  await eventually(async () => {
    const { sites } = await network.admin<Savings>('fill-planner', '/v1/savings');
    const north = sites.find(({ siteId }) => siteId === 'north');
    const filled = sites.reduce((sum, { filledBytes }) => sum + filledBytes.origin + filledBytes.tier, 0);
    return (north?.servedBytes ?? 0) >= body.length && (north?.crossedBytes ?? 0) > 0 && filled > body.length;
  });
});
