import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TrafficLedger } from '../../../appliance/report/traffic-ledger.ts';
import { TrafficShipper } from '../../../appliance/report/traffic-shipper.ts';
import type { TrafficSlot } from '../../../src/contracts/traffic-report.ts';
import { OperationalError } from '../../../src/errors/operational-error.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const SLOT_MS = 300_000;
let dir: string;
let world: FakeWorld;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'oca-traffic-'));
  world = new FakeWorld({ nowMs: Date.UTC(2030, 0, 7, 1, 0) });
});
afterEach(() => rmSync(dir, { recursive: true }));

async function started(): Promise<TrafficLedger> {
  const ledger = new TrafficLedger(dir, { world, logger: silentLogger });
  await ledger.start();
  return ledger;
}

const slot = (startMs: number, servedBytes: number, change: Partial<TrafficSlot> = {}): TrafficSlot => ({
  slotStartMs: startMs,
  servedBytes,
  fillBytes: { peer: 0, tier: 0, origin: 0 },
  missBytes: { peer: 0, tier: 0, origin: 0 },
  ...change,
});

test('bytes are counted by five minutes, purpose and source; what is passed through came from the origin', async () => {
  const ledger = await started();
  const startMs = world.clock.nowMs();
  ledger.served(100, 0);
  ledger.served(50, 50);
  ledger.took('fill', 'tier', 7);
  ledger.took('miss', 'peer', 9);
  await world.clock.advance(SLOT_MS + 1000);
  ledger.served(1, 0);
  expect(ledger.unsent()).toEqual([
    slot(startMs, 150, { fillBytes: { peer: 0, tier: 7, origin: 0 }, missBytes: { peer: 9, tier: 0, origin: 50 } }),
    slot(startMs + SLOT_MS, 1),
  ]);
});

test('a slot is told until it is over and the planner has it; a killed process goes on with what it had written', async () => {
  let ledger = await started();
  const startMs = world.clock.nowMs();
  ledger.served(10, 0);
  ledger.acknowledged(ledger.unsent());
  expect(ledger.unsent()).toEqual([slot(startMs, 10)]);
  await world.clock.advance(6000);
  ledger = await started();
  ledger.served(5, 0);
  await world.clock.advance(SLOT_MS + 1000);
  expect(ledger.unsent()).toEqual([slot(startMs, 15)]);
  ledger.acknowledged(ledger.unsent());
  expect(ledger.unsent()).toEqual([]);
});

test('a broken file is no reason not to count', async () => {
  writeFileSync(join(dir, 'traffic.json'), '{"version":');
  const ledger = await started();
  ledger.served(1, 0);
  expect(ledger.unsent()).toHaveLength(1);
});

test('a week is kept while the planner is away, and no more', async () => {
  const ledger = new TrafficLedger(dir, { world, logger: silentLogger });
  for (let index = 0; index < 2100; index += 1) {
    ledger.served(1, 0);
    await world.clock.advance(SLOT_MS);
  }
  let count = 0;
  for (let some = ledger.unsent(); some.length > 0; some = ledger.unsent()) {
    count += some.length;
    ledger.acknowledged(some);
  }
  expect(count).toBe(7 * 288);
});

test('what is counted while a report is on its way is not forgotten when the slot ends meanwhile', async () => {
  const ledger = await started();
  const startMs = world.clock.nowMs();
  ledger.served(10, 0);
  const sent = ledger.unsent();
  ledger.served(5, 0);
  await world.clock.advance(SLOT_MS);
  ledger.acknowledged(sent);
  expect(ledger.unsent()).toEqual([slot(startMs, 15)]);
});

test('slots of a clock that was ahead for days are told once, and keep nothing else from being told', async () => {
  const ledger = await started();
  const startMs = world.clock.nowMs();
  world.clock.jumpWallClock(365 * 86_400_000);
  for (let index = 0; index < 700; index += 1) {
    ledger.served(1, 0);
    world.clock.jumpWallClock(SLOT_MS);
  }
  world.clock.jumpWallClock(startMs - world.clock.nowMs());
  ledger.served(10, 0);
  for (let times = 0; times < 3; times += 1) ledger.acknowledged(ledger.unsent());
  expect(ledger.unsent()).toEqual([slot(startMs, 10)]);
});

test('what does not arrive is told again', async () => {
  const ledger = await started();
  ledger.served(10, 0);
  const posted: unknown[] = [];
  let fails = true;
  const shipper = new TrafficShipper({
    applianceId: 'a1',
    ledger,
    service: {
      usable: () => Promise.resolve(),
      post: (_target, body) => {
        posted.push(body);
        return fails ? Promise.reject(new OperationalError('SERVICE_TIMEOUT', 'lost')) : Promise.resolve(undefined);
      },
    },
    world,
    logger: silentLogger,
    shipMs: 60_000,
  });
  await shipper.start();
  await world.clock.advance(SLOT_MS + 1000);
  expect(ledger.unsent()).toHaveLength(1);
  fails = false;
  await world.clock.advance(66_000);
  expect(posted.at(-1)).toMatchObject({ applianceId: 'a1', slots: [{ servedBytes: 10 }] });
  expect(ledger.unsent()).toEqual([]);
  const stopped = shipper.stop(1000);
  await world.clock.advance(1000);
  await stopped;
});
