import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createPolicy } from '../../../../appliance/store/eviction/create-policy.ts';
import { type EvictionPolicy, policyNames } from '../../../../appliance/store/eviction/eviction-policy.ts';
import { ReuseRate } from '../../../../appliance/store/eviction/reuse-rate.ts';
import { EntryList } from '../../../../appliance/store/eviction/structures/entry-table.ts';
import { FrequencySketch } from '../../../../appliance/store/eviction/structures/frequency-sketch.ts';
import { WTinyLfu } from '../../../../appliance/store/eviction/w-tinylfu.ts';

const CAPACITY_BYTES = 100;

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        key: fc.nat(30),
        bytes: fc.integer({ min: 1, max: 40 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('remove' as const, 'touch' as const), key: fc.nat(30) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('resize' as const),
        key: fc.nat(30),
        bytes: fc.integer({ min: 1, max: 40 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('hold' as const, 'free' as const), key: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('unpin' as const), key: fc.nat(30) }) },
  ),
  { maxLength: 400, size: 'max' },
);

/** A cache around a policy that believes nothing: every proposal is checked against what was really given to the policy. */
class CheckedCache {
  readonly policy: EvictionPolicy;
  readonly slots = new Map<number, number>();
  readonly bytes = new Map<number, number>();
  readonly held = new Set<number>();

  constructor(policy: EvictionPolicy) {
    this.policy = policy;
  }

  get usedBytes(): number {
    return [...this.bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  ask(key: number, bytes: number): void {
    const slot = this.slots.get(key);
    if (slot !== undefined) return this.policy.use(slot, true);
    this.policy.miss(key, bytes);
    this.policy.offered(key);
    if (this.makeRoom(bytes)) this.add(key, bytes, false);
  }

  add(key: number, bytes: number, leavesNext: boolean): void {
    const slot = this.policy.add(key, bytes, leavesNext);
    expect([...this.slots.values()]).not.toContain(slot);
    this.slots.set(key, slot);
    this.bytes.set(key, bytes);
  }

  /** @returns whether there is room now; nothing leaves when those that nobody holds are not enough */
  makeRoom(bytes: number): boolean {
    const byKey = new Map([...this.slots].map(([key, slot]) => [slot, key]));
    let over = this.usedBytes + bytes - CAPACITY_BYTES;
    const leaving: number[] = [];
    const proposed = new Set<number>();
    for (const slot of over > 0 ? this.policy.victims() : []) {
      expect(proposed.has(slot)).toBe(false);
      proposed.add(slot);
      const key = byKey.get(slot);
      expect(key).toBeDefined();
      if (this.held.has(key!)) continue;
      leaving.push(key!);
      over -= this.bytes.get(key!)!;
      if (over <= 0) break;
    }
    if (over > 0) {
      // It gave up, so it must have named everybody.
      expect(proposed.size).toBe(this.slots.size);
      return false;
    }
    for (const key of leaving) this.remove(key);
    return true;
  }

  remove(key: number): void {
    const slot = this.slots.get(key);
    if (slot === undefined) return;
    this.policy.remove(slot);
    this.slots.delete(key);
    this.bytes.delete(key);
  }
}

const tested: readonly (readonly [string, () => EvictionPolicy])[] = [
  ...policyNames.map((name) => [name, () => createPolicy(name)] as const),
  ['reuse-rate as LRU', () => new ReuseRate({ isLru: true, needsSecondHit: false })],
  ['reuse-rate, second hit', () => new ReuseRate({ isLru: false, needsSecondHit: true })],
  ['w-tinylfu, second hit', () => new WTinyLfu({ windowShare: 0.2, needsSecondHit: true })],
];

describe.each(tested)('%s', (_, create) => {
  it('names everybody once, nobody else, and so makes room whenever there is some, without those who are held', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const cache = new CheckedCache(create());
        for (const step of taken) {
          const slot = cache.slots.get(step.key);
          if (step.kind === 'ask') cache.ask(step.key, step.bytes);
          else if (step.kind === 'hold') cache.held.add(step.key);
          else if (step.kind === 'free') cache.held.delete(step.key);
          else if (step.kind === 'remove') cache.remove(step.key);
          else if (step.kind === 'unpin' && slot === undefined) {
            if (cache.makeRoom(5)) cache.add(step.key, 5, true);
          } else if (slot === undefined) continue;
          else if (step.kind === 'touch') cache.policy.use(slot, false);
          else if (step.kind === 'resize') {
            const before = cache.bytes.get(step.key)!;
            if (step.bytes > before && !cache.makeRoom(step.bytes - before)) continue;
            if (cache.slots.get(step.key) !== slot) continue;
            cache.policy.resize(slot, step.bytes);
            cache.bytes.set(step.key, step.bytes);
          }
          expect(cache.usedBytes).toBeLessThanOrEqual(CAPACITY_BYTES);
        }
      }),
    );
  });

  it('names who was given last as the next to leave when it lost its pin', () => {
    const policy = create();
    const others = [1, 2, 3, 4, 5, 6, 7, 8].map((key) => policy.add(key, 1));
    const unpinned = policy.add(9, 1, true);
    const [first] = policy.victims();
    expect(others).not.toContain(first);
    expect(first).toBe(unpinned);
  });

  it('takes a step or a few to name one among twenty thousand, counted over all that was added and used', () => {
    let steps = 0;
    const spies = [
      vi.spyOn(EntryList.prototype, 'add'),
      vi.spyOn(EntryList.prototype, 'remove'),
      vi.spyOn(EntryList.prototype, 'renew'),
      vi.spyOn(FrequencySketch.prototype, 'estimate'),
    ];
    try {
      const policy = create();
      const slots = Array.from({ length: 20_000 }, (_unused, key) => {
        policy.miss(key, 1);
        return policy.add(key, 1);
      });
      for (const slot of slots.slice(0, 10_000)) policy.use(slot, true);
      for (let round = 0; round < 5000; round += 1) {
        const [slot] = policy.victims();
        policy.remove(slot!);
      }
      steps = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    // Shadows do it all four times over.
    expect(steps).toBeLessThan(35_000 * 5 * 5);
  });
});
