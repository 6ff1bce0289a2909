import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FillHours } from '../../../appliance/fill/pace/fill-hours.ts';
import { LinkUse } from '../../../appliance/fill/pace/link-use.ts';
import { GoneFiles } from '../../../appliance/fill/planned/gone-files.ts';
import { SourceBans } from '../../../appliance/fill/sources/source-bans.ts';
import { TrafficLedger } from '../../../appliance/report/traffic-ledger.ts';
import { TriggerJournal } from '../../../appliance/triggers/trigger-journal.ts';
import type { FillPlan } from '../../../src/contracts/fill-plan.ts';
import { isOperational } from '../../../src/errors/operational-error.ts';
import { atOnce } from '../../../src/resilience/in-slices.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const DAY_MS = 86_400_000;
let dir: string;
let world: FakeWorld;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'oca-spoiled-'));
  world = new FakeWorld();
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Everything that planned fill keeps over restarts, as one process of it. */
async function start() {
  const plan = () => ({ windows: [{ startsAtMs: 0, endsAtMs: 1, fillBitsPerSec: 1 }] }) as unknown as FillPlan;
  const parts = { world, logger: silentLogger };
  const linkUse = new LinkUse(dir, parts);
  const traffic = new TrafficLedger(dir, parts);
  const bans = new SourceBans(join(dir, 'bans.json'), { ...parts, metrics: new Metrics('appliance') });
  const gone = new GoneFiles({ file: join(dir, 'gone-files.json'), graceMs: DAY_MS, clock: world.clock, ...parts });
  const hours = new FillHours({ plan, clock: world.clock, file: join(dir, 'fill-order.json'), repeatDays: 7 });
  const journal = new TriggerJournal(dir, () => world.clock.nowMs());
  await linkUse.start();
  await traffic.start();
  bans.load();
  gone.load();
  // These two say what they cannot read, and whoever starts them goes on.
  for (const part of [hours, journal]) {
    try {
      part.load();
    } catch (error) {
      if (!isOperational(error) && !(error instanceof Error && error.name === 'ContractError')) throw error;
    }
  }
  return { linkUse, traffic, bans, gone, hours, journal };
}
type Running = Awaited<ReturnType<typeof start>>;

async function use({ linkUse, traffic, bans, gone, hours, journal }: Running): Promise<void> {
  linkUse.crossed('fill', 1000);
  traffic.served(1000, 0);
  bans.gaveWrong({ id: 'liar', kind: 'peer' }, '/a 0');
  bans.gaveRight({ id: 'origin', kind: 'origin' }, '/a 0');
  atOnce(gone.planChanged(new Map()));
  hours.pause(3_600_000);
  const trigger = { triggerId: 't1', type: 'purge', createdAtMs: 1, paths: ['/a'], patterns: [], tags: [] } as const;
  journal.take([{ ...trigger, paths: ['/a'], patterns: [], tags: [] }]);
  await world.clock.advance(6000);
}

async function end({ linkUse, traffic }: Running): Promise<void> {
  const ended = Promise.all([linkUse.stop(10), traffic.stop(10)]);
  await world.clock.advance(10);
  await ended;
}

const FILES = ['bans', 'fill-order', 'link-use', 'link-use-now', 'traffic', 'triggers'].map((name) => `${name}.json`);
const SPOILS: Readonly<Record<string, (file: string) => void>> = {
  torn: (file) => writeFileSync(file, readFileSync(file).subarray(0, readFileSync(file).length / 2)),
  empty: (file) => writeFileSync(file, ''),
  null: (file) => writeFileSync(file, 'null'),
  'of another form': (file) => writeFileSync(file, '{"version":1}'),
  'full of enormous numbers': (file) =>
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/\d{2,}/g, '9007199254740991')),
  'a folder': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
};

describe('state files of planned fill that are', () => {
  it.each(Object.keys(SPOILS))('%s keep nothing from working, and bind it to nothing for long', async (kind) => {
    const before = await start();
    await use(before);
    await end(before);
    for (const name of FILES) SPOILS[kind]?.(join(dir, name));
    const after = await start();
    after.linkUse.crossed('fill', 1);
    after.traffic.served(1, 0);
    expect(after.linkUse.fillBytes(world.clock.nowMs(), world.clock.nowMs() + 1)).toBeGreaterThanOrEqual(1);
    expect(after.traffic.unsent().length).toBeGreaterThan(0);
    await world.clock.advance(DAY_MS + 1);
    expect(after.bans.list()).toEqual([]);
    expect(after.hours.order(world.clock.nowMs())).toBeUndefined();
    await end(after);
  });
});
