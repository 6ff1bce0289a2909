import { expect, test } from 'vitest';
import type { Heartbeat } from '../../../../src/contracts/heartbeat.ts';
import { FleetRegistry } from '../../../../steering/fleet/fleet-registry.ts';
import { FakeWorld } from '../../../support/fake-world.ts';
import { heartbeat } from '../../samples.ts';

const LEASE_MS = 6000;

/** A fleet of one that beats every two seconds. */
function beating() {
  const { clock } = new FakeWorld();
  const orders = { withheld: undefined as string | undefined };
  const fleet = new FleetRegistry({
    clock,
    leaseMs: LEASE_MS,
    preserveMs: 300_000,
    capacity: { warmUpShare: 0.1, warmUpMs: 60_000, wellAfterMs: LEASE_MS },
    withheld: () => orders.withheld,
  });
  let sequence = 0;
  const beat = async (changes: Partial<Heartbeat> = {}): Promise<void> => {
    await clock.advance(2000);
    sequence += 1;
    fleet.accept(heartbeat('a', { sequence, ...changes }));
  };
  const member = () => {
    const [one] = fleet.view().members;
    if (one === undefined) throw new Error('nobody is there');
    return one;
  };
  const beats = async (count: number, changes: Partial<Heartbeat> = {}): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      await beat(changes);
      member();
    }
  };
  return { clock, fleet, orders, beat, beats, member };
}

const load = (egressBitsPerSec: number, activeRequests = 0): Partial<Heartbeat> => ({
  load: { egressBitsPerSec, activeRequests, cpuShare: 0 },
});

test('who was at the hard limit is taken back below a lower mark only', async () => {
  const { beat, member } = beating();
  await beat(load(1.99e9));
  expect(member().atHardLimit).toBe(false);
  await beat(load(2e9));
  expect(member().atHardLimit).toBe(true);
  await beat(load(1.81e9));
  expect(member().atHardLimit).toBe(true);
  await beat(load(1.79e9));
  expect(member().atHardLimit).toBe(false);
  await beat(load(0, 1000));
  expect(member().atHardLimit).toBe(true);
  await beat(load(0, 950));
  expect(member().atHardLimit).toBe(true);
  await beat(load(0, 800));
  expect(member().atHardLimit).toBe(false);
});

test('who was not well is taken back when it has said for a while that it is', async () => {
  const { beat, beats, member } = beating();
  await beat();
  expect(member().healthy).toBe(true);
  await beat({ health: { healthy: false, reasons: ['a disk is gone'] } });
  expect(member()).toMatchObject({ healthy: false, healthReasons: ['a disk is gone'] });
  await beat();
  expect(member()).toMatchObject({ healthy: false, healthReasons: [expect.stringContaining('well again')] });
  await beats(2);
  expect(member().healthy).toBe(false);
  await beat();
  expect(member()).toMatchObject({ healthy: true, healthReasons: [] });
});

test('one that says now well and now not never counts as well', async () => {
  const { beat, member } = beating();
  for (let round = 0; round < 20; round += 1) {
    await beat({ health: { healthy: false, reasons: ['overheated'] } });
    await beat();
    expect(member().healthy).toBe(false);
  }
});

test('when steering itself has just started nobody is cold for it', async () => {
  const { beat, member } = beating();
  await beat();
  expect(member().capacityShare).toBe(1);
});

test('after a restart the share of capacity grows from a tenth to the whole', async () => {
  const { beat, beats, member } = beating();
  await beats(10);
  await beat({ instanceId: 'instance-after-restart' });
  const shares = [member().capacityShare];
  for (let second = 0; second < 60; second += 2) {
    await beat({ instanceId: 'instance-after-restart' });
    shares.push(member().capacityShare);
  }
  expect(shares[0]).toBeCloseTo(0.1);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares[15]).toBeCloseTo(0.55);
  expect(shares.at(-1)).toBe(1);
});

test.each([
  [
    'it was away',
    async (rig: ReturnType<typeof beating>) => {
      await rig.clock.advance(20_000);
      expect(rig.member().lease.kind).toBe('expired');
    },
  ],
  [
    'an operator withheld it',
    async (rig: ReturnType<typeof beating>) => {
      rig.orders.withheld = 'site north is withheld';
      rig.fleet.refresh();
      expect(rig.member()).toMatchObject({ withheld: 'site north is withheld' });
      expect(rig.fleet.view().servingIds).toEqual([]);
      await rig.beats(3);
      rig.orders.withheld = undefined;
      rig.fleet.refresh();
    },
  ],
  ['it was drained', async (rig: ReturnType<typeof beating>) => rig.beats(3, { state: 'drained' })],
])('it warms up when %s', async (_why, happen) => {
  const rig = beating();
  await rig.beats(10);
  expect(rig.member().capacityShare).toBe(1);
  await happen(rig);
  await rig.beat();
  expect(rig.member().capacityShare).toBeLessThan(0.2);
  await rig.beats(30);
  expect(rig.member().capacityShare).toBe(1);
});
