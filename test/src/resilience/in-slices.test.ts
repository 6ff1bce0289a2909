import { expect, test } from 'vitest';
import { atOnce, inSlices } from '../../../src/resilience/in-slices.ts';
import type { Clock } from '../../../src/world/world.ts';
import { FakeWorld } from '../../support/fake-world.ts';

/** Work of single units that writes down when each was done. */
function* counting(units: number, clock: { monotonicMs(): number }, doneAtMs: number[]): Generator<number, string> {
  for (let unit = 0; unit < units; unit += 1) {
    doneAtMs.push(clock.monotonicMs());
    yield 1;
  }
  return 'done';
}

const longestSlice = (doneAtMs: readonly number[]): number =>
  Math.max(...[...Map.groupBy(doneAtMs, (atMs) => atMs).values()].map((units) => units.length));

test('others have their turn after every slice', async () => {
  const { clock } = new FakeWorld();
  const doneAtMs: number[] = [];
  const outcome = inSlices(counting(100, clock, doneAtMs), {
    clock,
    signal: new AbortController().signal,
    unitsPerSlice: 10,
  });
  await clock.advance(1000);
  expect(await outcome).toBe('done');
  expect(longestSlice(doneAtMs)).toBe(10);
});

test('work with a pace takes its time, and a slice that came late is made up for', async () => {
  const { clock } = new FakeWorld();
  const beganMs = clock.monotonicMs();
  const late: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, task) => clock.setTimer(delayMs, task),
    delay: (delayMs, signal) => clock.delay(doneAtMs.length === 10 ? delayMs + 30 : delayMs, signal),
  };
  const doneAtMs: number[] = [];
  const options = { clock: late, signal: new AbortController().signal, unitsPerSlice: 10, paceMsPerUnit: 1 };
  const outcome = inSlices(counting(100, clock, doneAtMs), options);
  await clock.advance(1000);
  expect(await outcome).toBe('done');
  expect((doneAtMs.at(-1) ?? 0) - beganMs).toBe(90);
});

test('a signal ends it between two slices', async () => {
  const { clock } = new FakeWorld();
  const ended = new AbortController();
  const doneAtMs: number[] = [];
  const options = { clock, signal: ended.signal, unitsPerSlice: 10 };
  const outcome = inSlices(counting(100, clock, doneAtMs), options).catch((error: unknown) => error);
  ended.abort(new Error('stopped'));
  await clock.advance(1000);
  expect(await outcome).toEqual(new Error('stopped'));
  expect(doneAtMs).toHaveLength(10);
});

test('at once there is no rest', () => {
  const { clock } = new FakeWorld();
  const doneAtMs: number[] = [];
  expect(atOnce(counting(100, clock, doneAtMs))).toBe('done');
  expect(longestSlice(doneAtMs)).toBe(100);
});
