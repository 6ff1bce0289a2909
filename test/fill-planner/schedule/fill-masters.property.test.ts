import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseMasters } from '../../../fill-planner/schedule/fill-masters.ts';
import type { HolderTable } from '../../../fill-planner/schedule/holder-table.ts';

/** Slot s is held by `rows[s].holders`; slots come in the order of worth. */
function tableOf(rows: readonly { readonly sizeBytes: number; readonly holders: readonly number[] }[]): HolderTable {
  const held = rows.map(({ holders }) => holders.length);
  return {
    offsets: Uint32Array.from([0, ...held.map((_, at) => held.slice(0, at + 1).reduce((a, b) => a + b, 0))]),
    holders: Uint16Array.from(rows.flatMap(({ holders }) => holders)),
    order: Uint32Array.from(rows.keys()),
    sizeBytes: Float64Array.from(rows, ({ sizeBytes }) => sizeBytes),
  };
}

const APPLIANCES = 5;
const rowsArbitrary = fc.array(
  fc.record({
    sizeBytes: fc.integer({ min: 1, max: 1000 }),
    holders: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1 }),
  }),
  { minLength: 1, maxLength: 60 },
);
const ratesArbitrary = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: APPLIANCES, maxLength: APPLIANCES });

describe('fill masters', () => {
  test('hold what they fetch, one for each slot', () => {
    fc.assert(
      fc.property(rowsArbitrary, ratesArbitrary, (rows, rates) => {
        const { master, linkBytes } = chooseMasters({ table: tableOf(rows), linkBitsPerSec: Float64Array.from(rates) });
        rows.forEach(({ holders }, slot) => expect(holders).toContain(master[slot]));
        const fetched = rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        expect(linkBytes.reduce((sum, bytes) => sum + bytes, 0)).toBe(fetched);
      }),
    );
  });

  test('stay while they hold it and are there', () => {
    fc.assert(
      fc.property(
        rowsArbitrary,
        rowsArbitrary,
        ratesArbitrary,
        fc.nat(APPLIANCES - 1),
        (before, after, rates, gone) => {
          const linkBitsPerSec = Float64Array.from(rates);
          const previous = chooseMasters({ table: tableOf(before), linkBitsPerSec }).master;
          const isAway = new Uint8Array(APPLIANCES);
          isAway[gone] = 1;
          const { master } = chooseMasters({ table: tableOf(after), linkBitsPerSec, previous, isAway });
          after.forEach(({ holders }, slot) => {
            const old = previous[slot] ?? -1;
            if (holders.includes(old) && old !== gone) expect(master[slot]).toBe(old);
            if (holders.length > 1) expect(master[slot]).not.toBe(gone);
          });
        },
      ),
    );
  });

  test('where all hold all, every prefix of the list is balanced to within one rendition', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 80 }), (sizes) => {
        const linkBitsPerSec = new Float64Array(APPLIANCES).fill(8);
        const rows = sizes.map((sizeBytes) => ({ sizeBytes, holders: [0, 1, 2, 3, 4] }));
        for (let length = 1; length <= rows.length; length += 7) {
          const { linkBytes } = chooseMasters({ table: tableOf(rows.slice(0, length)), linkBitsPerSec });
          const prefix = sizes.slice(0, length);
          const mean = prefix.reduce((sum, bytes) => sum + bytes, 0) / APPLIANCES;
          for (const bytes of linkBytes) expect(bytes).toBeLessThanOrEqual(mean + Math.max(...prefix));
        }
      }),
      { numRuns: 40 },
    );
  });
});
