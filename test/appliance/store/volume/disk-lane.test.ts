import { describe, expect, it } from 'vitest';
import type { Urgency } from '../../../../appliance/store/object-store.ts';
import { DiskLane, type DiskLaneLimits, type LaneDone } from '../../../../appliance/store/volume/disk-lane.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const queue = { maxWaiting: 2, maxWaitingBytes: 1000, waitMs: 500 };
const limits: DiskLaneLimits = {
  width: 2,
  demandWidth: 1,
  bulkWidth: 1,
  operationMs: 1000,
  queues: { viewer: queue, demand: queue, planned: queue, scrub: queue },
};

function gated() {
  const gate = Promise.withResolvers<string>();
  let started = false;
  const operation = () => {
    started = true;
    return gate.promise;
  };
  return { operation, open: () => gate.resolve('done'), started: () => started };
}

/** A lane whose operations are opened by the test, by their names. */
function rig(changes: Partial<DiskLaneLimits> = {}) {
  const { clock } = new FakeWorld();
  const lane = new DiskLane(clock, { ...limits, ...changes });
  const gates = new Map<string, ReturnType<typeof gated>>();
  const begun: string[] = [];
  const ask = (urgency: Urgency, name: string, bytes = 10): Promise<string> => {
    const gate = gated();
    gates.set(name, gate);
    return lane.run({ urgency, what: name, bytes }, () => {
      begun.push(name);
      return gate.operation();
    });
  };
  const end = async (name: string): Promise<void> => {
    gates.get(name)?.open();
    await clock.advance(0);
  };
  return { clock, lane, ask, end, begun };
}

const codeOf = (result: Promise<string>): Promise<string> => result.catch((error: { code: string }) => error.code);

