import { expect, test } from 'vitest';
import { Shedder } from '../../../../steering/edge/shed/shedder.ts';
import { FakeClock } from '../../../support/fake-world.ts';

/** Timers of this clock fire when the test says, however late. */
class LateClock extends FakeClock {
  #task: (() => void) | undefined;

  override setTimer(_delayMs: number, task: () => void) {
    this.#task = task;
    return { cancel: () => (this.#task = undefined) };
  }

  /** The next probe comes `lateMs` too late. */
  async probe(lateMs: number): Promise<void> {
    await this.advance(25 + lateMs);
    this.#task?.();
  }
}

async function startShedder(changes: { maxPerSec?: number; fleetPerSec?: number } = {}) {
  const clock = new LateClock(0);
  const shedder = new Shedder({ clock, targetDelayMs: 20, maxPerSec: 1_000_000, fleetPerSec: 2, ...changes });
  await shedder.start();
  const window = async (lateMs: number): Promise<void> => {
    for (let probe = 0; probe < 10; probe += 1) await clock.probe(lateMs);
  };
  return { clock, shedder, window };
}

test('a queue that stands is overload, a pause is not', async () => {
  const { clock, shedder, window } = await startShedder();
  for (let probe = 0; probe < 9; probe += 1) await clock.probe(500);
  await clock.probe(1);
  expect(shedder.report()).toMatchObject({ shedShare: 0, standingDelayMs: 1 });
  await window(40);
  expect(shedder.report().shedShare).toBe(0.5);
  expect(shedder.admit('report', 'x')).toBe(false);
  expect(shedder.admit('first', 'x')).toBe(true);
  for (let calm = 0; calm < 8; calm += 1) await window(0);
  expect(shedder.admit('report', 'x')).toBe(true);
});

test('the limit per second is kept, and is overload too', async () => {
  const { shedder, window } = await startShedder({ maxPerSec: 3 });
  expect([1, 2, 3, 4].map((session) => shedder.admit('first', `s${session}`))).toEqual([true, true, true, false]);
  await window(0);
  expect(shedder.report().shedShare).toBeGreaterThan(0);
});

test('heartbeats have their rate whatever the load is, and all of them pass while little is shed', async () => {
  const { shedder, window } = await startShedder();
  const beats = () => Array.from({ length: 4 }, () => shedder.admitHeartbeat());
  expect(beats()).toEqual([true, true, true, true]);
  for (let overload = 0; overload < 4; overload += 1) await window(1000);
  expect(shedder.admit('first', 'x')).toBe(false);
  expect(beats()).toEqual([true, true, false, false]);
});
