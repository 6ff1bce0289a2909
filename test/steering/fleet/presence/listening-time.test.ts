import { expect, test } from 'vitest';
import { ListeningTime, TICK_MS } from '../../../../steering/fleet/presence/listening-time.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const GRACE_MS = 3000;

function listening() {
  const { clock } = new FakeWorld();
  const time = new ListeningTime(clock, GRACE_MS);
  const tickFor = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += TICK_MS) {
      await clock.advance(TICK_MS);
      expect(time.tick()).toBe(0);
    }
  };
  return { clock, time, tickFor };
}

test('while it ticks it is the time of the clock', async () => {
  const { time, tickFor } = listening();
  await tickFor(60_000);
  expect(time.nowMs()).toBe(60_000);
  expect(time.stalledMs).toBe(0);
});

test('a stall does not count, neither before the tick that notices it nor after', async () => {
  const { clock, time, tickFor } = listening();
  await tickFor(10_000);
  await clock.advance(30_000);
  expect(time.nowMs()).toBe(11_000);
  expect(time.tick()).toBe(30_000 - TICK_MS);
  expect(time.nowMs()).toBe(11_000);
  await clock.advance(GRACE_MS);
  time.tick();
  expect(time.nowMs()).toBe(11_000);
  await tickFor(5000);
  expect(time.nowMs()).toBe(16_000);
  expect(time.stalledMs).toBe(30_000 - TICK_MS);
});

test('a tick that is a little late is no stall, and the wall clock plays no part', async () => {
  const { clock, time } = listening();
  await clock.advance(900);
  clock.jumpWallClock(-86_400_000);
  expect(time.tick()).toBe(0);
  expect(time.nowMs()).toBe(900);
});

test('it never goes back', async () => {
  const { clock, time } = listening();
  let before = time.nowMs();
  for (let step = 0; step < 500; step += 1) {
    await clock.advance((step * 7919) % 2500);
    if (step % 3 > 0) time.tick();
    expect(time.nowMs()).toBeGreaterThanOrEqual(before);
    before = time.nowMs();
  }
});
