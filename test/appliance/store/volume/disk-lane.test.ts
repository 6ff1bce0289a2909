import { describe, expect, it } from 'vitest';
import { DiskLane } from '../../../../appliance/store/volume/disk-lane.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const limits = { width: 2, maxWaiting: 2, deadlineMs: 1000 };

function gated() {
  const gate = Promise.withResolvers<string>();
  let started = false;
  const operation = () => {
    started = true;
    return gate.promise;
  };
  return { operation, open: () => gate.resolve('done'), started: () => started };
}

describe('a disk lane', () => {
  it('runs no more at a time than it is wide, in the order of asking', async () => {
    const lane = new DiskLane(new FakeWorld().clock, limits);
    const jobs = [gated(), gated(), gated(), gated()];
    const results = jobs.map(({ operation }) => lane.run('test', operation));
    expect(jobs.map(({ started }) => started())).toEqual([true, true, false, false]);
    jobs[1]!.open();
    await results[1];
    await Promise.resolve();
    expect(jobs.map(({ started }) => started())).toEqual([true, true, true, false]);
    for (const { open } of jobs) open();
    expect(await Promise.all(results)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('refuses what would wait behind too many', async () => {
    const lane = new DiskLane(new FakeWorld().clock, limits);
    const jobs = [gated(), gated(), gated(), gated()];
    const results = jobs.map(({ operation }) => lane.run('test', operation));
    await expect(lane.run('one too many', gated().operation)).rejects.toMatchObject({ code: 'OVERLOADED' });
    for (const { open } of jobs) open();
    await Promise.all(results);
  });

  it('gives up on an operation that hangs as a failure of the disk, and on one that never began as overload', async () => {
    const { clock } = new FakeWorld();
    const lane = new DiskLane(clock, limits);
    const jobs = [gated(), gated(), gated()];
    const results = jobs.map(({ operation }) => lane.run('test', operation));
    const codes = Promise.all(results.map((result) => result.catch((error: { code: string }) => error.code)));
    await clock.advance(1000);
    expect(await codes).toEqual(['VOLUME_IO', 'VOLUME_IO', 'OVERLOADED']);
    // The place stays taken until the kernel is through with it.
    const next = gated();
    const result = lane.run('next', next.operation);
    expect(next.started()).toBe(false);
    jobs[0]!.open();
    next.open();
    expect(await result).toBe('done');
    expect(jobs[2]!.started()).toBe(false);
  });

  it('hands on what the operation throws', async () => {
    const lane = new DiskLane(new FakeWorld().clock, limits);
    await expect(lane.run('test', () => Promise.reject(new Error('as it came')))).rejects.toThrow('as it came');
    expect(await lane.run('test', () => Promise.resolve(1))).toBe(1);
  });
});
