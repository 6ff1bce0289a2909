import { describe, expect, it } from 'vitest';
import { FillSlots } from '../../../../appliance/fill/run/fill-slots.ts';
import type { OperationalError } from '../../../../src/errors/operational-error.ts';
import { FakeClock } from '../../../support/fake-world.ts';

describe('slots for fills', () => {
  it('pass from hand to hand in turn', async () => {
    const slots = new FillSlots(1, 1000, new FakeClock(0));
    await slots.acquire();
    const order: number[] = [];
    // As many may wait as may run.
    const second = slots.acquire().then(() => order.push(2));
    slots.release();
    await second;
    const third = slots.acquire().then(() => order.push(3));
    slots.release();
    await third;
    expect(order).toEqual([2, 3]);
  });

  it('are refused when as many wait as may run', async () => {
    const slots = new FillSlots(1, 1000, new FakeClock(0));
    await slots.acquire();
    const waiting = slots.acquire();
    await expect(slots.acquire()).rejects.toMatchObject({ code: 'OVERLOADED' });
    slots.release();
    await waiting;
  });

  it('are not waited for longer than the limit, and the one who gave up takes none', async () => {
    const clock = new FakeClock(0);
    const slots = new FillSlots(1, 1000, clock);
    await slots.acquire();
    const outcome = slots.acquire().then(
      () => 'a slot',
      (error: OperationalError) => error.code,
    );
    await clock.advance(1000);
    expect(await outcome).toBe('OVERLOADED');
    slots.release();
    await slots.acquire();
    expect(clock.timerCount).toBe(0);
  });
});
