import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinkUse } from '../../../../appliance/fill/pace/link-use.ts';
import { silentLogger } from '../../../../src/telemetry/logger.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const SLOT_MS = 300_000;
let dir: string;
let world: FakeWorld;
let use: LinkUse;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-link-use-'));
  world = new FakeWorld();
  use = await started();
});
afterEach(async () => {
  await stop();
  await rm(dir, { recursive: true });
});

async function started(): Promise<LinkUse> {
  const made = new LinkUse(dir, { world, logger: silentLogger });
  await made.start();
  return made;
}
async function stop(): Promise<void> {
  const stopped = use.stop(100);
  await world.clock.advance(100);
  await stopped;
}
const allBytes = (): number => use.fillBytes(0, Number.MAX_SAFE_INTEGER);

describe('what crossed the link', () => {
  it('is told by five minutes, fill and misses apart, the newest last', async () => {
    const startMs = world.clock.nowMs();
    use.crossed('fill', 5);
    use.crossed('miss', 2);
    await world.clock.advance(SLOT_MS);
    use.crossed('fill', 7);
    expect(use.told()).toEqual([
      { slotStartMs: startMs, fillBytes: 5, missBytes: 2 },
      { slotStartMs: startMs + SLOT_MS, fillBytes: 7, missBytes: 0 },
    ]);
  });

  it('counts a slot that an interval only touches', async () => {
    const startMs = world.clock.nowMs();
    use.crossed('fill', 5);
    await world.clock.advance(3 * SLOT_MS);
    use.crossed('fill', 7);
    expect(use.fillBytes(startMs + 1, startMs + SLOT_MS)).toBe(5);
    expect(use.fillBytes(startMs + SLOT_MS, startMs + 3 * SLOT_MS)).toBe(0);
    expect(allBytes()).toBe(12);
  });

  it('is known after kill -9, but for the last two seconds', async () => {
    use.crossed('fill', 5);
    await world.clock.advance(SLOT_MS);
    use.crossed('fill', 7);
    await world.clock.advance(2500);
    use.crossed('fill', 1);
    const after = await started();
    expect(after.fillBytes(0, Number.MAX_SAFE_INTEGER)).toBe(12);
    await stop();
    use = after;
  });

  it('begins anew with the slot that runs when the file of the others is torn', async () => {
    use.crossed('fill', 5);
    await world.clock.advance(SLOT_MS);
    use.crossed('fill', 7);
    await stop();
    await writeFile(join(dir, 'link-use.json'), '{"version":1,"slots":[{');
    use = await started();
    expect(allBytes()).toBe(7);
  });

  it('is as many slots as 32 days have, of which the first go', async () => {
    for (let slot = 0; slot < 32 * 288 + 3; slot += 1) {
      use.crossed('fill', 1);
      world.clock.jumpWallClock(SLOT_MS);
    }
    expect(allBytes()).toBe(32 * 288);
    await stop();
    use = await started();
    expect(allBytes()).toBe(32 * 288);
  });

  it('is counted all the same when the machine starts with a clock that is a year ahead', async () => {
    use.crossed('fill', 5);
    await world.clock.advance(SLOT_MS);
    use.crossed('fill', 7);
    const sinceMs = world.clock.nowMs() - SLOT_MS;
    await stop();
    world.clock.jumpWallClock(365 * 86_400_000);
    use = await started();
    use.crossed('miss', 1);
    await world.clock.advance(2500);
    await stop();
    world.clock.jumpWallClock(-365 * 86_400_000);
    use = await started();
    expect(use.fillBytes(sinceMs, sinceMs + 2 * SLOT_MS)).toBe(12);
    expect(use.told().at(-1)).toMatchObject({ fillBytes: 7 });
  });

  it('is known after kill -9 in a slot that runs once more because the clock was put back', async () => {
    use.crossed('fill', 5);
    await world.clock.advance(2 * SLOT_MS);
    use.crossed('fill', 7);
    await world.clock.advance(2500);
    world.clock.jumpWallClock(-2 * SLOT_MS);
    use.crossed('fill', 20);
    await world.clock.advance(2500);
    use.crossed('fill', 20);
    await world.clock.advance(2500);
    const after = await started();
    expect(after.fillBytes(0, Number.MAX_SAFE_INTEGER)).toBe(52);
    await stop();
    use = after;
  });

  it('is summed up once for all who ask between two blocks', async () => {
    use.crossed('fill', 5);
    expect(allBytes()).toBe(5);
    use.crossed('fill', 5);
    expect(allBytes()).toBe(10);
    await world.clock.advance(SLOT_MS);
    use.crossed('miss', 5);
    expect(allBytes()).toBe(10);
  });
});
