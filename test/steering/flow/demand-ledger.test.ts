import { expect, test } from 'vitest';
import { DemandLedger, restKey } from '../../../steering/flow/demand-ledger.ts';
import { FakeWorld } from '../../support/fake-world.ts';
import { flowPlace } from './flow-samples.ts';

const totalOf = (ledger: DemandLedger): number => ledger.groups().reduce((sum, { bitsPerSec }) => sum + bitsPerSec, 0);

test('sessions that ask once per TTL count with their bitrate, at once when they begin, and are forgotten when they end', async () => {
  const world = new FakeWorld();
  const ledger = new DemandLedger({ clock: world.clock, forgetMs: 30_000 });
  const place = flowPlace('192.0.2.0/24', 'north');
  for (let session = 0; session < 100; session += 1) ledger.note(place, 5e6);
  expect(totalOf(ledger)).toBeCloseTo(500e6, -3);
  // Each of the hundred asks again within 30 s, for five minutes.
  for (let step = 0; step < 1000; step += 1) {
    await world.clock.advance(300);
    ledger.note(place, 5e6);
  }
  expect(totalOf(ledger)).toBeGreaterThan(450e6);
  expect(totalOf(ledger)).toBeLessThan(550e6);
  await world.clock.advance(120_000);
  expect(totalOf(ledger)).toBeLessThan(10e6);
  await world.clock.advance(600_000);
  expect(ledger.groups()).toEqual([]);
});

test('of a million neighbourhoods only thousands have a number of their own, and nothing of the others is lost', () => {
  const world = new FakeWorld();
  const ledger = new DemandLedger({ clock: world.clock, forgetMs: 30_000 });
  let noted = 0;
  for (let at = 0; at < 50_000; at += 1) {
    const bitsPerSec = 1e6 + (at % 7) * 1e5;
    ledger.note(flowPlace(`net-${at}`, at % 2 === 0 ? 'north' : undefined, { network: 'isp' }), bitsPerSec);
    noted += bitsPerSec;
  }
  const groups = ledger.groups();
  expect(groups.length).toBeLessThanOrEqual(5002);
  expect(totalOf(ledger)).toBeCloseTo(noted, -3);
  const rest = groups.filter(({ place }) => place.group === restKey(place)).map(({ place }) => place.group);
  expect(rest.sort()).toEqual(['others of - isp', 'others of north isp']);
});

test('a neighbourhood with a number of its own keeps it when another grows a little past it', () => {
  const world = new FakeWorld();
  const ledger = new DemandLedger({ clock: world.clock, forgetMs: 30_000 });
  for (let at = 0; at < 4500; at += 1) ledger.note(flowPlace(`net-${at}`, 'north'), 1e6 + (4500 - at));
  const owners = (): Set<string> => new Set(ledger.groups().map(({ place }) => place.group));
  expect(owners().has('net-3999')).toBe(true);
  expect(owners().has('net-4001')).toBe(false);
  for (let at = 4000; at < 4500; at += 1) ledger.note(flowPlace(`net-${at}`, 'north'), 1e6);
  const after = owners();
  expect(after.has('net-4001')).toBe(true);
  expect(after.has('net-3999')).toBe(true);
});
