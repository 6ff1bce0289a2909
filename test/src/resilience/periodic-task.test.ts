import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PeriodicTask } from '../../../src/resilience/periodic-task.ts';
import { FakeWorld } from '../../support/fake-world.ts';

let world: FakeWorld;
let task: PeriodicTask;
let runsAtMs: number[];

beforeEach(() => {
  world = new FakeWorld();
  runsAtMs = [];
});

afterEach(async () => {
  const stopped = task.stop(1000);
  await world.clock.advance(1000);
  await stopped;
});

async function start(run: (signal: AbortSignal) => Promise<number | undefined> = () => Promise.resolve(undefined)) {
  task = new PeriodicTask(world, 1000, (signal) => {
    runsAtMs.push(world.clock.monotonicMs());
    return run(signal);
  });
  await task.start();
}

describe('a periodic task', () => {
  it('runs at once, and then at its interval, a tenth more or less, never twice alike', async () => {
    await start();
    await world.clock.advance(100_000);
    const waits = runsAtMs.slice(1).map((atMs, index) => atMs - runsAtMs[index]!);
    expect(waits.length).toBeGreaterThan(80);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(900);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1100);
    expect(new Set(waits).size).toBeGreaterThan(50);
  });

  it('waits as long as the run says, where it says so', async () => {
    await start(() => Promise.resolve(50));
    await world.clock.advance(1000);
    expect(runsAtMs).toHaveLength(21);
  });

  it('never runs twice at once, and counts the wait from the end of a run', async () => {
    let running = 0;
    await start(async () => {
      running += 1;
      expect(running).toBe(1);
      await world.clock.delay(5000);
      running -= 1;
      return 100;
    });
    task.nudge();
    await world.clock.advance(10_300);
    expect(runsAtMs.map((atMs) => atMs - runsAtMs[0]!)).toEqual([0, 5000, 10_100]);
  });

  it('runs at once when nudged, and once more when nudged during a run', async () => {
    await start();
    await world.clock.advance(10);
    task.nudge();
    task.nudge();
    await world.clock.advance(10);
    expect(runsAtMs).toHaveLength(2);
  });

  it('ends the run in hand by its signal when stopped, and never runs again', async () => {
    let reason: unknown;
    await start(async (signal) => {
      await world.clock.delay(60_000, signal).catch((error: unknown) => {
        reason = error;
        throw error;
      });
      return undefined;
    });
    await world.clock.advance(10);
    const stopped = task.stop(1000);
    await world.clock.advance(0);
    await stopped;
    expect(reason).toEqual(new Error('stopped'));
    await world.clock.advance(100_000);
    expect(runsAtMs).toHaveLength(1);
  });

  it('does not wait beyond the deadline for a run that does not end', async () => {
    await start(() => new Promise(() => undefined));
    await world.clock.advance(10);
    let isStopped = false;
    void task.stop(500).then(() => (isStopped = true));
    await world.clock.advance(499);
    expect(isStopped).toBe(false);
    await world.clock.advance(1);
    expect(isStopped).toBe(true);
  });
});
