import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeHoldings,
  encodeHoldings,
  HOLDING_LEVELS,
  type HoldingLevel,
  holdingsSchema,
} from '../../../src/contracts/holdings.ts';

const levels = fc.array(fc.constantFrom<HoldingLevel>(...HOLDING_LEVELS), { maxLength: 300 });

test('levels survive encoding, JSON and decoding in their order', () => {
  fc.assert(
    fc.property(fc.nat(), levels, (planVersion, given) => {
      const wire: unknown = JSON.parse(JSON.stringify(encodeHoldings(planVersion, given)));
      const holdings = holdingsSchema.parse(wire);
      expect(holdings.planVersion).toBe(planVersion);
      expect(decodeHoldings(holdings)).toEqual(given);
    }),
  );
});

test('four levels take one byte', () => {
  fc.assert(
    fc.property(levels, (given) => {
      const { levels: packed } = encodeHoldings(1, given);
      expect(Buffer.from(packed, 'base64')).toHaveLength(Math.ceil(given.length / 4));
    }),
  );
});

test('what the bits do not reach counts as none, and bits beyond the count are ignored', () => {
  fc.assert(
    fc.property(levels, fc.nat(600), (given, renditionCount) => {
      const decoded = decodeHoldings({ ...encodeHoldings(1, given), renditionCount });
      expect(decoded).toHaveLength(renditionCount);
      decoded.forEach((level, index) => expect(level).toBe(given[index] ?? 'none'));
    }),
  );
});
