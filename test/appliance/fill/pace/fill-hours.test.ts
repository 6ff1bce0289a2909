import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FillHours } from '../../../../appliance/fill/pace/fill-hours.ts';
import type { FillPlan, FillWindow } from '../../../../src/contracts/fill-plan.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const HOUR_MS = 3_600_000;
let dir: string;
let world: FakeWorld;
let windows: FillWindow[];
let startMs: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'oca-fill-hours-'));
  world = new FakeWorld();
  startMs = world.clock.nowMs();
  windows = [window(2, 6)];
});
afterEach(() => rm(dir, { recursive: true }));

const window = (from: number, to: number, fillBitsPerSec = 1e9): FillWindow => ({
  startsAtMs: startMs + from * HOUR_MS,
  endsAtMs: startMs + to * HOUR_MS,
  fillBitsPerSec,
});

function hours(): FillHours {
  const made = new FillHours({
    plan: () => ({ windows }) as FillPlan,
    clock: world.clock,
    file: join(dir, 'order.json'),
    repeatDays: 7,
  });
  made.load();
  return made;
}
const at = (hour: number): number => startMs + hour * HOUR_MS;

describe('the hours of planned fill', () => {
  it("are the plan's where nobody ordered anything", () => {
    const mine = hours();
    expect([1, 2, 5.9, 6].map((hour) => mine.open(at(hour)) !== undefined)).toEqual([false, true, true, false]);
    expect(mine.untilNextMs(at(1))).toBe(HOUR_MS);
    expect(mine.order(at(1))).toBeUndefined();
  });

  it('are none while the operator pauses, which ends by itself', () => {
    const mine = hours();
    mine.pause(4 * HOUR_MS);
    expect([3, 3.9, 4, 5].map((hour) => mine.open(at(hour)) !== undefined)).toEqual([false, false, true, true]);
    expect(mine.untilNextMs(at(3))).toBe(HOUR_MS);
    expect(mine.coming(at(1))[0]).toEqual(window(4, 6));
  });

  it('are open now where the operator says so, at the rate of the next window, and end by themselves', () => {
    const mine = hours();
    expect(mine.fillNow(HOUR_MS)).toBe(true);
    expect(mine.open(at(0.5))).toEqual(window(0, 1));
    expect(mine.open(at(1))).toBeUndefined();
    expect(mine.coming(at(0.5)).slice(0, 2)).toEqual([{ ...window(0, 1), startsAtMs: at(0.5) }, window(2, 6)]);
  });

  it("let the plan's own window go before one that was opened by hand, because its waits are over", () => {
    windows = [window(-1, 3, 5e8)];
    const mine = hours();
    mine.fillNow(5 * HOUR_MS);
    expect(mine.open(at(2))).toEqual(windows[0]);
    expect(mine.open(at(4))).toEqual(window(0, 5, 5e8));
  });

  it('are not open now without a rate that a plan gives', () => {
    windows = [];
    const mine = hours();
    expect(mine.fillNow(HOUR_MS)).toBe(false);
    expect(mine.order(at(0))).toBeUndefined();
  });

  it('remember an order over a restart, and that it was taken back', () => {
    hours().pause(4 * HOUR_MS);
    const again = hours();
    expect(again.open(at(3))).toBeUndefined();
    again.resume();
    expect(again.open(at(3))).toBeDefined();
    expect(hours().open(at(3))).toBeDefined();
  });

  it('tell of every change', () => {
    const mine = hours();
    let told = 0;
    mine.onChange(() => {
      told += 1;
    });
    mine.pause(HOUR_MS);
    mine.fillNow(HOUR_MS);
    mine.resume();
    expect(told).toBe(3);
  });
});

describe('a clock that lies', () => {
  it('makes no pause last for years when it is put back, before a restart and after it', async () => {
    const mine = hours();
    mine.pause(HOUR_MS);
    world.clock.jumpWallClock(-365 * 24 * HOUR_MS);
    expect(mine.order(world.clock.nowMs())?.kind).toBe('pause');
    expect(mine.untilNextMs(world.clock.nowMs())).toBe(HOUR_MS);
    const other = hours();
    await world.clock.advance(HOUR_MS);
    expect([mine, other].map((each) => each.order(world.clock.nowMs()))).toEqual([undefined, undefined]);
  });

  it('or a spoilt file makes no pause longer than an operator may order', async () => {
    hours().pause(HOUR_MS);
    const file = join(dir, 'order.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"untilMs":\d+/, '"untilMs":9007199254740991'));
    const mine = hours();
    await world.clock.advance(7 * 24 * HOUR_MS);
    expect(mine.order(world.clock.nowMs())).toBeUndefined();
  });

  it('opens no window for years by an order to fill now', async () => {
    const mine = hours();
    mine.fillNow(HOUR_MS);
    world.clock.jumpWallClock(-365 * 24 * HOUR_MS);
    await world.clock.advance(2 * HOUR_MS);
    world.clock.jumpWallClock(365 * 24 * HOUR_MS - 2 * HOUR_MS);
    expect(mine.open(world.clock.nowMs())).toBeUndefined();
  });
});
