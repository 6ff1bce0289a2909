import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Alarm } from '../../../src/resilience/alarm.ts';
import { backoffMs } from '../../../src/resilience/backoff.ts';
import { FakeWorld } from '../../support/fake-world.ts';

const never = new AbortController().signal;

describe('an alarm', () => {
  const waiter = (world: FakeWorld, alarm: Alarm, delayMs: number, signal = never) => {
    const state = { isOver: false };
    void alarm.wait(delayMs, signal).then(() => (state.isOver = true));
    return { state, look: () => world.clock.advance(0).then(() => state.isOver) };
  };

  it('ends a wait when its time is over', async () => {
    const world = new FakeWorld();
    const { state } = waiter(world, new Alarm(world.clock), 500);
    await world.clock.advance(499);
    expect(state.isOver).toBe(false);
    await world.clock.advance(1);
    expect(state.isOver).toBe(true);
    expect(world.clock.timerCount).toBe(0);
  });

  it('ends every wait when it rings, and leaves no timer behind', async () => {
    const world = new FakeWorld();
    const alarm = new Alarm(world.clock);
    const [first, second] = [waiter(world, alarm, 500), waiter(world, alarm, 900)];
    alarm.ring();
    expect(await first.look()).toBe(true);
    expect(await second.look()).toBe(true);
    expect(world.clock.timerCount).toBe(0);
  });

  it('ends the next wait at once when it rang while nobody waited, and only that one', async () => {
    const world = new FakeWorld();
    const alarm = new Alarm(world.clock);
    alarm.ring();
    alarm.ring();
    expect(await waiter(world, alarm, 500).look()).toBe(true);
    expect(await waiter(world, alarm, 500).look()).toBe(false);
  });

  it('ends a wait when the signal aborts, before or during it', async () => {
    const world = new FakeWorld();
    const alarm = new Alarm(world.clock);
    const ended = new AbortController();
    const during = waiter(world, alarm, 500, ended.signal);
    ended.abort();
    expect(await during.look()).toBe(true);
    expect(await waiter(world, alarm, 500, ended.signal).look()).toBe(true);
  });

  it('looks at the world at least once a day, however long the wait', async () => {
    const world = new FakeWorld();
    const { state } = waiter(world, new Alarm(world.clock), Number.POSITIVE_INFINITY);
    await world.clock.advance(86_400_000);
    expect(state.isOver).toBe(true);
  });
});

describe('backing off', () => {
  const limits = { firstMs: 1000, maxMs: 60_000 };

  it('doubles from the first wait to the longest', () => {
    const waits = [1, 2, 3, 7, 50].map((failures) => Math.round(backoffMs(failures, limits, 0.999_999_999)));
    expect(waits).toEqual([1000, 2000, 4000, 60_000, 60_000]);
  });

  it('is always between half and the whole of that, never more than the longest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -5, max: 10_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const waitMs = backoffMs(failures, limits, random);
          expect(waitMs).toBeGreaterThanOrEqual(500);
          expect(waitMs).toBeLessThanOrEqual(60_000);
        },
      ),
    );
  });
});