describe('a disk lane', () => {
  it('runs no more at a time than it is wide, and what is alike in the order of asking', async () => {
    const { ask, end, begun } = rig();
    const results = ['a', 'b', 'c', 'd'].map((name) => ask('viewer', name));
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'c', 'd']) await end(name);
    expect(await Promise.all(results)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('takes viewers before demand, demand before the plan, the plan before the scrub', async () => {
    const { ask, end, begun } = rig({ width: 1 });
    const results = [ask('viewer', 'first')];
    for (const urgency of ['scrub', 'planned', 'demand', 'viewer'] as const) results.push(ask(urgency, urgency));
    for (const name of ['first', 'viewer', 'demand', 'planned', 'scrub']) await end(name);
    await Promise.all(results);
    expect(begun).toEqual(['first', 'viewer', 'demand', 'planned', 'scrub']);
  });

  it('gives a demand write its turn after four reads that went before it', async () => {
    const { ask, end, begun } = rig({ width: 1, queues: { ...limits.queues, viewer: { ...queue, maxWaiting: 20 } } });
    const results = [ask('viewer', '0'), ask('demand', 'write')];
    for (let number = 1; number <= 8; number += 1) results.push(ask('viewer', `${number}`));
    for (const name of ['0', '1', '2', '3', '4', 'write', '5', '6', '7', '8']) await end(name);
    await Promise.all(results);
    expect(begun).toEqual(['0', '1', '2', '3', '4', 'write', '5', '6', '7', '8']);
  });

  it('keeps a place free for viewers that demand writes cannot take', async () => {
    const { ask, end, begun } = rig();
    const results = [ask('demand', 'write 1'), ask('demand', 'write 2'), ask('planned', 'plan'), ask('viewer', 'read')];
    expect(begun).toEqual(['write 1', 'read']);
    for (const name of ['write 1', 'read', 'write 2', 'plan']) await end(name);
    await Promise.all(results);
  });

  it('begins no bulk work while a read waits, and one at a time while a read is in hand', async () => {
    const { ask, end, begun } = rig({ width: 3, bulkWidth: 2 });
    const results = [ask('planned', 'plan 1'), ask('scrub', 'scrub 1'), ask('planned', 'plan 2')];
    expect(begun).toEqual(['plan 1', 'scrub 1']);
    results.push(ask('viewer', 'read 1'), ask('viewer', 'read 2'));
    expect(begun).toEqual(['plan 1', 'scrub 1', 'read 1']);
    // The disk is the viewers' within the one operation that was in hand.
    await end('plan 1');
    expect(begun.slice(3)).toEqual(['read 2']);
    await end('read 2');
    expect(begun.slice(4)).toEqual([]);
    await end('scrub 1');
    expect(begun.slice(4)).toEqual(['plan 2']);
    for (const name of ['read 1', 'plan 2']) await end(name);
    await Promise.all(results);
  });

  it('refuses what would wait behind too many or behind too much', async () => {
    const { ask, end } = rig({ width: 1 });
    const results = ['a', 'b', 'c'].map((name) => ask('viewer', name));
    await expect(ask('viewer', 'one too many')).rejects.toMatchObject({ code: 'OVERLOADED' });
    results.push(ask('demand', 'more than all may', 2000));
    await expect(ask('demand', 'too much')).rejects.toMatchObject({ code: 'OVERLOADED' });
    for (const name of ['a', 'b', 'c', 'more than all may']) await end(name);
    expect(await Promise.all(results)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('gives up on an operation that hangs as a failure of the disk, and on one that never began as overload', async () => {
    const { clock, lane, ask, end, begun } = rig();
    const codes = Promise.all(['a', 'b', 'c'].map((name) => codeOf(ask('viewer', name))));
    await clock.advance(1000);
    expect(await codes).toEqual(['VOLUME_IO', 'VOLUME_IO', 'OVERLOADED']);
    expect(lane.waiting('viewer')).toBe(0);
    // The place stays taken until the kernel is through with it.
    const next = ask('viewer', 'next');
    expect(begun).toEqual(['a', 'b']);
    await end('a');
    await end('next');
    expect(await next).toBe('done');
    expect(begun).toEqual(['a', 'b', 'next']);
    expect(lane.running('viewer')).toBe(1);
  });

  it('does not blame the disk for the time that an operation waited', async () => {
    const { clock, ask, end } = rig({ width: 1, operationMs: 300 });
    const first = codeOf(ask('viewer', 'first'));
    const second = ask('viewer', 'second');
    await clock.advance(299);
    await end('first');
    await clock.advance(299);
    await end('second');
    expect([await first, await second]).toEqual(['done', 'done']);
  });

  it('tells how long each operation waited and took', async () => {
    const done: LaneDone[] = [];
    const { clock, ask, end } = rig({ width: 1, onDone: (one) => done.push(one) });
    const results = [ask('viewer', 'read'), ask('scrub', 'scrub')];
    await clock.advance(30);
    await end('read');
    await clock.advance(12);
    await end('scrub');
    await Promise.all(results);
    expect(done).toEqual([
      { urgency: 'viewer', waitedMs: 0, tookMs: 30 },
      { urgency: 'scrub', waitedMs: 30, tookMs: 12 },
    ]);
  });

  it('tells how long the first one has been waited for, until it is given up on', async () => {
    const { clock, lane, ask, end } = rig({ width: 1 });
    expect(lane.longestWaitMs('viewer')).toBe(0);
    const codes = [codeOf(ask('viewer', 'first'))];
    await clock.advance(40);
    codes.push(codeOf(ask('viewer', 'second')));
    await clock.advance(2);
    expect(lane.longestWaitMs('viewer')).toBe(42);
    await end('first');
    expect(lane.longestWaitMs('viewer')).toBe(2);
    await clock.advance(1000);
    expect(lane.longestWaitMs('viewer')).toBe(0);
    expect(await Promise.all(codes)).toEqual(['done', 'VOLUME_IO']);
  });

  it('hands on what the operation throws, and goes on', async () => {
    const lane = new DiskLane(new FakeWorld().clock, { ...limits, width: 1 });
    const work = { urgency: 'viewer', what: 'test', bytes: 1 } as const;
    await expect(lane.run(work, () => Promise.reject(new Error('as it came')))).rejects.toThrow('as it came');
    expect(await lane.run(work, () => Promise.resolve(1))).toBe(1);
  });
});
