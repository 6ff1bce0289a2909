import { expect, test } from 'vitest';
import { CycleQueue } from '../../../fill-planner/plan/cycle-queue.ts';

/** Runs that end when they are told to, each noted when it begins. */
function gatedRuns() {
  const begun: { options: string | undefined; end: (value: string) => void; fail: (error: Error) => void }[] = [];
  const queue = new CycleQueue<string, string>((options) => {
    const gate = Promise.withResolvers<string>();
    begun.push({ options, end: gate.resolve, fail: gate.reject });
    return gate.promise;
  });
  return { begun, queue };
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('cycles run one after the other, and who asks for nothing special shares one that waits', async () => {
  const { begun, queue } = gatedRuns();
  const answers = [queue.ask('first'), queue.ask(), queue.ask(), queue.ask('second')];
  await settled();
  expect(begun.map(({ options }) => options)).toEqual(['first']);
  begun[0]?.end('a');
  await settled();
  expect(begun.map(({ options }) => options)).toEqual(['first', undefined]);
  begun[1]?.end('b');
  await settled();
  begun[2]?.end('c');
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'b', 'c']);
  expect(begun).toHaveLength(3);
});

test('one that fails fails who asked for it and nobody else', async () => {
  const { begun, queue } = gatedRuns();
  const [first, second] = [queue.ask('first'), queue.ask('second')];
  await settled();
  begun[0]?.fail(new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  await settled();
  begun[1]?.end('done');
  expect(await second).toBe('done');
});

test('closed, what runs is waited for and what waits is not begun', async () => {
  const { begun, queue } = gatedRuns();
  const [first, second] = [queue.ask('first'), queue.ask('second')];
  await settled();
  const closed = queue.close();
  begun[0]?.end('done');
  await closed;
  expect(await first).toBe('done');
  await expect(second).rejects.toThrow(/stopping/);
  expect(begun).toHaveLength(1);
});
