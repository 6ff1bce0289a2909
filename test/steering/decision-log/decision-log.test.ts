import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { unitHash } from '../../../src/hashing/weighted-rendezvous.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { DecisionLog, logFiles } from '../../../steering/decision-log/decision-log.ts';
import { readFrames } from '../../../steering/decision-log/log-frames.ts';
import { decisionsOf, type LoggedDecision } from '../../../steering/decision-log/logged-decision.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function open(options: { maxBytes?: number; maxPerSec?: number; folder?: string } = {}) {
  const parent = mkdtempSync(join(tmpdir(), 'oca-decision-log-'));
  folders.push(parent);
  const folder = options.folder ?? join(parent, 'decisions');
  const world = new FakeWorld();
  const outcomes: Array<[string, number]> = [];
  const log = new DecisionLog({
    folder,
    world,
    logger: createLogger('test', 'silent'),
    maxBytes: options.maxBytes ?? 2 ** 20,
    maxPerSec: options.maxPerSec ?? 100,
    onOutcome: (outcome, count) => outcomes.push([outcome, count]),
  });
  return { log, folder, world, outcomes, parent };
}

const decision = (id: string, sessionId = 's'): LoggedDecision => ({
  ...({} as LoggedDecision),
  id,
  sessionId,
  candidates: [],
});

async function idsIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const file of await logFiles(folder))
    for (const frame of readFrames(readFileSync(file)))
      if ('document' in frame) found.push(...decisionsOf(frame.document).map(({ id }) => id));
  return found;
}

test('what is noted is on the disk after a stop, in order, and for its owner alone', async () => {
  const { log, folder, outcomes } = open();
  await log.start();
  for (const id of ['a', 'b', 'c']) log.note('s', () => decision(id));
  await log.stop(1000);
  expect(await idsIn(folder)).toEqual(['a', 'b', 'c']);
  expect(outcomes).toEqual([['written', 3]]);
  expect(statSync((await logFiles(folder))[0] ?? '').mode & 0o077).toBe(0);
});

test('where only some of the sessions come at all, the rate still picks some of them whole', async () => {
  const { log, folder, world, outcomes } = open({ maxPerSec: 100 });
  await log.start();
  await world.clock.advance(10);
  const share = 0.25;
  const sessions = Array.from({ length: 4000 }, (_, index) => `s-${index}`).filter((id) => unitHash(id) < share);
  for (let second = 0; second < 4; second += 1) {
    for (const session of sessions) log.note(session, () => decision(`${second}/${session}`), share);
    await world.clock.advanceUntil(() => outcomes.length > second);
  }
  await log.stop(1000);
  const bySecond = Object.groupBy(await idsIn(folder), (id) => id.split('/')[0] ?? '');
  const settled = (bySecond['3'] ?? []).map((id) => id.split('/')[1]);
  expect(settled).toEqual((bySecond['2'] ?? []).map((id) => id.split('/')[1]));
  expect(settled.length).toBeGreaterThan(50);
  expect(settled.length).toBeLessThan(150);
});

test('above the rate some sessions are kept whole and the others not at all', async () => {
  const { log, folder, world, outcomes } = open({ maxPerSec: 100 });
  await log.start();
  await world.clock.advance(10);
  for (let second = 0; second < 5; second += 1) {
    for (let session = 0; session < 1000; session += 1)
      log.note(`s-${session}`, () => decision(`${second}/${session}`));
    await world.clock.advanceUntil(() => outcomes.length > second);
  }
  await log.stop(1000);
  const bySecond = Object.groupBy(await idsIn(folder), (id) => id.split('/')[0] ?? '');
  const settled = (bySecond['4'] ?? []).map((id) => id.split('/')[1]);
  expect(settled).toEqual((bySecond['3'] ?? []).map((id) => id.split('/')[1]));
  expect(settled.length).toBeGreaterThan(50);
  expect(settled.length).toBeLessThan(200);
});

test('the log stays within its bytes, and the oldest goes first', async () => {
  const maxBytes = 16_384;
  const { log, folder, world, outcomes } = open({ maxBytes });
  await log.start();
  for (let second = 0; second < 40; second += 1) {
    const noise = world.random.bytes(1000).toString('base64');
    log.note('s', () => ({ ...decision(String(second)), titleId: noise }));
    await world.clock.advanceUntil(() => outcomes.length > second);
  }
  await log.stop(1000);
  const total = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(total).toBeLessThanOrEqual(maxBytes + 2048);
  const ids = (await idsIn(folder)).map(Number);
  expect(ids.at(-1)).toBe(39);
  expect(ids[0]).toBeGreaterThan(0);
  expect(ids).toEqual(ids.map((_, index) => (ids[0] ?? 0) + index));
});

test('a torn end of an earlier file does not hide what is written later', async () => {
  const { log, folder } = open();
  await log.start();
  log.note('s', () => decision('before'));
  await log.stop(1000);
  appendFileSync((await logFiles(folder))[0] ?? '', Buffer.from('OCDL\u0010'));
  const later = open({ folder });
  later.world.clock.jumpWallClock(1000);
  await later.log.start();
  later.log.note('s', () => decision('after'));
  await later.log.stop(1000);
  expect(await idsIn(folder)).toEqual(['before', 'after']);
});

test('where no folder can be made decisions are dropped and counted, and nothing is thrown', async () => {
  const { parent, folder } = open();
  writeFileSync(folder, 'a file where the folder should be');
  const { log, outcomes } = open({ folder });
  await log.start();
  log.note('s', () => decision('a'));
  await log.stop(1000);
  expect(outcomes).toEqual([['dropped', 1]]);
  expect(readdirSync(parent)).toEqual(['decisions']);
});
