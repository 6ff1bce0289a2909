import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PurgeReport } from '../../../appliance/purge/purge-content.ts';
import type { PurgeRule } from '../../../appliance/purge/purge-rule.ts';
import { TriggerClient } from '../../../appliance/triggers/trigger-client.ts';
import { TriggerJournal } from '../../../appliance/triggers/trigger-journal.ts';
import type { ApplianceTrigger, TriggerReport, TriggerResult } from '../../../src/contracts/trigger-list.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { loadOrCreateIdentity } from '../../../src/signing/identity.ts';
import { signDocument } from '../../../src/signing/signed-document.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const POLL_MS = 10_000;
const NOTHING: PurgeReport = {
  objects: 0,
  blocks: 0,
  bytes: 0,
  questions: 0,
  blocksOnTheirWay: 0,
  runningAnswers: 0,
  cutAnswers: 0,
  plannedObjects: 0,
  mayComeBack: 0,
  failure: undefined,
};

let dir: string;
let world: FakeWorld;
/** What the planner has for a1, and what it heard. */
let listed: ApplianceTrigger[];
let told: TriggerResult[];
let purged: PurgeRule[];
let held: Map<string, number>;
let isAway: boolean;
let losesReports: boolean;
/** A planner that was set back to an older backup. */
let forgets: boolean;
let purge: () => Promise<PurgeReport>;
let running: TriggerClient | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'oca-triggers-'));
  world = new FakeWorld();
  [listed, told, purged, held, isAway, losesReports, forgets] = [[], [], [], new Map(), false, false, false];
  purge = () => Promise.resolve({ ...NOTHING, objects: 1, bytes: 7 });
});

afterEach(async () => {
  await stop();
  rmSync(dir, { recursive: true });
});

async function stop(): Promise<void> {
  const stopped = running?.stop(1000);
  await world.clock.advance(1000);
  await stopped;
  running = undefined;
}

async function start(signer = 'planner'): Promise<void> {
  const planner = loadOrCreateIdentity('planner', join(dir, 'planner.pem'));
  const identity = loadOrCreateIdentity('planner', join(dir, `${signer}.pem`));
  running = new TriggerClient({
    applianceId: 'a1',
    service: {
      publicKey: planner.publicKey,
      usable: () => Promise.resolve(),
      get: () => {
        if (isAway) return Promise.reject(new OperationalError('SERVICE_UNREACHABLE', 'away'));
        const list = { version: 1, applianceId: 'a1', createdAtMs: 5, triggers: listed };
        return Promise.resolve({ kind: 'body', body: signDocument(list, identity), etag: undefined });
      },
      post: (_target, body) => {
        if (losesReports) return Promise.reject(new OperationalError('SERVICE_TIMEOUT', 'lost'));
        const { results } = body as TriggerReport;
        told.push(...results);
        const ended = new Set(results.filter(({ state }) => state !== 'active').map(({ triggerId }) => triggerId));
        if (!forgets) listed = listed.filter(({ triggerId }) => !ended.has(triggerId));
        return Promise.resolve(undefined);
      },
    },
    journal: new TriggerJournal(dir, () => world.clock.nowMs()),
    purge: (rule) => {
      purged.push(rule);
      return purge();
    },
    heldOf: (path) => {
      const heldBytes = held.get(path);
      return heldBytes === undefined ? undefined : { heldBytes, sizeBytes: 10 };
    },
    world,
    logger: silentLogger,
    pollMs: POLL_MS,
    onDone: () => undefined,
  });
  await running.start();
  await world.clock.advance(1);
}

/** One more poll. */
const turn = (): Promise<void> => world.clock.advance(POLL_MS * 1.2);

const trigger = (triggerId: string, more: Partial<ApplianceTrigger> = {}): ApplianceTrigger => ({
  triggerId,
  type: 'purge',
  createdAtMs: 1000,
  paths: ['/a'],
  patterns: [],
  tags: [],
  ...more,
});

test('a purge is done once, paths in one search, patterns and tags after it, and told', async () => {
  const patterns = [{ pattern: '/live/*', caseSensitive: true, matchQueryString: false }];
  listed = [trigger('t1', { paths: ['/a', '/b'], patterns, tags: ['sport'] })];
  await start();
  expect(purged.map(({ by }) => by)).toEqual(['title', 'pattern', 'tag']);
  expect(purged[0]).toMatchObject({ keys: new Set(['/a', '/b']) });
  expect(told).toEqual([{ triggerId: 't1', state: 'complete', objectCount: 3, bytes: 21, detail: '' }]);
  await turn();
  expect([purged.length, told.length]).toEqual([3, 1]);
});

