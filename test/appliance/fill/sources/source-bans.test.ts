import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceBans, type Suspect } from '../../../../appliance/fill/sources/source-bans.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
let dir: string;
let world: FakeWorld;
let bans: SourceBans;
let metrics: Metrics;

const peer = (id: string): Suspect => ({ id, kind: 'peer' });
const origin: Suspect = { id: 'origin', kind: 'origin' };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-bans-'));
  world = new FakeWorld();
  bans = restart();
});
afterEach(() => rm(dir, { recursive: true }));

function restart(): SourceBans {
  metrics = new Metrics('appliance');
  const made = new SourceBans(join(dir, 'bans.json'), { world, logger: silentLogger, metrics });
  made.load();
  return made;
}

/** One more proof against a source. */
function prove(id: string): void {
  bans.gaveWrong(peer(id), '/film 0');
  bans.gaveRight(origin, '/film 0');
}

describe('a source that gave a wrong block', () => {
  it('is only suspected, until somebody else gives the same block right', () => {
    bans.gaveWrong(peer('liar'), '/film 3');
    expect(bans.isBanned('liar')).toBe(false);
    bans.gaveRight(peer('other'), '/film 4');
    expect(bans.isBanned('liar')).toBe(false);
    bans.gaveRight(peer('other'), '/film 3');
    expect(bans.list()).toEqual([{ id: 'liar', bans: 1, untilMs: world.clock.nowMs() + 5 * MINUTE_MS }]);
  });

  it('is not proven wrong by its own right answer', () => {
    bans.gaveWrong(peer('p'), '/film 3');
    bans.gaveRight(peer('p'), '/film 3');
    bans.gaveRight(peer('other'), '/film 3');
    expect(bans.isBanned('p')).toBe(false);
  });

  it('is banned for three wrong blocks without a right one, if others give right ones', () => {
    bans.gaveRight(peer('other'), '/film 9');
    bans.gaveWrong(peer('liar'), '/film 0');
    bans.gaveWrong(peer('liar'), '/film 1');
    bans.gaveRight(peer('liar'), '/film 2');
    for (const block of ['/film 3', '/film 4']) bans.gaveWrong(peer('liar'), block);
    expect(bans.isBanned('liar')).toBe(false);
    bans.gaveWrong(peer('liar'), '/film 5');
    expect(bans.isBanned('liar')).toBe(true);
  });

  it('is not banned when nothing right comes from anybody: it may be us', () => {
    for (let block = 0; block < 9; block += 1) bans.gaveWrong(peer('p'), `/film ${block}`);
    expect(bans.isBanned('p')).toBe(false);
  });

  it('is never banned when it is the origin', () => {
    bans.gaveWrong(origin, '/film 0');
    bans.gaveRight(peer('p'), '/film 0');
    expect(bans.list()).toEqual([]);
  });
});

describe('bans', () => {
  it('last four times longer each time, a day at most, and end by themselves', async () => {
    const lasted: number[] = [];
    for (let time = 0; time < 6; time += 1) {
      prove('liar');
      const forMs = bans.untilMs('liar')! - world.clock.nowMs();
      lasted.push(forMs / MINUTE_MS);
      await world.clock.advance(forMs);
      expect(bans.isBanned('liar')).toBe(false);
    }
    expect(lasted).toEqual([5, 20, 80, 320, 1280, 1440]);
  });

  it('do not grow by what was on its way when they began', () => {
    prove('liar');
    prove('liar');
    expect(bans.list()[0]?.bans).toBe(1);
  });

  it('are forgiven after a week', async () => {
    prove('liar');
    await world.clock.advance(8 * DAY_MS);
    prove('liar');
    expect(bans.list()[0]?.bans).toBe(1);
  });

  it('outlive a restart, and so does how many there were', async () => {
    prove('liar');
    const { untilMs } = bans.list()[0]!;
    bans = restart();
    expect(bans.list()).toEqual([{ id: 'liar', bans: 1, untilMs }]);
    await world.clock.advance(6 * MINUTE_MS);
    prove('liar');
    expect(bans.list()[0]?.bans).toBe(2);
  });

  it('begin anew when the list is torn, and never last longer than a day by a clock that was wrong', async () => {
    await writeFile(join(dir, 'bans.json'), '{"version":1,"bans":[{');
    bans = restart();
    expect(bans.list()).toEqual([]);
    prove('liar');
    world.clock.jumpWallClock(-300 * DAY_MS);
    bans = restart();
    expect(bans.untilMs('liar')! - world.clock.nowMs()).toBe(DAY_MS);
  });

  it('do not take most of the sources: then this machine is suspected, and the operator is told', async () => {
    for (const id of ['a', 'b', 'c']) bans.gaveRight(peer(id), '/film 9');
    prove('a');
    prove('b');
    expect([bans.isBanned('a'), bans.isBanned('b'), bans.doubtsItself]).toEqual([true, true, false]);
    prove('c');
    expect([bans.isBanned('c'), bans.doubtsItself]).toEqual([false, true]);
    expect(await metrics.expose()).toMatch(/appliance_sources_doubt_self 1/);
    expect(await metrics.expose()).toMatch(/appliance_sources_banned 2/);
    expect(await metrics.expose()).toMatch(/appliance_source_bans_total 2/);
  });
});

describe('a clock that lies', () => {
  it('bans nobody for longer when it is put back by years, before a restart and after it', async () => {
    prove('liar');
    world.clock.jumpWallClock(-3 * 365 * DAY_MS);
    expect(bans.list()).toMatchObject([{ untilMs: world.clock.nowMs() + 5 * MINUTE_MS }]);
    await world.clock.advance(5 * MINUTE_MS);
    expect(bans.list()).toEqual([]);
    bans = restart();
    await world.clock.advance(DAY_MS);
    expect(bans.list()).toEqual([]);
  });
});

it('knows a thousand bans after a restart, the newest, however many there were', () => {
  for (let index = 0; index < 1010; index += 1) {
    prove(`p${index}`);
    world.clock.jumpWallClock(10 * MINUTE_MS);
  }
  prove('last');
  bans = restart();
  expect(bans.isBanned('last')).toBe(true);
});
