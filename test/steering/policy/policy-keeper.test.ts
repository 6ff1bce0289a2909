import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { PolicyKeeper } from '../../../steering/policy/policy-keeper.ts';
import { RollBacks } from '../../../steering/policy/roll-backs.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const stops: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const policy = (share: number, salt = 'spring'): object => ({
  version: 1,
  variants: { new: { software: { version: '1.1.0', rule: 'prefer' } } },
  cohorts: [{ name: 'canary', salt, share, variant: 'new' }],
});

async function startKeeper(folder = mkdtempSync(join(tmpdir(), 'oca-policy-'))) {
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  const world = new FakeWorld();
  const file = join(folder, 'policy.json');
  const states: Array<string | undefined> = [];
  const write = (document: unknown): void => {
    writeFileSync(`${file}.new`, typeof document === 'string' ? document : JSON.stringify(document));
    renameSync(`${file}.new`, file);
  };
  write(policy(0.5));
  const keeper = new PolicyKeeper({
    file,
    pollMs: 1000,
    world,
    logger: silentLogger,
    rollBacks: new RollBacks(join(folder, 'roll-backs.json'), silentLogger),
    locate: () => ({ siteId: undefined, network: undefined }),
    onState: (problem) => states.push(problem),
    onOutcome: () => undefined,
  });
  await keeper.start();
  stops.push(() => keeper.stop(1000));
  const variantOf = (sessionId: string): string => keeper.factsFor(keeper.seatOf(sessionId, '192.0.2.1')).variant;
  const share = (): number => {
    const tried = Array.from({ length: 2000 }, (_, index) => variantOf(`s${index}`)).filter((name) => name === 'new');
    return tried.length / 2000;
  };
  return { keeper, write, states, world, share, folder };
}

/** Sessions go bad, the cohort's ones `ratio` times as often, until it is rolled back or all have been. */
function goBad(keeper: PolicyKeeper, sessions: number, isBad: (isControl: boolean, index: number) => boolean): void {
  for (let index = 0; index < sessions; index += 1) {
    const sessionId = `bad-${index}`;
    const seat = keeper.seatOf(sessionId, '192.0.2.1');
    if (seat !== undefined && isBad(seat.isControl, index))
      keeper.noteOutcome(sessionId, `10.0.${index >> 8}.${index & 255}`, 'stalled');
  }
}

test('a policy is taken when the file changes, and a broken one changes nothing', async () => {
  const { keeper, write, states, world, share } = await startKeeper();
  expect(share()).toBeCloseTo(0.5, 1);
  write('{"version": 1, "cohorts": [{}]}');
  await world.clock.advanceUntil(() => states.length >= 2);
  expect(states.at(-1)).toContain('cohorts.0.name');
  expect(share()).toBeCloseTo(0.5, 1);
  write(policy(0.1));
  await world.clock.advanceUntil(() => states.length >= 3);
  expect(states.at(-1)).toBeUndefined();
  expect(share()).toBeCloseTo(0.1, 1);
  expect(keeper.changes).toBe(2);
});

test('a cohort that is worse is rolled back, for good, and over a restart; a new salt tries again', async () => {
  const { keeper, share, folder } = await startKeeper();
  goBad(keeper, 400, (isControl, index) => !isControl || index % 4 === 0);
  expect(keeper.reports()[0]?.rollBack).toMatchObject({ cohort: 'canary', by: 'outcomes' });
  expect(share()).toBe(0);
  const again = await startKeeper(folder);
  expect(again.share()).toBe(0);
  again.write(policy(0.5, 'summer'));
  await again.world.clock.advanceUntil(() => again.keeper.changes === 2);
  expect(again.share()).toBeCloseTo(0.5, 1);
});

test('a cohort that is as bad as its control stays', async () => {
  const { keeper, share } = await startKeeper();
  goBad(keeper, 3000, () => true);
  expect(share()).toBeCloseTo(0.5, 1);
});

test('one session that stalls a thousand times counts once', async () => {
  const { keeper } = await startKeeper();
  const sessionId = Array.from({ length: 100 }, (_, index) => `s${index}`).find(
    (id) => keeper.seatOf(id, '192.0.2.1')?.isControl === false,
  );
  for (let times = 0; times < 1000; times += 1) keeper.noteOutcome(sessionId ?? '', '192.0.2.1', 'stalled');
  expect(keeper.reports()[0]?.outcomes[0]).toMatchObject({ outcome: 'stalled', cohortSessions: 1, controlSessions: 0 });
});

test('the operator rolls back by hand, and only what there is', async () => {
  const { keeper, share } = await startKeeper();
  expect(keeper.rollBack('nobody', 'why')).toBe(false);
  expect(keeper.rollBack('canary', 'it smells')).toBe(true);
  expect(share()).toBe(0);
  expect(keeper.reports()[0]?.rollBack).toMatchObject({ by: 'operator', because: 'it smells' });
});

test('while what was rolled back cannot be read, nothing is tried', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'oca-policy-'));
  writeFileSync(join(folder, 'roll-backs.json'), '{');
  const { share } = await startKeeper(folder);
  expect(share()).toBe(0);
});

test('one address rolls nothing back, whatever sessions it invents', async () => {
  const { keeper } = await startKeeper();
  const isRolledBack = (): boolean => keeper.reports()[0]?.rollBack !== undefined;
  const invented = Array.from({ length: 5000 }, (_, index) => `invented-${index}`).filter(
    (sessionId) => keeper.seatOf(sessionId, '192.0.2.1')?.isControl === false,
  );
  for (const [index, sessionId] of invented.entries()) {
    keeper.noteOutcome(sessionId, '192.0.2.1', 'failed');
    keeper.noteOutcome(sessionId, `2001:db8:0:${(index % 65_536).toString(16)}::1`, 'stalled');
  }
  expect(isRolledBack()).toBe(false);
  for (const [index, sessionId] of invented.entries()) keeper.noteOutcome(sessionId, `10.0.0.${index % 256}`, 'failed');
  expect(isRolledBack()).toBe(true);
});