test('a planner that forgot what it was told is told again, and nothing is purged again', async () => {
  listed = [trigger('t1')];
  forgets = true;
  await start();
  await turn();
  expect([purged.length, told.length]).toEqual([1, 2]);
});

test('a report that is lost is told again, over a restart, and the purge is not repeated', async () => {
  listed = [trigger('t1')];
  losesReports = true;
  await start();
  await stop();
  losesReports = false;
  await start();
  expect(purged).toHaveLength(1);
  expect(told.map(({ state }) => state)).toEqual(['complete']);
});

test('what was begun and not finished by a killed process is done by the next one, with no planner there', async () => {
  listed = [trigger('t1')];
  purge = () => new Promise(() => undefined);
  await start();
  expect(purged).toHaveLength(1);
  running = undefined;
  purge = () => Promise.resolve(NOTHING);
  isAway = true;
  await start();
  expect(purged).toHaveLength(2);
  isAway = false;
  await turn();
  expect(told).toMatchObject([{ triggerId: 't1', state: 'complete' }]);
});

test('a volume that does not take deletions is tried again, and in the end it is told that it failed', async () => {
  listed = [trigger('t1')];
  purge = () => Promise.resolve({ ...NOTHING, mayComeBack: 1, failure: new OperationalError('VOLUME_IO', 'bad disk') });
  await start();
  expect(told.at(-1)).toMatchObject({ state: 'active' });
  for (let again = 0; again < 12; again += 1) await turn();
  expect(told.at(-1)).toMatchObject({ state: 'failed', detail: expect.stringContaining('bad disk') as string });
  const tries = purged.length;
  await turn();
  expect(purged).toHaveLength(tries);
});

test('a preposition is told as it comes, and complete when all of it is held', async () => {
  listed = [trigger('t1', { type: 'preposition', paths: ['/a', '/b'] })];
  await start();
  expect(told.at(-1)).toMatchObject({
    state: 'active',
    detail: expect.stringContaining('2 files are not in') as string,
  });
  held = new Map([
    ['/a', 10],
    ['/b', 3],
  ]);
  await turn();
  expect(told.at(-1)).toMatchObject({ state: 'active', objectCount: 1, bytes: 13, detail: '13 of 20 bytes are here' });
  const count = told.length;
  await turn();
  expect(told).toHaveLength(count);
  held.set('/b', 10);
  await turn();
  expect(told.at(-1)).toMatchObject({ state: 'complete', objectCount: 2, bytes: 20 });
  expect(purged).toEqual([]);
});

test('what is not listed any more is let go', async () => {
  listed = [trigger('t1', { type: 'preposition', paths: ['/a'] })];
  await start();
  listed = [];
  await turn();
  held.set('/a', 10);
  await turn();
  expect(told.map(({ state }) => state)).toEqual(['active']);
});

test('a list that the planner did not sign erases nothing', async () => {
  listed = [trigger('t1')];
  await start('stranger');
  expect([purged, told]).toEqual([[], []]);
});

test('a journal that is broken is no reason not to work', async () => {
  writeFileSync(join(dir, 'triggers.json'), '{"version":');
  listed = [trigger('t1')];
  await start();
  expect(told).toHaveLength(1);
});

test('after hundreds of others an old trigger is known no more, and is not done again all the same', async () => {
  const some = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => trigger(`t${first + index}`, { createdAtMs: 1000 + first + index }));
  listed = some(0, 200);
  await start();
  listed = some(200, 100);
  await turn();
  expect(purged).toHaveLength(300);
  listed = some(0, 1);
  await turn();
  expect(purged).toHaveLength(300);
});

test('a trigger that the clock of the planner dated a year ahead keeps no later purge from being done', async () => {
  const nowMs = world.clock.nowMs();
  const ahead = Array.from({ length: 200 }, (_, index) => trigger(`t${index}`, { createdAtMs: nowMs + 3e10 + index }));
  const right = Array.from({ length: 200 }, (_, index) => trigger(`r${index}`, { createdAtMs: nowMs - 1000 + index }));
  listed = ahead;
  await start();
  listed = right;
  await turn();
  listed = [trigger('last', { createdAtMs: nowMs })];
  await turn();
  expect(purged).toHaveLength(401);
  expect(told.at(-1)).toMatchObject({ triggerId: 'last', state: 'complete' });
});

test('a preposition that a plan takes up late is followed, however many purges there were meanwhile', async () => {
  listed = Array.from({ length: 300 }, (_, index) => trigger(`t${index}`, { createdAtMs: 1000 + index }));
  await start();
  listed = [trigger('early', { type: 'preposition', createdAtMs: 500 })];
  held.set('/a', 10);
  await turn();
  expect(told.at(-1)).toMatchObject({ triggerId: 'early', state: 'complete' });
});
