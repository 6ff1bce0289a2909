import { describe, expect, it } from 'vitest';
import { MemoryTier } from '../../../appliance/store/memory-tier.ts';

const bytesOf = (length: number) => Promise.resolve(new Uint8Array(length));
const never = () => Promise.reject(new Error('must not be loaded'));

describe('the memory tier', () => {
  it('loads a block once, however many ask for it while it loads and afterwards', async () => {
    const tier = new MemoryTier(10_000);
    const gate = Promise.withResolvers<Uint8Array>();
    let loads = 0;
    const load = () => {
      loads += 1;
      return gate.promise;
    };
    const asked = [tier.read(1, 0, load), tier.read(1, 0, load), tier.read(1, 0, load)];
    gate.resolve(new Uint8Array([7]));
    const answers = await Promise.all(asked);
    expect(loads).toBe(1);
    for (const answer of answers) expect(answer).toBe(answers[0]);
    expect(tier.get(1, 0)).toBe(answers[0]);
  });

  it('stays within its bytes, and lets the least recently read go', async () => {
    const tier = new MemoryTier(5000);
    for (const block of [0, 1, 2]) await tier.read(1, block, () => bytesOf(1000));
    tier.get(1, 0);
    await tier.read(1, 3, () => bytesOf(1000));
    expect([0, 1, 2, 3].map((block) => tier.has(1, block))).toEqual([true, false, true, true]);
    expect(tier.usedBytes).toBeLessThanOrEqual(5000);
  });

  it('keeps blocks of two generations apart, and drops those of one', async () => {
    const tier = new MemoryTier(100_000);
    for (const generation of [1, 2]) await tier.read(generation, 0, () => bytesOf(generation));
    tier.drop(1, [0, 1]);
    expect(tier.get(1, 0)).toBeUndefined();
    expect(tier.get(2, 0)).toHaveLength(2);
  });

  it('asks again after a load that found nothing or failed', async () => {
    const tier = new MemoryTier(10_000);
    expect(await tier.read(1, 0, () => Promise.resolve(undefined))).toBeUndefined();
    await expect(tier.read(1, 0, never)).rejects.toThrow('must not be loaded');
    expect(await tier.read(1, 0, () => bytesOf(3))).toHaveLength(3);
  });

  it('takes nothing when it has no room, and still shares loads', async () => {
    const tier = new MemoryTier(0);
    const gate = Promise.withResolvers<Uint8Array>();
    const asked = [tier.read(1, 0, () => gate.promise), tier.read(1, 0, never)];
    gate.resolve(new Uint8Array(5));
    expect(await Promise.all(asked)).toHaveLength(2);
    expect(tier.usedBytes).toBe(0);
    const small = new MemoryTier(100);
    expect(await small.read(1, 0, () => bytesOf(200))).toHaveLength(200);
    expect(small.usedBytes).toBe(0);
  });
});
