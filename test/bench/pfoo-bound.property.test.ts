import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lru } from '../../appliance/store/eviction/lru.ts';
import { missReduction, reductionInterval } from '../../bench/eviction/miss-reduction.ts';
import { pfooBound } from '../../bench/eviction/pfoo-bound.ts';
import { policies } from '../../bench/eviction/policies.ts';
import { replay } from '../../bench/eviction/replay.ts';
import { type Trace, traceOf, uniqueBytes } from '../../bench/workloads/trace.ts';

const sizes = [1, 2, 3, 5, 8, 1, 4, 9, 2, 6];
const trace = (ids: readonly number[]): Trace =>
  traceOf(
    'test',
    ids.map((id) => ({ id, bytes: sizes[id] ?? 1 })),
  );
const traces = fc.array(fc.nat(9), { minLength: 4, maxLength: 300, size: 'max' }).map(trace);
const capacities = fc.integer({ min: 1, max: 30 });

describe('the replay', () => {
  it('counts the second half of a trace that can be followed by hand', () => {
    // 0, 1 and 2 have 1, 2 and 3 bytes; six bytes hold all three. Measured: 0 is hit; 3 (5 bytes) takes the place of 1
    // and 2; 1 takes that of 0 and 3; 0 finds room.
    const measured = replay(trace([1, 2, 0, 2, 0, 3, 1, 0]), new Lru(), 6);
    expect(measured).toMatchObject({ requestedBytes: 1 + 5 + 2 + 1, hitBytes: 1, writtenBytes: 5 + 2 + 1 });
  });

  it('finds with LRU what a plain list finds', () => {
    fc.assert(
      fc.property(traces, capacities, (requests, capacityBytes) => {
        let hitBytes = 0;
        let held: number[] = [];
        const bytesOf = (ids: readonly number[]) => ids.reduce((sum, id) => sum + (sizes[id] ?? 1), 0);
        for (const [index, id] of requests.ids.entries()) {
          const isHit = held.includes(id);
          if (isHit && index >= requests.measuredFrom) hitBytes += sizes[id] ?? 1;
          if (!isHit && (sizes[id] ?? 1) > capacityBytes) continue;
          held = [...held.filter((other) => other !== id), id];
          while (bytesOf(held) > capacityBytes) held.shift();
        }
        expect(replay(requests, new Lru(), capacityBytes).hitBytes).toBe(hitBytes);
      }),
    );
  });
});

describe('the bound', () => {
  it('is what can be had in a trace that can be followed by hand', () => {
    const requests = traceOf(
      'by hand',
      [0, 1, 0, 1, 0, 1].map((id) => ({ id, bytes: 1 })),
    );
    // Measured: 1, 0, 1. Each was asked for two requests ago; of two byte-requests per hit the first ones are free.
    expect(pfooBound(requests, 2)).toBe(1);
    // Three byte-requests: 1 costs none (all before), 0 costs 1, the last 1 costs 2.
    expect(pfooBound(requests, 1)).toBe(1);
    expect(pfooBound(requests, 0.5)).toBe(0);
  });

  it.each(policies)('is never exceeded by %s', (_, create) => {
    fc.assert(
      fc.property(traces, capacities, (requests, capacityBytes) => {
        const { hitBytes, requestedBytes } = replay(requests, create(), capacityBytes);
        expect(hitBytes / requestedBytes).toBeLessThanOrEqual(pfooBound(requests, capacityBytes) + 1e-12);
      }),
      { numRuns: 40 },
    );
  });

  it('is one when everything that was seen fits', () => {
    const requests = trace([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(pfooBound(requests, uniqueBytes(requests))).toBe(1);
  });
});

it('the interval of a comparison with itself is nothing, and else contains the figure', () => {
  const requests = trace(Array.from({ length: 2000 }, (_, index) => (index * index + (index >> 3)) % 10));
  const small = replay(requests, new Lru(), 10);
  const large = replay(requests, new Lru(), 20);
  expect(reductionInterval([[small, small]])).toEqual([0, 0]);
  const [low, high] = reductionInterval([[large, small]]);
  expect(low).toBeLessThanOrEqual(missReduction(large, small));
  expect(high).toBeGreaterThanOrEqual(missReduction(large, small));
});
