import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteAccounts } from '../../../steering/accounting/byte-accounts.ts';
import { BYTE_CLASSES, type ByteClass } from '../../../steering/accounting/byte-class.ts';
import { SessionLedger } from '../../../steering/accounting/session-ledger.ts';
import { type ClientPlace, locateClient } from '../../../steering/answer/locate-client.ts';
import { RouteTable } from '../../../steering/routing/route-table.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const NO_ROUTES = new RouteTable().current();
const isNearest = (id: string, siteId: string | undefined): boolean => siteId === 'north' && id.startsWith('north');
const inNorth = { isNearest, serves: () => true };
const client: ClientPlace = { ...locateClient('203.0.113.7', NO_ROUTES), siteId: 'north' };
const sent = {
  titleId: 'bars',
  client,
  firstId: 'north-1',
  firstClass: 'nearest' as ByteClass,
  bitsPerSec: 8e6,
  nearestSiteId: 'north',
};

test('the span between two requests counts at the bitrate of the title, as the class of the answer before', async () => {
  const { clock } = new FakeWorld();
  const ledger = new SessionLedger(clock);
  expect(ledger.close('s', ['north-1'], inNorth)).toEqual([]);
  ledger.open('s', sent);
  await clock.advance(30_000);
  expect(ledger.close('s', ['north-1'], inNorth)).toEqual([
    { nearestSiteId: 'north', byteClass: 'nearest', bytes: 30e6 },
  ]);
  ledger.open('s', { ...sent, firstId: 'south-1', firstClass: 'content' });
  await clock.advance(10_000);
  expect(ledger.close('s', [], inNorth)).toMatchObject([{ byteClass: 'content', bytes: 10e6 }]);
});

test('a player that is elsewhere than it was sent chose so itself, unless it came to the nearest site', async () => {
  const { clock } = new FakeWorld();
  const ledger = new SessionLedger(clock);
  ledger.open('s', sent);
  await clock.advance(10_000);
  expect(ledger.close('s', ['origin'], inNorth)).toMatchObject([{ byteClass: 'client-choice' }]);
  expect(ledger.close('s', ['north-2', 'origin'], inNorth)).toMatchObject([
    { byteClass: 'nearest', bytes: 5e6 },
    { byteClass: 'client-choice', bytes: 5e6 },
  ]);
  ledger.open('s', { ...sent, firstId: 'south-1', firstClass: 'health' });
  await clock.advance(10_000);
  expect(ledger.close('s', ['south-1', 'south-2'], inNorth)).toMatchObject([
    { byteClass: 'health' },
    { byteClass: 'client-choice' },
  ]);
});

test('a player that left a place which is gone was driven away, and did not choose', async () => {
  const { clock } = new FakeWorld();
  const ledger = new SessionLedger(clock);
  ledger.open('s', sent);
  await clock.advance(10_000);
  const places = { isNearest, serves: (id: string) => id !== 'north-1' };
  expect(ledger.close('s', ['south-1'], places)).toMatchObject([{ byteClass: 'health' }]);
});

test('a long pause counts for two minutes and no more', async () => {
  const { clock } = new FakeWorld();
  const ledger = new SessionLedger(clock);
  ledger.open('s', sent);
  await clock.advance(3_600_000);
  expect(ledger.close('s', [], inNorth)).toMatchObject([{ bytes: 120e6 }]);
});

test('whatever was played, the classes that are not the nearest sum to one, and nothing is lost on the way', () => {
  const spans = fc.array(
    fc.record({
      nearestSiteId: fc.option(fc.constantFrom('north', 'south'), { nil: undefined }),
      byteClass: fc.constantFrom(...BYTE_CLASSES),
      bytes: fc.double({ min: 1, max: 1e12, noNaN: true }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(spans, (played) => {
      const accounts = new ByteAccounts(new FakeWorld().clock);
      for (const span of played) accounts.add(span);
      const { bytes, missShares, sites } = accounts.report(60);
      const total = played.reduce((sum, span) => sum + span.bytes, 0);
      expect(BYTE_CLASSES.reduce((sum, name) => sum + bytes[name], 0) / total).toBeCloseTo(1, 9);
      const ofSites = sites.flatMap((site) => BYTE_CLASSES.map((name) => site.bytes[name]));
      expect(ofSites.reduce((sum, part) => sum + part, 0) / total).toBeCloseTo(1, 9);
      const shares = Object.values(missShares);
      if (played.some(({ byteClass }) => byteClass !== 'nearest'))
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
      else expect(shares).toEqual([]);
    }),
  );
});

test('a report covers the minutes asked for; what is older than a day is forgotten', async () => {
  const { clock } = new FakeWorld();
  const accounts = new ByteAccounts(clock);
  const span = { nearestSiteId: 'north', byteClass: 'content' as const, bytes: 1 };
  accounts.add(span);
  await clock.advance(10 * 60_000);
  accounts.add(span);
  expect(accounts.report(2).bytes.content).toBe(1);
  expect(accounts.report(60).bytes.content).toBe(2);
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    await clock.advance(60_000);
    accounts.add(span);
  }
  expect(accounts.report(1440).bytes.content).toBeLessThanOrEqual(24 * 60);
});
