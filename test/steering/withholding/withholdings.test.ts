import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { parseSites } from '../../../steering/sites/parse-sites.ts';
import { NO_SITES, type SiteTable } from '../../../steering/sites/site-table.ts';
import { WithholdingStore } from '../../../steering/withholding/withholding-store.ts';
import { LONGEST_MS, Withholdings } from '../../../steering/withholding/withholdings.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { NOW_MS } from '../samples.ts';

const HOUR_MS = 3_600_000;
const MEMBER = { id: 'a1', clusterId: 'c1', siteId: 'berlin' };
const WISH = { name: 'swap', scope: 'appliance', target: 'a1', why: 'disk swap' } as const;

let folder: string;
let store: WithholdingStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oca-withheld-'));
  store = new WithholdingStore(join(folder, 'withholdings.sqlite'), silentLogger);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(world = new FakeWorld(), sites: SiteTable = NO_SITES, kept: WithholdingStore = store) {
  const seen = { changes: 0 };
  const withholdings = new Withholdings({
    world,
    logger: silentLogger,
    store: kept,
    sites: () => sites,
    defaultMs: 24 * HOUR_MS,
    onChange: () => {
      seen.changes += 1;
    },
  });
  return { world, withholdings, seen, reason: () => withholdings.reasonFor(MEMBER) };
}

test.each([
  ['site', 'berlin'],
  ['cluster', 'c1'],
  ['appliance', 'a1'],
] as const)('a drained %s gets nobody new, and what stands elsewhere does', (scope, target) => {
  const { withholdings, seen, reason } = open();
  expect(reason()).toBeUndefined();
  withholdings.put({ ...WISH, scope, target });
  expect(reason()).toBe(`${scope} ${target} is withheld until 2030-01-08T01:30Z: disk swap`);
  expect(seen.changes).toBe(1);
  expect(withholdings.reasonFor({ id: 'b', clusterId: 'c2', siteId: 'munich' })).toBeUndefined();
});

test('an order that names no end has one, and that is told', () => {
  const { withholdings } = open();
  expect(withholdings.put(WISH)).toMatchObject({
    kind: 'taken',
    endsByDefault: true,
    kept: true,
    withholding: { endMs: NOW_MS + 24 * HOUR_MS },
  });
});

test('it begins and ends by itself', async () => {
  const { world, withholdings, reason } = open();
  withholdings.put({ ...WISH, startMs: NOW_MS + HOUR_MS, endMs: NOW_MS + 3 * HOUR_MS });
  expect(reason()).toBeUndefined();
  expect(withholdings.rows()).toMatchObject([{ name: 'swap', state: 'planned' }]);
  await world.clock.advance(HOUR_MS);
  withholdings.refresh();
  expect(reason()).toContain('disk swap');
  expect(withholdings.rows()).toMatchObject([{ name: 'swap', state: 'active' }]);
  await world.clock.advance(2 * HOUR_MS);
  withholdings.refresh();
  expect(reason()).toBeUndefined();
  expect(withholdings.rows()).toEqual([]);
  expect(store.load()).toEqual([]);
});

test('an order survives a restart, and one whose time passed meanwhile is over', async () => {
  const { world, withholdings } = open();
  withholdings.put(WISH);
  withholdings.put({ ...WISH, name: 'short', endMs: NOW_MS + HOUR_MS });
  await world.clock.advance(2 * HOUR_MS);
  const again = open(world);
  expect(again.reason()).toContain('disk swap');
  expect(again.withholdings.rows().map(({ name }) => name)).toEqual(['swap']);
});

test('the same name again replaces the order; taken back it is gone for good', () => {
  const { withholdings, reason } = open();
  withholdings.put(WISH);
  withholdings.put({ ...WISH, why: 'new fans' });
  expect(withholdings.rows()).toHaveLength(1);
  expect(reason()).toContain('new fans');
  expect(withholdings.remove('swap')).toBe(true);
  expect(withholdings.remove('swap')).toBe(false);
  expect(reason()).toBeUndefined();
  expect(open().withholdings.rows()).toEqual([]);
});

test.each([
  ['ends before it begins', { startMs: NOW_MS + 2, endMs: NOW_MS + 1 }, /before it begins/],
  ['is over', { startMs: NOW_MS - 2, endMs: NOW_MS - 1 }, /over already/],
  ['lasts too long', { endMs: NOW_MS + LONGEST_MS + 1 }, /30 days/],
  ['begins next year', { startMs: NOW_MS + 4 * LONGEST_MS }, /90 days/],
])('an order that %s is refused', (_what, times, because) => {
  const { withholdings, reason } = open();
  const outcome = withholdings.put({ ...WISH, ...times });
  expect(outcome).toMatchObject({ kind: 'refused', reason: expect.stringMatching(because) });
  expect(reason()).toBeUndefined();
});

test('the table of orders has an end, and what is in it can still be changed', () => {
  const { withholdings } = open(new FakeWorld(), NO_SITES, new FullStore(join(folder, 'full.sqlite'), silentLogger));
  for (let index = 0; index < 1000; index += 1) withholdings.put({ ...WISH, name: `n${index}` });
  expect(withholdings.put({ ...WISH, name: 'one-too-many' }).kind).toBe('refused');
  expect(withholdings.put({ ...WISH, name: 'n7', why: 'still' }).kind).toBe('taken');
});

test('an order works when it cannot be kept, and says so', () => {
  const { withholdings, reason } = open(
    new FakeWorld(),
    NO_SITES,
    new FullStore(join(folder, 'full.sqlite'), silentLogger),
  );
  expect(withholdings.put(WISH)).toMatchObject({ kind: 'taken', kept: false });
  expect(reason()).toContain('disk swap');
  expect(withholdings.remove('swap')).toBe(true);
  expect(reason()).toBeUndefined();
});

class FullStore extends WithholdingStore {
  override save(): never {
    throw new OperationalError('VOLUME_FULL', 'the disk is full');
  }
  override remove(): never {
    throw new OperationalError('VOLUME_FULL', 'the disk is full');
  }
}

test('a weekly window withholds its site at its hour on the clocks of the site, summer time or not', async () => {
  const sites = parseSites(
    JSON.stringify({
      version: 1,
      sites: [
        {
          id: 'berlin',
          timeZone: 'Europe/Berlin',
          maintenance: [{ weekday: 'sunday', start: '02:30', hours: 2, why: 'router update' }],
        },
      ],
    }),
  );
  // The Sunday on which 02:30 is skipped: the window begins at 03:00 summer time.
  const world = new FakeWorld({ nowMs: Date.UTC(2027, 2, 28, 0, 59) });
  const { withholdings, reason } = open(world, sites);
  expect(reason()).toBeUndefined();
  await world.clock.advance(60_000);
  withholdings.refresh();
  expect(reason()).toBe('site berlin is withheld until 2027-03-28T03:00Z: router update');
  await world.clock.advance(2 * HOUR_MS);
  withholdings.refresh();
  expect(reason()).toBeUndefined();
  // A week later on summer time: half past two is 00:30Z.
  await world.clock.advance(7 * 24 * HOUR_MS - 2 * HOUR_MS);
  withholdings.refresh();
  expect(reason()).toContain('router update');
  // A steering that starts in the middle of a window is in it.
  expect(open(world, sites).reason()).toContain('router update');
  // And a wall clock that is set back does not leave it there.
  world.clock.jumpWallClock(-24 * HOUR_MS);
  withholdings.refresh();
  expect(reason()).toBeUndefined();
});
