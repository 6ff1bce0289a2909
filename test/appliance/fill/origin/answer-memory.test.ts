import { describe, expect, it } from 'vitest';
import { AnswerMemory, type KeptAnswer } from '../../../../appliance/fill/origin/answer-memory.ts';
import { KeyMemo } from '../../../../appliance/fill/origin/key-memo.ts';
import { withVariant } from '../../../../appliance/fill/origin/variant-list.ts';
import { FakeWorld } from '../../../support/fake-world.ts';

const kept = (more: Partial<KeptAnswer> = {}): KeptAnswer => ({
  status: 404,
  headers: {},
  body: new Uint8Array(),
  confirmedAtMs: 1000,
  initialAgeMs: 0,
  freshnessMs: 500,
  selectedBy: {},
  ...more,
});
const nothing = (): undefined => undefined;

describe('answers without content', () => {
  it('count until their time is over, also when the clock is set back', () => {
    const memory = new AnswerMemory();
    memory.put('/a', kept());
    expect(memory.find('/a', nothing, 1499)?.status).toBe(404);
    expect(memory.find('/a', nothing, 1500)).toBeUndefined();
    expect([memory.count, memory.usedBytes]).toEqual([0, 0]);
    memory.put('/a', kept());
    expect(memory.find('/a', nothing, -100_000)).toBeUndefined();
  });

  it('are bounded in number and in bytes, the oldest goes', () => {
    const memory = new AnswerMemory({ maxAnswers: 3, maxBytes: 10_000, maxPerKey: 2 });
    for (const key of ['/a', '/b', '/c', '/d']) memory.put(key, kept());
    expect(memory.count).toBe(3);
    expect(memory.find('/a', nothing, 1000)).toBeUndefined();
    memory.put('/e', kept({ body: new Uint8Array(8000) }));
    expect(memory.usedBytes).toBeLessThanOrEqual(10_000);
    expect(memory.find('/e', nothing, 1000)).toBeDefined();
  });

  it('that vary are kept side by side, within a limit, and replace what was chosen alike', () => {
    const memory = new AnswerMemory({ maxAnswers: 9, maxBytes: 10_000, maxPerKey: 2 });
    const find = (value: string) => memory.find('/a', () => value, 1000)?.status;
    for (const [value, status] of [
      ['1', 404],
      ['2', 410],
      ['1', 405],
    ] as const) {
      memory.put('/a', kept({ status, selectedBy: { 'x-a': value } }));
    }
    expect([find('1'), find('2'), memory.count]).toEqual([405, 410, 2]);
    memory.put('/a', kept({ selectedBy: { 'x-a': '3' } }));
    expect([find('1'), find('2'), find('3')]).toEqual([405, undefined, 404]);
  });

  it('are forgotten by what they are', () => {
    const memory = new AnswerMemory();
    memory.put('/a', kept({ headers: { 'cache-tag': 'x' } }));
    memory.put('/b', kept());
    expect(memory.forgetWhere(({ headers }) => headers['cache-tag'] === 'x')).toBe(1);
    expect(memory.find('/b', nothing, 1000)).toBeDefined();
    expect(memory.find('/a', nothing, 1000)).toBeUndefined();
  });
});

it('a key is remembered for as long as was said, and of too many the oldest is forgotten', async () => {
  const world = new FakeWorld();
  const memo = new KeyMemo(world.clock);
  memo.remember('/a', 100);
  memo.remember('/never', 0);
  expect([memo.has('/a'), memo.has('/never')]).toEqual([true, false]);
  await world.clock.advance(100);
  expect(memo.has('/a')).toBe(false);
  for (let number = 0; number <= 10_000; number += 1) memo.remember(`/${number}`, 100);
  expect([memo.has('/0'), memo.has('/1'), memo.has('/10000')]).toEqual([false, true, true]);
  memo.forgetWhere((key) => key === '/1');
  expect(memo.has('/1')).toBe(false);
});

it('a list of variants has the newest first, one for each choice, and says what goes', () => {
  const variant = (value: string, storeKey: string) => ({ selectedBy: { 'x-a': value }, storeKey });
  const [one, two, three] = [variant('1', 'a'), variant('2', 'b'), variant('3', 'c')];
  expect(withVariant([one, two], three, 2)).toEqual({ variants: [three, one], dropped: ['b'] });
  expect(withVariant([one, two], variant('2', 'd'), 9)).toEqual({ variants: [variant('2', 'd'), one], dropped: ['b'] });
  // Two choices for one object: it stays while one of them is listed.
  expect(withVariant([one, variant('4', 'a'), two], three, 2)).toEqual({ variants: [three, one], dropped: ['b'] });
});
