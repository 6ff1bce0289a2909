import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseVictims } from '../../../../appliance/store/eviction/choose-victims.ts';

interface Candidate {
  readonly name: string;
  readonly sizeBytes: number;
}

const sizes = fc.array(fc.nat(100), { maxLength: 30 });
const named = (prefix: string, list: readonly number[]): Candidate[] =>
  list.map((sizeBytes, index) => ({ name: `${prefix}${index}`, sizeBytes }));
const sum = (list: readonly Candidate[]): number => list.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
const withBytes = (list: readonly Candidate[]): Candidate[] => list.filter(({ sizeBytes }) => sizeBytes > 0);

const scenario = fc
  .record({ unpinned: sizes, pinned: sizes, neededBytes: fc.nat(2000), surplusBytes: fc.nat(500) })
  .map(({ unpinned, pinned, neededBytes, surplusBytes }) => ({
    unpinned: named('u', unpinned),
    pinned: named('p', pinned),
    need: { neededBytes, wantedBytes: neededBytes + surplusBytes },
  }));

describe('chooseVictims', () => {
  it('frees what is needed whenever all candidates together are enough', () => {
    fc.assert(
      fc.property(scenario, ({ unpinned, pinned, need }) => {
        const victims = chooseVictims(unpinned, pinned, need);
        expect(sum(victims)).toBeGreaterThanOrEqual(Math.min(need.neededBytes, sum(unpinned) + sum(pinned)));
      }),
    );
  });

  it('takes the least recently used first, without gaps, and pinned ones only after all others', () => {
    fc.assert(
      fc.property(scenario, ({ unpinned, pinned, need }) => {
        const victims = chooseVictims(unpinned, pinned, need);
        const order = [...withBytes(unpinned), ...withBytes(pinned)];
        expect(victims).toEqual(order.slice(0, victims.length));
      }),
    );
  });

  it('takes nothing that the need could do without, but for a surplus of unpinned ones within what was wanted', () => {
    fc.assert(
      fc.property(scenario, ({ unpinned, pinned, need }) => {
        const victims = chooseVictims(unpinned, pinned, need);
        const last = victims.at(-1);
        if (last === undefined) return;
        if (sum(victims) - last.sizeBytes < need.neededBytes) return;
        expect(pinned).not.toContain(last);
        expect(sum(victims)).toBeLessThanOrEqual(need.wantedBytes);
      }),
    );
  });

  it('looks at no more candidates than it must', () => {
    let looked = 0;
    const endless = function* (): Generator<Candidate> {
      for (;;) {
        looked += 1;
        yield { name: `${looked}`, sizeBytes: 10 };
      }
    };
    expect(chooseVictims(endless(), [], { neededBytes: 25, wantedBytes: 40 })).toHaveLength(4);
    expect(looked).toBe(4);
  });
});
