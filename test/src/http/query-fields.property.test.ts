import fc from 'fast-check';
import { expect, test } from 'vitest';
import { QueryFields } from '../../../src/http/query-fields.ts';

const piece = fc.oneof(
  fc.constantFrom('a', 's', 'd', '=', '&', '?', '%', '%22', '%zz', '+', ' ', '#', '_HLS_pathway', 'oca1', '"', ';'),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const query = fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join(''));

test('a query says what URLSearchParams reads in it, for any text', () => {
  fc.assert(
    fc.property(query, (text) => {
      const [fields, expected] = [new QueryFields(text), new URLSearchParams(text)];
      for (const name of [...expected.keys(), 'a', 'missing', '']) {
        expect(fields.has(name)).toBe(expected.has(name));
        expect(fields.get(name)).toBe(expected.get(name));
        expect(fields.last(name)).toBe(expected.getAll(name).at(-1));
      }
    }),
    { numRuns: 3000 },
  );
});
